"""Checks of the programs that a repository names: they are there, may run, and have what they need."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from git_ekf.config import FILE, Config
from git_ekf.doctor.finding import ERROR, OK, WARNING, Case, Diagnosis
from git_ekf.repository import Repository
from git_ekf.trust import quoted, remembered, tracked

# gpg.format -> (settings that name the program, the program unless they do), as in git-config(1).
_SIGNERS = {
    "openpgp": (("gpg.openpgp.program", "gpg.program"), "gpg"),
    "x509": (("gpg.x509.program",), "gpgsm"),
    "ssh": (("gpg.ssh.program",), "ssh-keygen"),
}


def tools(case: Case) -> Iterator[Diagnosis]:
    """The programs that deploy, build and migrate are there. One that nobody has configured is only a warning."""
    config, usual = case.repo.config, Config()
    commands = [
        ("apply.command", config.apply_command, usual.apply_command),
        ("render.command", config.render_command, usual.render_command),
        *(("upgrade.migrations", migration.command, ()) for migration in config.migrations),
    ]
    found = {}
    for key, command, default in commands:
        where = _program(case.repo, command[0])
        if where:
            found[command[0]] = where
            continue
        state = WARNING if command == default else ERROR
        what = "cannot be run" if "/" in command[0] else "is not on the PATH"
        yield Diagnosis(
            state,
            f"{key}: {quoted(command[:1])} {what}",
            f"install {quoted(command[:1])}, or correct {key}: git help ekf-config",
        )
    if config.render_command[0] in found and not find_spec("yaml"):
        yield Diagnosis(
            WARNING, "PyYAML is not installed, which git ekf diff --rendered needs", _install_yaml()
        )
    if found:
        yield Diagnosis(OK, ", ".join(found.values()))


def trust(case: Case) -> Iterator[Diagnosis]:
    """The commands that the tracked configuration names may run here."""
    named, known = tracked(case.repo), remembered(case.repo)
    asked = [command for command in named if command not in known]
    for command in asked:
        yield Diagnosis(
            ERROR,
            f"{command.section}: {quoted(command.words)} is not trusted here",
            "git ekf trust",
        )
    if not asked:
        yield Diagnosis(OK, "every command is trusted" if named else f"{FILE} names no command")


def signing(case: Case) -> Iterator[Diagnosis]:
    """Where commits or records are signed, the program and the key are there."""
    repo = case.repo
    signed = [
        what
        for what, signs in (
            ("commits", repo.git_flag("commit.gpgsign")),
            ("tags", _signs_tags(repo)),
        )
        if signs
    ]
    form = repo.git_setting("gpg.format") or "openpgp"
    if not signed:
        yield Diagnosis(OK, "nothing is signed")
        return
    if form not in _SIGNERS:
        yield Diagnosis(
            ERROR, f"gpg.format is {form}, which git does not know", "git config gpg.format openpgp"
        )
        return
    keys, usual = _SIGNERS[form]
    program = next((value for value in map(repo.git_setting, keys) if value), usual)
    key = repo.git_setting("user.signingkey") or ""
    wrong = False
    if not shutil.which(os.path.expanduser(program)):
        wrong = True
        fix = f"install {shlex.quote(program)}, or: git config {keys[-1]} PROGRAM"
        yield Diagnosis(
            ERROR, f"{' and '.join(signed)} are signed, but {program} is not on the PATH", fix
        )
    if form == "ssh" and not key and not repo.git_setting("gpg.ssh.defaultkeycommand"):
        wrong = True
        yield Diagnosis(
            ERROR,
            "no key is named to sign with",
            "git config --global user.signingKey ~/.ssh/id_ed25519.pub",
        )
    elif (
        form == "ssh"
        and key
        and not key.startswith(("ssh-", "key::", "ecdsa-", "sk-"))
        and not os.path.exists(os.path.expanduser(key))
    ):
        wrong = True
        yield Diagnosis(
            ERROR,
            f"the key to sign with is gone: {key}",
            "git config --global user.signingKey ~/.ssh/id_ed25519.pub",
        )
    if not wrong:
        yield Diagnosis(OK, f"{' and '.join(signed)}, with {program}")


def _install_yaml() -> str:
    """How PyYAML gets to where this git-ekf looks for it."""
    where = sys.prefix.split(os.sep)
    if "pipx" in where:
        return "pipx inject git-ekf PyYAML"
    if "uv" in where:
        return "uv tool install --with PyYAML git-ekf"
    if __file__.startswith("/usr/lib/"):
        return "apt install python3-yaml"
    return shlex.join([sys.executable, "-m", "pip", "install", "PyYAML"])


def _program(repo: Repository, name: str) -> str:
    """Where it is; "" where it cannot be run. One with a slash is of the work tree, as `git ekf apply` runs it."""
    return shutil.which(os.path.join(repo.place.top, name) if "/" in name else name) or ""


def _signs_tags(repo: Repository) -> bool:
    return repo.git_flag("tag.gpgsign") or repo.config.tags_sign
