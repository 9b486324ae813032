"""git ekf clone: the local repository, from nothing."""

from __future__ import annotations

import os
import shutil
from typing import Annotated, NamedTuple

from git_ekf import config as configuration
from git_ekf.commands.options import Release
from git_ekf.declared import Argument, Option
from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.git.calls import Git, leave_repository
from git_ekf.git.workable import is_free, require_workable
from git_ekf.names import normalise_url
from git_ekf.repository import Repository
from git_ekf.setup.clone import ask_remotes, build, choose_branch
from git_ekf.shown import folder, shell
from git_ekf.swapped import require_internal, require_primary
from git_ekf.terminal.screen import transfer_progress
from git_ekf.terminal.text import say


def clone(
    primary: Annotated[
        str,
        Argument(metavar="PRIMARY", help="The vendor's repository, or your mirror of it."),
    ],
    internal: Annotated[str, Option(metavar="URL", help="The cluster's own repository.")],
    directory: Annotated[
        str, Argument(metavar="[DIR]", help="Where to; by default named after PRIMARY.")
    ] = "",
    release: Release = "",
) -> None:
    """Build the local repository from nothing, or restore it from the internal one."""
    leave_repository()
    primary, internal = absolute(primary), absolute(internal)
    if normalise_url(primary, os.path.realpath) == normalise_url(internal, os.path.realpath):
        raise UsageError(
            "PRIMARY and --internal are the same repository",
            "give the cluster a repository of its own: git init --bare DIR",
        )
    swapped = ["git", "ekf", "clone", internal, "--internal", primary]
    if directory:
        swapped.insert(4, directory)
    if release:
        swapped += ["--release", release]
    directory = directory or _name_of(primary)
    other = shell("git", "ekf", "clone", primary, "OTHER", "--internal", internal)
    git = Git(progress=transfer_progress())
    done = built(git, directory, primary, internal, release, Instead(other, shell(*swapped)))
    say(f"Cloned into {directory}:")
    for what in done:
        say(f"  {what}")
    say(f"Next: cd {folder(directory)} && git ekf status")


class Instead(NamedTuple):
    """Commands that help: into another directory, and with the repositories exchanged."""

    other: str
    swapped: str


def built(
    git: Git, directory: str, primary: str, internal: str, release: str, instead: Instead
) -> list[str]:
    """Builds a clone in a directory that is empty, or is made. What was done, in lines.

    Raises Refused, UsageError, CallFailed; then it is as it was.
    """
    require_workable(directory)
    taken = Refused(f"{directory} exists already and is not empty", instead.other)
    if not is_free(directory):
        raise taken
    heads = ask_remotes(git, primary, internal)
    config = configuration.load(None, git.config_pairs())
    require_primary(config, heads.primary, instead.swapped)
    branch = choose_branch(config.scheme, heads, release, instead.swapped)
    existed = os.path.isdir(directory)
    try:
        if not _claim(directory):  # another clone was quicker, while the remotes were asked
            raise taken
        done = build(git, directory, primary, internal, branch, heads, by_cluster=not release)
        require_internal(Repository(git.variant(directory)), heads.internal, instead.swapped)
    except BaseException as error:
        if error is not taken:
            _remove(directory, keep=existed)
        if isinstance(error, OSError):
            raise CallFailed(
                f"cannot write to {directory}: {error.strerror}",
                f"ls -ld {folder(directory)}; df -h .",
            ) from None
        raise
    return done


def absolute(url: str) -> str:
    """A path to a local repository as an absolute one: relative ones would be read from inside the
    clone.
    """
    return os.path.abspath(url) if "://" not in url and os.path.exists(url) else url


def _name_of(url: str) -> str:
    name = normalise_url(url).rpartition("/")[2].removesuffix(".bundle")
    if not name:
        raise UsageError(
            f"cannot tell a directory from {url}",
            "name it: git ekf clone PRIMARY DIR --internal URL",
        )
    return name


def _claim(directory: str) -> bool:
    """Whether the directory is empty but for the one of git's that it has now, for nobody else."""
    os.makedirs(directory, exist_ok=True)
    try:
        os.mkdir(os.path.join(directory, ".git"))
    except FileExistsError:
        return False
    if os.listdir(directory) == [".git"]:
        return True
    os.rmdir(os.path.join(directory, ".git"))
    return False


def _remove(directory: str, keep: bool) -> None:
    """Takes back a clone that failed; a directory that was there before stays, empty as it was."""
    if not os.path.isdir(directory):
        return
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry, ignore_errors=True)
        else:
            os.remove(entry)
    if not keep:
        os.rmdir(directory)
