"""What the tests of resolutions share: two clusters with one conflict, a team's repository and its keys."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Clone, run
from upgrading import ISTIO, World, copy

from git_ekf.demo.sample import deployment
from git_ekf.repository import Repository
from git_ekf.resolutions.kept import Resolution, git_for, known_tip, read_kept

MINE = deployment("istio", "1.8.0-mine", 3)
ANSWER = deployment("istio", "1.9.0-mine", 3)
REF = "refs/ekf/resolutions"
DATE = "2026-11-20"


class Team(NamedTuple):
    """A folder with the team's repository, its keys (ada and eve), and the list that has Ada alone."""

    folder: Path

    @property
    def repository(self) -> Clone:
        return Clone(self.folder / "team.git")

    @property
    def signers(self) -> Path:
        return self.folder / "signers"

    def set_up(self, world: World, key: str = "ada", *, trusting: bool = True) -> None:
        """A clone that goes by the team's resolutions, and signs with a key."""
        settings = {
            "ekf.resolutions": str(self.repository.path),
            "gpg.format": "ssh",
            "user.signingKey": str(self.folder / key),
        }
        if trusting:
            settings["gpg.ssh.allowedSignersFile"] = str(self.signers)
        for name, value in settings.items():
            world.git("config", name, value)

    def tip(self) -> str:
        return self.repository.git("rev-parse", "-q", "--verify", REF, ok=False).out.strip()


def make_team(folder: Path) -> Team:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not on this machine")
    folder.mkdir(exist_ok=True)
    assert run("git", "init", "-q", "--bare", folder / "team.git").code == 0
    for name in ("ada", "eve"):
        made = run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
        assert made.code == 0
    team = Team(folder)
    team.signers.write_text(f"ada@example.com {(folder / 'ada.pub').read_text()}")
    return team


def copy_team(team: Team, folder: Path) -> Team:
    shutil.copytree(team.folder, folder)
    return Team(folder)


def resolve(world: World, answer: str = ANSWER, path: str = ISTIO) -> None:
    """Upgrades, and resolves the one conflict by hand."""
    stopped = world.ekf("upgrade", "--no-build")
    assert stopped.code == 3, stopped
    world.write(path, answer)
    world.git("add", "--", path)
    done = world.ekf("upgrade", "--continue", "--no-build")
    assert done.code == 0, done


def in_conflict(template: Path, folder: Path) -> World:
    """A cluster of which the last commit is in conflict with 1.9."""
    world = copy(template, folder)
    world.commit(ISTIO, MINE, "Our image")
    world.save()
    return world


def forge(
    team: Team,
    files: Mapping[str, str | None],
    *,
    key: str = "",
    modes: Mapping[str, str] | None = None,
) -> str:
    """A commit of somebody's own on the team's ref: path -> object id, None removes it; signed with a key where one is named."""
    repository = team.repository
    env = {"GIT_INDEX_FILE": str(team.folder / "forged")}
    tip = team.tip()
    repository.git("read-tree", *([tip] if tip else ["--empty"]), env=env)
    lines = []
    for path, oid in files.items():
        mode = (modes or {}).get(path, "100644")
        lines.append(f"{mode} {oid}\t{path}\n" if oid else f"0 {'0' * 40}\t{path}\n")
    repository.git("update-index", "--index-info", stdin="".join(lines), env=env)
    tree = repository.git("write-tree", "--missing-ok", env=env).out.strip()
    signing = ["-c", "gpg.format=ssh", "-c", f"user.signingKey={team.folder / key}"] if key else []
    options = [*(["-S"] if key else []), *(["-p", tip] if tip else []), "-m", "Forged"]
    commit = repository.git(*signing, "commit-tree", *options, tree).out.strip()
    repository.git("update-ref", REF, commit)
    return commit


def blob(team: Team, content: str) -> str:
    """A file in the team's repository; its object id."""
    return team.repository.git("hash-object", "-w", "--stdin", stdin=content).out.strip()


def known(world: World) -> dict[str, Resolution]:
    """The resolutions as a clone has them."""
    repo = Repository(git_for(Repository()).variant(str(world.path)))
    return read_kept(repo.git, known_tip(repo))
