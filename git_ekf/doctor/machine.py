"""Checks of the machine: what git-ekf needs there, with any repository, and without one."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress

from git_ekf import __version__
from git_ekf.doctor.finding import Case, Diagnosis, fail, ok, skip, warn
from git_ekf.errors import EkfError
from git_ekf.git.calls import MINIMUM
from git_ekf.replay import merging
from git_ekf.shown import shell
from git_ekf.upgrade.plan import why_not_in_memory

PYTHON = (3, 11)

# Where each shell looks for what completes git-ekf, below a directory of shared data.
_COMPLETIONS = {
    "bash": ("bash-completion/completions/git-ekf",),
    "zsh": ("zsh/site-functions/_git-ekf", "zsh/vendor-completions/_git-ekf"),
    "fish": ("fish/vendor_completions.d/git-ekf.fish", "fish/conf.d/git-ekf.fish"),
}
_BASH_OWN, _FISH_OWN = "~/.local/share/bash-completion/completions", "~/.config/fish/conf.d"
_FIXES = {
    "bash": f"mkdir -p {_BASH_OWN} && git ekf completion bash > {_BASH_OWN}/git-ekf",
    # zsh looks into no folder of the user's.
    "zsh": """echo 'eval "$(git ekf completion zsh)"' >> ~/.zshrc""",
    "fish": f"mkdir -p {_FISH_OWN} && git ekf completion fish > {_FISH_OWN}/git-ekf.fish",
}
# Where a person may have put `eval "$(git ekf completion SHELL)"` instead.
_STARTUP = {
    "bash": (".bashrc", ".bash_profile", ".profile"),
    "zsh": (".zshrc",),
    "fish": (".config/fish/config.fish",),
}


def git(case: Case) -> Iterator[Diagnosis]:
    """git is new enough for everything that is done with it."""
    version = case.repo.git.version
    shown, install = _dotted(version), f"install git {_dotted(merging.MINIMUM)} or newer"
    if version < MINIMUM:
        yield fail(
            f"git {shown} is too old: {_dotted(MINIMUM)} is needed",
            install,
        )
        return
    why = why_not_in_memory(case.repo)
    if why:
        is_old = version < merging.MINIMUM
        fix = install if is_old else "git config merge.renormalize false"
        yield warn(f"upgrades take longer and have no --plan: {why}", fix)
    else:
        yield ok(shown)


def python(case: Case) -> Iterator[Diagnosis]:
    """The Python that runs git-ekf is new enough."""
    shown = f"{_dotted(sys.version_info[:3])}, {sys.executable}"
    if tuple(sys.version_info[:2]) < PYTHON:
        yield fail(
            f"{shown}: {_dotted(PYTHON)} is needed",
            f"install git-ekf with Python {_dotted(PYTHON)} or newer",
        )
    else:
        yield ok(shown)


def program(case: Case) -> Iterator[Diagnosis]:
    """`git ekf` finds git-ekf on the PATH, and this copy of it."""
    running = os.path.realpath(sys.argv[0])
    found = shutil.which("git-ekf")
    folder = os.path.dirname(running if os.path.basename(running) == "git-ekf" else sys.executable)
    fix = f'export PATH={shell(folder)}:"$PATH"'
    if not found:
        yield fail("git-ekf is not on the PATH, where git looks for it", fix)
    elif os.path.realpath(found) != running and not _runs_here(found):
        yield warn(
            f"{found}, which comes first on the PATH, is another copy than this one, of {folder}",
            fix,
        )
    else:
        yield ok(f"{__version__}, {found}")


def manual(case: Case) -> Iterator[Diagnosis]:
    """`man` finds the manual, which git shows for `git ekf --help`."""
    from git_ekf.manual.pages import found_by_man

    if found_by_man():
        yield ok("man finds git-ekf(1)")
    elif shutil.which("man"):
        yield warn(
            "man does not find the pages of this git-ekf, so git ekf --help does not show them",
            "git ekf man --install",
        )
    else:
        yield warn(
            "there is no man, so git ekf --help shows nothing",
            "git ekf man shows a page all the same",
        )


def completion(case: Case) -> Iterator[Diagnosis]:
    """The user's shell finds what completes `git ekf`."""
    shell = os.path.basename(os.environ.get("SHELL", ""))
    if shell not in _COMPLETIONS:
        yield skip("not checked: SHELL is none of bash, zsh and fish")
        return
    installed = filter(os.path.exists, _completion_files(shell))
    found = next(installed, "") or _startup_file(shell)
    if found:
        yield ok(f"{shell}: {found}")
    else:
        yield warn(f"{shell} does not complete git ekf", _FIXES[shell])


def identity(case: Case) -> Iterator[Diagnosis]:
    """git knows the name and address for commits and deploy records."""
    ways = {"name": ["GIT_COMMITTER_NAME"], "email": ["GIT_COMMITTER_EMAIL", "EMAIL"]}
    set_up = {name for name, value in case.repo.git_config if value}
    guessed = []
    for key, names in ways.items():
        is_set_up = {f"user.{key}", f"committer.{key}"} & set_up
        if not is_set_up and not any(map(os.environ.get, names)):
            guessed.append(key)
    committer = ""
    with suppress(EkfError):
        committer = case.repo.git.committer()
    if committer and not guessed:
        yield ok(committer.rsplit(" ", 2)[0])  # the rest is the time
        return
    values = {"name": "NAME", "email": "ADDRESS"}
    fix = " && ".join(
        f"git config --global {shell(f'user.{key}', values[key])}" for key in guessed or ways
    )
    if not committer:
        yield fail("git cannot tell who commits", fix)
    else:
        yield warn(f"git guesses the {' and '.join(guessed)} of who commits", fix)


def _dotted(version: tuple[object, ...]) -> str:
    return ".".join(map(str, version))


def _runs_here(script: str) -> bool:
    """Whether a script names this interpreter in its first lines, as pip makes them do."""
    try:
        with open(script, "rb") as file:
            return os.fsencode(sys.executable) in file.read(512)
    except OSError:
        return False


def _completion_files(shell: str) -> list[str]:
    """Where the shell looks, whether there is a file or not."""
    home = os.path.expanduser("~")
    system = ["/usr/local/share", "/usr/share"]
    folders = system
    if shell != "zsh":  # which does not go by the XDG directories
        folders = [os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")]
        folders += (os.environ.get("XDG_DATA_DIRS") or ":".join(system)).split(":")
        folders += system
        if sys.prefix == sys.base_prefix:  # no shell looks into a virtual environment
            folders.append(os.path.join(sys.prefix, "share"))
        # Where fish keeps a person's own.
        folders.append(os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"))
    return [os.path.join(folder, name) for folder in folders for name in _COMPLETIONS[shell]]


def _startup_file(shell: str) -> str:
    """The file by which the shell finds the completion when it starts; "" for none."""
    for name in _STARTUP[shell]:
        path = os.path.join(os.path.expanduser("~"), name)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        if f"git ekf completion {shell}" in text or f"git-ekf completion {shell}" in text:
            return path
        scripts = filter(os.path.exists, _scripts_in_fpath(text) if shell == "zsh" else ())
        script = next(scripts, "")
        if script:
            return script
    return ""


def _scripts_in_fpath(text: str) -> Iterator[str]:
    """Where zsh would find the script in the directories that a start-up file adds to fpath."""
    for words in re.findall(r"^[^#\n]*?\bfpath\b(.*)", text, re.MULTILINE):
        for folder in re.findall(r"[^\s=()\"']+", words):
            yield os.path.join(os.path.expandvars(os.path.expanduser(folder)), "_git-ekf")


CHECKS = (git, python, program, manual, completion, identity)
