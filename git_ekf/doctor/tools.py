"""Checks of the programs that a repository names: they are there, and may run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

from git_ekf.cluster import deployed_commit
from git_ekf.config import FILE, Config
from git_ekf.doctor.finding import ERROR, WARNING, Case, Diagnosis, fail, ok, warn
from git_ekf.installation import how_to_install
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.trust import remembered, tracked

# gpg.format -> (settings that name the program, the program unless they do), as in git-config(1).
_SIGNERS = {
    "openpgp": (("gpg.openpgp.program", "gpg.program"), "gpg"),
    "x509": (("gpg.x509.program",), "gpgsm"),
    "ssh": (("gpg.ssh.program",), "ssh-keygen"),
}


def tools(case: Case) -> Iterator[Diagnosis]:
    """The programs that deploy, build and migrate are there.

    One that nobody has configured is only a warning.
    """
    config, default = case.repo.config, Config()
    commands = [
        ("apply.command", config.apply_command, default.apply_command),
        ("render.command", config.render_command, default.render_command),
    ]
    if config.drift_command != default.drift_command:  # else render.command says it of kubectl
        commands.append(("drift.command", config.drift_command, default.drift_command))
    for migration in config.migrations:
        commands.append(("upgrade.migrations", migration.command, ()))
    found = {}
    for key, command, usual in commands:
        program = _program(case.repo, command[0])
        if program:
            found[command[0]] = program
            continue
        shown = shell(*command[:1])
        why = "cannot be run" if "/" in command[0] else "is not on the PATH"
        yield Diagnosis(
            WARNING if command == usual else ERROR,
            f"{key}: {shown} {why}",
            f"install {shown}, or correct {key}: git ekf man config",
        )
    if config.render_command[0] in found and not find_spec("yaml"):
        fix = how_to_install("PyYAML", "python3-yaml")
        yield warn("PyYAML is not installed, which git ekf diff --rendered needs", fix)
    if found:
        yield ok(", ".join(found.values()))


def trust(case: Case) -> Iterator[Diagnosis]:
    """The commands that the tracked configuration names may run here."""
    named = tracked(case.repo, deployed_commit(case.repo))
    known = remembered(case.repo)
    asked = [command for command in named if command not in known]
    for command in asked:
        yield fail(
            f"{command.section}: {shell(*command.words)} is not trusted here",
            "git ekf trust",
        )
    if not asked:
        yield ok("every command is trusted" if named else f"{FILE} names no command")


def signing(case: Case) -> Iterator[Diagnosis]:
    """Where commits or records are signed, the program and the key are there."""
    repo = case.repo
    signed = []
    if repo.git_flag("commit.gpgsign"):
        signed.append("commits")
    if repo.git_flag("tag.gpgsign") or repo.config.tags_sign:
        signed.append("tags")
    if not signed:
        yield ok("nothing is signed")
        return
    form = repo.git_setting("gpg.format") or "openpgp"
    if form not in _SIGNERS:
        yield fail(
            f"gpg.format is {form}, which git does not know", "git config gpg.format openpgp"
        )
        return
    names = " and ".join(signed)
    keys, usual = _SIGNERS[form]
    program = next(filter(None, map(repo.git_setting, keys)), usual)
    is_there = shutil.which(os.path.expanduser(program))
    if not is_there:
        fix = f"install {shell(program)}, or: git config {keys[-1]} PROGRAM"
        yield fail(f"{names} are signed, but {program} is not on the PATH", fix)
    obstacle = _key_obstacle(repo) if form == "ssh" else ""
    if obstacle:
        yield fail(obstacle, _name_a_key())
    if is_there and not obstacle:
        yield ok(f"{names}, with {program}")


def _key_obstacle(repo: Repository) -> str:
    """Why there is no SSH key to sign with, "" where there is one."""
    key = repo.git_setting("user.signingkey")
    if not key:
        by_command = repo.git_setting("gpg.ssh.defaultkeycommand")
        return "" if by_command else "no key is named to sign with"
    is_literal = key.startswith(("ssh-", "key::", "ecdsa-", "sk-"))
    if is_literal or os.path.exists(os.path.expanduser(key)):
        return ""
    return f"the key to sign with is gone: {key}"


def _name_a_key() -> str:
    """How to name an SSH key to sign with, made first where there is none."""
    name = "git config --global user.signingKey ~/.ssh/id_ed25519.pub"
    if os.path.exists(os.path.expanduser("~/.ssh/id_ed25519.pub")):
        return name
    return f"ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519 && {name}"


def _program(repo: Repository, name: str) -> str:
    """Where it is; "" where it cannot be run.

    One with a slash is of the work tree, as `git ekf apply` runs it.
    """
    return shutil.which(os.path.join(repo.place.top, name) if "/" in name else name) or ""
