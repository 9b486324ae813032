"""Which commands of the tracked configuration may run in this clone.

`.ekf.toml` arrives with a fetch, so a command that it names is somebody else's word until the
person here has agreed to it. What was agreed to is in `ekf/trusted` in the common git directory, a
line of JSON a command, with its exact words: another word makes another command.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.config import Config
from git_ekf.errors import Refused
from git_ekf.files_named import files_named
from git_ekf.git.calls import Git
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import write_small
from git_ekf.transaction.journal import locked, read_own

APPLY = "apply"
DRIFT = "drift"
RENDER = "render"
MIGRATIONS = "upgrade.migrations"

FILES = "files"

SHIPPED = ".ekf/migrate"  # where a channel may have a migration of its own


class Command(NamedTuple):
    """The exact words of a section: apply, drift, render or upgrade.migrations.

    In the section files the words are the path and the object id of a file that a command runs.
    """

    section: str
    words: tuple[str, ...]


def require_trusted(
    repo: Repository, section: str, command: tuple[str, ...], tree: str = "HEAD"
) -> None:
    """Raises Refused unless it was agreed to the command, and to the files of the tree that it
    runs.

    A command that nobody else can have put here needs no consent, but the bytes of a file that came
    with a commit do, whoever named it.
    """
    wanted = Command(section, command)
    known = remembered(repo)
    _require_files(repo, command, tree, known, "git ekf trust")
    if wanted not in known and wanted not in _own(repo):
        raise Refused(
            f"{configuration.FILE} names a command that is not trusted here: {shell(*command)}",
            "git ekf trust",
        )


def require_trusted_files(
    repo: Repository, command: tuple[str, ...], tree: str, git: Git | None = None
) -> None:
    """Raises Refused for a file that a command may run in a checkout of a tree, and is not trusted.

    `tree` is an id, which `git` knows where the repository does not.
    """
    # The command's own program is not that of the checkout.
    words = ("", *command[1:])
    _require_files(repo, words, tree, remembered(repo), f"git ekf trust {shell(tree[:12])}", git)


def _require_files(
    repo: Repository,
    words: tuple[str, ...],
    tree: str,
    known: list[Command],
    hint: str,
    git: Git | None = None,
) -> None:
    """Raises Refused for a file of the tree that the words name and that is not known."""
    for path, oid in files_named(repo, words, tree, git):
        if Command(FILES, (path, oid)) not in known:
            raise Refused(
                f"{path} ({oid[:12]}) would be run, and is not trusted here in this version", hint
            )


def require_shipped_trusted(repo: Repository, branch: str, oid: str) -> None:
    """Raises Refused when the migration that a channel ships was not agreed to in this clone, in
    this version of it.
    """
    if _shipped(repo, branch, oid) not in remembered(repo):
        channel = f"{repo.config.primary}/{branch}"
        raise Refused(
            f"{channel} ships a migration that is not trusted here: {SHIPPED} ({oid[:12]})",
            "git ekf trust",
        )


def _shipped(repo: Repository, branch: str, oid: str) -> Command:
    return Command(MIGRATIONS, (f"{repo.config.primary}/{branch}:{SHIPPED}", oid))


def shipped(repo: Repository) -> list[Command]:
    """The migrations that the vendor's channels ship, newer than the branch checked out."""
    key = repo.config.scheme.key
    here = repo.head_branch or ""
    newer = [branch for branch in repo.channels if key(branch) > key(here)]
    found = ((branch, repo.git.ref_value(f"{repo.channels[branch]}:{SHIPPED}")) for branch in newer)
    return [_shipped(repo, branch, oid) for branch, oid in found if oid]


def tracked(repo: Repository, deployed: str = "", others: Sequence[str] = ()) -> list[Command]:
    """The commands that `.ekf.toml` names, but for those that would run without it, and the files.

    These are all that commands run, also those of git's configuration. `deployed` is the commit
    that the cluster runs, "" for none known: the comparison runs on its files. `others` are more
    commits that commands run on. Raises UsageError.
    """
    own = _own(repo)
    named = _commands(configuration.load(repo.toml, []))
    commands = [command for command in named if command not in own]
    config, scheme = repo.config, repo.config.scheme
    run = [(config.apply_command, "HEAD"), (config.render_command, "HEAD")]
    run += [(config.drift_command, tree) for tree in (deployed, "HEAD")]
    for migration in config.migrations:
        channel = repo.channels.get(scheme.branch(migration.to), "")
        run += [(migration.command, tree) for tree in (channel, "HEAD")]
    for commit in others:
        run += [(words, commit) for _, words in _commands(config)]
    for words, tree in run:
        if tree:
            commands += [Command(FILES, file) for file in files_named(repo, words, tree)]
    return list(dict.fromkeys(commands))


def remembered(repo: Repository) -> list[Command]:
    """The commands that were agreed to in this clone. A line that cannot be read agrees to nothing.

    Raises Refused where the file itself cannot be read.
    """
    content = read_own(_file(repo))
    import json  # 2 ms, which few commands need

    found = []
    for line in content.split(b"\n"):
        try:
            values = json.loads(line)
            found.append(Command(str(values["section"]), tuple(map(str, values["command"]))))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found


def trust(repo: Repository, commands: list[Command]) -> None:
    """Remembers commands beside those agreed to before.

    Raises Refused while another git-ekf command is at work.
    """
    with locked(repo):
        _write(repo, list(dict.fromkeys([*remembered(repo), *commands])))


def revoke(repo: Repository) -> list[Command]:
    """Forgets all commands; returns them.

    Raises Refused while another git-ekf command is at work.
    """
    with locked(repo):
        forgotten = remembered(repo)
        if forgotten:
            _write(repo, [])
        return forgotten


def _own(repo: Repository) -> list[Command]:
    """Commands that nobody else can have put here: the defaults, and git's configuration."""
    here = configuration.load(None, repo.git_config)
    return [command for config in (Config(), here) for command in _commands(config)]


def _commands(config: Config) -> list[Command]:
    return [
        Command(APPLY, config.apply_command),
        Command(DRIFT, config.drift_command),
        Command(RENDER, config.render_command),
        *(Command(MIGRATIONS, migration.command) for migration in config.migrations),
    ]


def _file(repo: Repository) -> str:
    return os.path.join(repo.place.common_dir, "ekf", "trusted")


def _write(repo: Repository, commands: list[Command]) -> None:
    import json

    lines = []
    for section, words in commands:
        lines.append(json.dumps({"section": section, "command": words}) + "\n")
    write_small(_file(repo), "".join(lines).encode())
