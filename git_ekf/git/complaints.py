"""What git complains of, as an error with a sentence and a hint."""

from __future__ import annotations

import os
import re
from subprocess import Popen

from git_ekf.errors import FULL, CallFailed, EkfError, GitFailed, NoSpace, Refused, TooLarge
from git_ekf.shown import shell


def shown(args: object) -> list[str]:
    """The words of a command behind "git", without passwords."""
    from git_ekf.names import without_credentials

    if not isinstance(args, list):
        return []
    return [without_credentials(str(arg)) for arg in args][1:]


def no_git(cwd: str | None) -> EkfError:
    """The error for a git that could not be started in a directory."""
    if cwd is not None and not os.path.isdir(cwd):
        return Refused(f"no such directory: {cwd}")
    return CallFailed(
        "git is not on the PATH", "install git 2.34 or newer, or add its directory to PATH"
    )


def failure(process: Popen[bytes], stderr: str, objects: str = "", cwd: str = "") -> EkfError:
    """The error for a git that has failed, by its own words.

    `objects` is the directory that it was told to write objects to, "" for the repository's own;
    `cwd` is where it ran, "" for the current directory, and what its paths are relative to.
    """
    full = no_space_in(stderr, cwd or ".", process.returncode)
    if full:
        return full
    failed = GitFailed(shown(process.args), process.returncode, stderr)
    stderr = _gits_own(stderr)
    if re.search(r"^fatal: not a git repository", stderr, re.MULTILINE):
        if objects and not os.path.isdir(objects):  # git finds no repository without it either
            return CallFailed(
                f"another program has taken away {objects}, to which objects were being written",
                "try again when no git prune or git gc is at work here",
            )
        return Refused(
            "this is not a git repository",
            "git ekf clone PRIMARY --internal URL, or cd into a clone",
        )
    path = stderr.partition("dubious ownership")[2].partition("'")[2].partition("'")[0]
    if path and any(os.path.exists(os.path.join(path, name)) for name in (".git", "HEAD")):
        return Refused(
            f"git does not trust {path}: it belongs to another user",
            f"git config --global --add safe.directory {shell(path)}",
        )
    if "cannot use bare repository" in stderr:
        return perhaps_a_trap()
    if "Unable to read current working directory" in stderr:
        return Refused("the current directory is not there any more", "cd to one that is")
    wrong = re.search(r"bad .*config .* for '(.+?)'|bad config line (\d+) in file (.+)", stderr)
    if wrong and (wrong[1] or os.path.isfile(os.path.join(cwd, wrong[3]))):
        if wrong[1]:
            hint = f"git config --show-origin {shell(wrong[1])}"
        else:
            hint = f"correct line {wrong[2]} of {shell(wrong[3])}"
        return Refused(f"git cannot read its configuration: {wrong[0]}", hint)
    clash = clash_in(stderr)
    if clash:
        return clash
    lock = re.search(r"Unable to create '(.+\.lock)': File exists", stderr)
    if lock and _is_gits(os.path.join(cwd, lock[1])):
        return lock_in_the_way(lock[1])
    return failed


def perhaps_a_trap() -> Refused:
    """The error for a directory that looks like a repository to git, and has no .git."""
    return Refused(
        "what git takes for a repository here has no .git, and may have come with a commit",
        "where it is yours: git --git-dir=. --work-tree=. ekf",
    )


def _gits_own(stderr: str) -> str:
    """What git says, without what it passes on of a server: no command is made of that."""
    return re.sub(r"^remote: .*\n?", "", stderr, flags=re.MULTILINE)


def _is_gits(path: str) -> bool:
    """Whether a file is one in a git directory; what a server says over ssh may be any."""
    above = os.path.dirname(os.path.abspath(path))
    while above != os.path.dirname(above):
        if os.path.exists(os.path.join(above, "HEAD")):
            return True
        above = os.path.dirname(above)
    return False


_XFSZ = 25  # the signal SIGXFSZ, of Linux and of macOS
# In git's words, whose C library speaks English to it: process.py. The last are git's own.
_FULL = (*map(os.strerror, FULL), "Out of diskspace")
# Where git does not say why (config.c, entry.c, refs/files-backend.c, builtin/), and what it could
# write took all.
_MUTE = re.compile(
    r"(?:error|fatal): (?:prepare: |commit: )?"
    r"(?:unable to write file |cannot update ref |could(?:n't| not) write "
    r"|unable to write new.index|failed to write new configuration file )",
    re.IGNORECASE,
)
# Of a disk with less (bytes) nobody can say that it has room: git has removed what it could not
# write.
_ROOM = 1 << 16


def no_space_in(stderr: str, place: str = ".", code: int = 0) -> NoSpace | None:
    """The error for a disk that was full, or a limit of the shell's; None where it was not that.

    `place` is a directory on that disk, `code` how git ended. What begins with "remote: " speaks of
    the server's.
    """
    if code == -_XFSZ or re.search(rf"^(?:fatal|error): .* signal {_XFSZ}$", stderr, re.MULTILINE):
        return TooLarge()
    for line in stderr.split("\n"):
        is_full = line.rstrip().endswith(_FULL) or (
            _MUTE.match(line) is not None and not _has_space(place)
        )
        if is_full and not line.startswith("remote: "):
            return NoSpace(re.sub("^(?:fatal|error|warning): (?:prepare: |commit: )?", "", line))
    return None


def _has_space(place: str) -> bool:
    try:
        disk = os.statvfs(place)
        return disk.f_bavail * disk.f_frsize >= _ROOM
    except OSError:
        return True


def clash_in(stderr: str) -> Refused | None:
    """The error for a ref that another one was in the way of, None where it was not that."""
    stderr = _gits_own(stderr)
    clash = re.search(r"cannot lock ref '(.+?)': '(.+?)' exists; cannot create", stderr)
    if not clash or not all(ref.startswith("refs/") for ref in clash.groups()):
        return None
    from git_ekf.git.name_clash import name_clash  # which few commands ever need

    prune = re.search(r"'git remote prune (.+?)'", stderr)
    return name_clash(clash[1], [clash[2]], fetched=prune[1] if prune else "")


def lock_in_the_way(path: str) -> Refused:
    """The error for a lock file of git's that is in the way."""
    return Refused(
        f"another git command is at work here, or was killed and left {path}, which then may go",
        f"rm -f {shell(path)}",
    )


def complaints(stderr: str) -> list[str]:
    """The lines that git complains in, without "fatal:" and "error:"; all of it where none is."""
    lines = []
    for line in stderr.split("\n"):
        for prefix in ("fatal: ", "error: "):
            if line.startswith(prefix):
                lines.append(line.removeprefix(prefix))
    return lines or [stderr.strip()]
