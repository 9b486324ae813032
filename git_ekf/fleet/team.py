"""The team's resolutions, for the clusters of a fleet: the store has them once for all.

Whether there are any, and who may sign them, says the fleet file, or git's configuration, as in a
clone.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.config import Config
from git_ekf.fleet.file import Fleet, other_file
from git_ekf.fleet.store import Store
from git_ekf.repository import Repository
from git_ekf.resolutions.kept import known_tip
from git_ekf.shown import shell
from git_ekf.smallfile import STATE, read_small, write_small

# The answers that somebody has agreed to, in the directory of a repository.
_APPROVED = os.path.join("ekf", "approved")


class Team(NamedTuple):
    """The resolutions that clones of the clusters would go by: source, signers, the newest commit.

    `approved` is the file of those that were agreed to here, as it is. `builder` is the command
    that builds what they settle: that of who upgrades, never of a cluster. "" and None for nothing.
    """

    source: str = ""
    signers: str = ""
    tip: str = ""
    approved: bytes | None = None
    builder: tuple[str, ...] = Config().render_command

    def configured(self, config: Config) -> Config:
        """The configuration of a cluster with that of who upgrades it."""
        return config._replace(
            resolutions=self.source,
            resolution_signers=self.signers,
            render_command=self.builder,
        )

    def agree(self, git_dir: str) -> None:
        """Lets a repository know what was agreed to. Raises OSError."""
        if self.approved is not None:
            os.makedirs(os.path.join(git_dir, "ekf"))
            write_small(os.path.join(git_dir, _APPROVED), self.approved)


def team_repository(store: Store, fleet: Fleet) -> Repository:
    """The store as a repository that goes by the team's resolutions. Raises UsageError.

    What the fleet file says of them goes before git's configuration.
    """
    repo = Repository(store.git)
    repo.config = repo.config._replace(
        resolutions=fleet.resolutions or repo.config.resolutions,
        resolution_signers=fleet.signers or repo.config.resolution_signers,
    )
    return repo


def approving(fleet: Fleet) -> str:
    """The command of git ekf that lets a resolution be used in a fleet, up to its key."""
    return shell("fleet", "resolve", *other_file(fleet.path), "--approve")


def team_of(store: Store, fleet: Fleet) -> Team:
    """The team as the store knows it. Raises UsageError, OSError."""
    repo = team_repository(store, fleet)
    config = repo.config
    if not config.resolutions:
        return Team()
    return Team(
        config.resolutions,
        config.resolution_signers,
        known_tip(repo),
        read_small(os.path.join(store.path, _APPROVED), STATE),
        config.render_command,
    )
