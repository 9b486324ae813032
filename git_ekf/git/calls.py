"""The only module that starts git: one method a question.

Every call is an argument vector; what comes from outside stands behind `--` or `--end-of-options`.
Text is decoded as file names are (UTF-8 with surrogates), so that any byte survives the round trip.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import IO, NamedTuple, NoReturn

from git_ekf.background import Background
from git_ekf.errors import CallFailed, EkfError, GitFailed, Refused, UsageError

MINIMUM = (2, 34)  # Debian 11 and Ubuntu 22.04; --path-format (2.31) is the newest option used

# Seconds that a question to a remote may take; a person may have to type a password.
REMOTE_TIMEOUT = 60.0


class Paths(NamedTuple):
    """Where the repository is. Paths are absolute; `top` is "" where there is no work tree."""

    git_dir: str
    common_dir: str
    top: str
    bare: bool
    shallow: bool
    object_format: str


class Git:
    """git, run in `cwd` (None: the current directory) with the environment of this process, and `env` added to it."""

    def __init__(self, cwd: str | None = None, env: dict[str, str] | None = None) -> None:
        self.cwd = cwd
        self.env = env or {}

    def start(
        self,
        *args: str,
        stdin: bool | IO[bytes] = False,
        env: dict[str, str] | None = None,
        output: IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts git without waiting, so that questions can run side by side. `env` is added to the environment.

        `stdin` is whether there will be any, or what to read it from; `output` is a file for all that it says, instead of pipes.
        """
        try:
            return subprocess.Popen(
                ["git", *args],
                cwd=self.cwd,
                stdin=stdin
                if not isinstance(stdin, bool)
                else subprocess.PIPE
                if stdin
                else subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.STDOUT if output else subprocess.PIPE,
                env={**_environment(), **self.env, **(env or {})},
            )
        except FileNotFoundError:
            raise _no_git(self.cwd) from None

    def finish(
        self,
        process: subprocess.Popen[bytes],
        *,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> tuple[int, bytes]:
        """Exit code and output of a started git. Raises GitFailed when the code is not in `ok`."""
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            _stop(process)
            raise CallFailed(f"no answer within {timeout:g} seconds") from None
        except BaseException:
            _stop(process)
            raise
        if process.returncode not in ok:
            raise _failure(_shown(process.args), process.returncode, os.fsdecode(err))
        return process.returncode, out

    def piped(self, first: Sequence[str], second: Sequence[str]) -> bytes:
        """What the second of two commands makes of the output of the first. Raises GitFailed."""
        feeding = self.start(*first)
        assert feeding.stdout
        reading = self.start(*second, stdin=feeding.stdout)
        feeding.stdout.close()  # so that it ends when nobody reads it any more
        fed = Background(lambda: self.finish(feeding))
        _, out = self.finish(reading)
        fed.answer()
        return out

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> tuple[int, bytes]:
        return self.finish(
            self.start(*args, stdin=stdin is not None), stdin=stdin, ok=ok, timeout=timeout
        )

    def text(self, *args: str, stdin: bytes | None = None) -> str:
        """Output without the final newline."""
        return os.fsdecode(self.run(*args, stdin=stdin)[1]).removesuffix("\n")

    def lines(self, *args: str, stdin: bytes | None = None) -> list[str]:
        # Not splitlines(): U+2028 and friends are no line ends to git.
        text = self.text(*args, stdin=stdin)
        return text.split("\n") if text else []

    def fields(self, *args: str) -> list[str]:
        """Output of a command with -z."""
        text = os.fsdecode(self.run(*args)[1]).removesuffix("\0")
        return text.split("\0") if text else []

    def succeeds(self, *args: str) -> bool:
        """For questions that git answers with code 0 or 1."""
        return self.run(*args, ok=(0, 1))[0] == 0

    def show(self, *args: str) -> None:
        """Runs git with its messages and progress going straight to the person's terminal."""
        try:
            code = subprocess.run(
                ["git", *args], cwd=self.cwd, stdin=subprocess.DEVNULL, check=False
            ).returncode
        except FileNotFoundError:
            raise _no_git(self.cwd) from None
        if code:
            raise CallFailed(f"git {' '.join(_shown(['git', *args]))} failed with code {code}")

    def hand_over(self, *args: str) -> NoReturn:
        """git takes this process's place: its pager, its colours, its exit code, and ^C is its own."""
        sys.stdout.flush()
        try:
            os.execvp("git", ["git", *args])  # noqa: S606 (an argument vector, no shell)
        except FileNotFoundError:
            raise _no_git(self.cwd) from None

    def run_hook(self, name: str, *args: str, cwd: str, stdin: bytes = b"") -> int:
        """Runs a hook as git does (githooks(5)), its output on stderr. Its exit code; 0 where there is none."""
        path = os.path.join(self.hooks_dir, name)
        if not os.access(path, os.X_OK):
            return 0
        sys.stdout.flush()
        for command in (
            [path],
            ["/bin/sh", path],
        ):  # the latter for a script without a first line that says so
            with suppress(OSError):
                return subprocess.run(
                    [*command, *args], cwd=cwd, input=stdin, stdout=sys.stderr.fileno(), check=False
                ).returncode
        return 1

    # --- questions ---

    @cached_property
    def version(self) -> tuple[int, ...]:
        words = self.text("version").split()
        numbers = [part for part in words[2].split(".") if part.isdigit()]
        return tuple(int(number) for number in numbers[:3])

    def place(self) -> Paths:
        """Raises Refused where there is no repository."""
        process = self.start(
            "rev-parse",
            "--path-format=absolute",
            "--is-bare-repository",
            "--is-shallow-repository",
            "--show-object-format",
            "--git-dir",
            "--git-common-dir",
            "--show-toplevel",  # last: without a work tree it fails after the others have answered
        )
        out, err = process.communicate()
        lines = os.fsdecode(out).split("\n")
        if len(lines) < 6:
            raise _failure(_shown(process.args), process.returncode, os.fsdecode(err))
        bare, shallow, object_format, git_dir, common_dir = lines[:5]
        top = lines[5] if process.returncode == 0 else ""
        return Paths(git_dir, common_dir, top, bare == "true", shallow == "true", object_format)

    @cached_property
    def hooks_dir(self) -> str:
        """The absolute path where git looks for hooks. Raises GitFailed where core.hooksPath is empty."""
        return self.text("rev-parse", "--path-format=absolute", "--git-path", "hooks")

    def config_pairs(self) -> list[tuple[str, str]]:
        """All of git's configuration in order of precedence; a key without a value reads as "true"."""
        pairs = []
        for entry in self.fields("config", "--list", "-z"):
            key, newline, value = entry.partition("\n")
            pairs.append((key, value if newline else "true"))
        return pairs

    def head_branch(self) -> str | None:
        """The branch that HEAD is on (it may be unborn), None when HEAD is detached."""
        code, out = self.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
        return os.fsdecode(out).strip().removeprefix("refs/heads/") if code == 0 else None

    def commit(self, revision: str) -> str | None:
        """The full id of the commit that a revision names, None when it names none."""
        code, out = self.run(
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            revision + "^{commit}",
            ok=(0, 1, 128),
        )
        return os.fsdecode(out).strip() if code == 0 else None

    def ref_value(self, ref: str) -> str:
        """The object id that a ref holds; "" when there is no such ref."""
        code, out = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", ref, ok=(0, 1, 128)
        )
        return os.fsdecode(out).strip() if code == 0 else ""

    def merge_base(self, one: str, other: str) -> str | None:
        code, out = self.run("merge-base", "--end-of-options", one, other, ok=(0, 1))
        return os.fsdecode(out).strip() if code == 0 else None

    def is_ancestor(self, old: str, new: str) -> bool:
        return self.succeeds("merge-base", "--is-ancestor", "--end-of-options", old, new)

    def rev_list(
        self,
        *options: str,
        include: Iterable[str],
        exclude: Iterable[str] = (),
        globs: Iterable[str] = (),
    ) -> list[str]:
        """`git rev-list`; `globs` are ref globs whose commits are left out as well."""
        stdin = [*include, *(f"^{revision}" for revision in exclude)]
        exclusions = ["--not", *(f"--glob={glob}" for glob in globs), "--not"] if globs else []
        return self.lines(
            "rev-list",
            *options,
            *exclusions,
            "--stdin",
            stdin=os.fsencode("".join(f"{line}\n" for line in stdin)),
        )

    def count(self, include: str, *exclude: str) -> int:
        return int(self.rev_list("--count", include=[include], exclude=exclude)[0])

    def distance(self, one: str, other: str) -> tuple[int, int]:
        """How many commits only `one` has, and how many only `other`."""
        if one == other:
            return 0, 0
        left, right = self.rev_list("--count", "--left-right", include=[f"{one}...{other}"])[
            0
        ].split("\t")
        return int(left), int(right)

    def ls_remote(self, url: str, *patterns: str, timeout: float | None = None) -> dict[str, str]:
        """ref -> object id at a remote (a URL or a remote's name). Raises CallFailed, within `timeout` seconds."""
        _, out = self.run(
            "ls-remote", "--end-of-options", url, *patterns, timeout=timeout or _remote_timeout()
        )
        refs = {}
        for line in os.fsdecode(out).split("\n")[:-1]:  # not splitlines(), as in lines()
            oid, _, ref = line.partition("\t")
            refs[ref] = oid
        return refs

    def push(self, *args: str) -> tuple[int, str, str]:
        """Exit code, output and messages of `git push --porcelain`; a person sees the progress as it comes."""
        return self._transfer("push", "--porcelain", "--no-follow-tags", *args)

    def fetch(self, *args: str, stdin: bytes | None = None) -> str:
        """Its messages; a person sees the progress as it comes. Raises GitFailed."""
        code, _, said = self._transfer("fetch", "--quiet", *args, stdin=stdin)
        if code:
            raise GitFailed(["fetch", *_shown(["git", *args])], code, said)
        return said

    def _transfer(
        self, command: str, *args: str, stdin: bytes | None = None
    ) -> tuple[int, str, str]:
        """Exit code, output and messages."""
        progress = ["--progress"] if sys.stderr.isatty() else []
        process = self.start(command, *progress, *args, stdin=stdin is not None)
        assert process.stdout is not None
        assert process.stderr is not None
        messages = bytearray()

        def listen(pipe: IO[bytes]) -> None:
            with suppress(OSError, ValueError):  # the pipe is closed when it is broken off
                while part := os.read(pipe.fileno(), 4096):
                    messages.extend(part)
                    if progress:
                        sys.stderr.buffer.write(part)
                        sys.stderr.buffer.flush()

        listener = threading.Thread(target=listen, args=(process.stderr,), daemon=True)
        listener.start()
        try:
            if process.stdin:
                with (
                    suppress(BrokenPipeError),
                    process.stdin,
                ):  # it has ended, and its code says why
                    process.stdin.write(stdin or b"")
            out = process.stdout.read()
            process.wait()
        except BaseException:
            _stop(process)
            raise
        listener.join()
        return process.returncode, os.fsdecode(out), os.fsdecode(bytes(messages))

    def update_refs(self, commands: list[str]) -> None:
        """One ref transaction: `git update-ref --stdin` commands, all or none."""
        self.run(
            "update-ref",
            "--stdin",
            stdin=os.fsencode(
                "".join(f"{command}\n" for command in ["start", *commands, "prepare", "commit"])
            ),
        )


def _remote_timeout() -> float:
    given = os.environ.get("GIT_EKF_TIMEOUT", "")
    try:
        seconds = float(given or REMOTE_TIMEOUT)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise UsageError(
            f"GIT_EKF_TIMEOUT is {given}, which is no number of seconds above 0",
            f"export GIT_EKF_TIMEOUT={REMOTE_TIMEOUT:g}",
        )
    return seconds


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends git and its helpers: an ssh that hangs would hold the pipes open, and stay, long after git has gone."""
    for pid in [process.pid, *_descendants(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _descendants(pid: int) -> list[int]:
    """Children and their children, where the system tells (Linux does)."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        return []
    return [*children, *(below for child in children for below in _descendants(child))]


def leave_repository() -> None:
    """Forgets the repository that the environment points to (GIT_DIR and its kin), before another one is made."""
    for name in Git().lines("rev-parse", "--local-env-vars"):
        if name not in (
            "GIT_CONFIG_PARAMETERS",
            "GIT_CONFIG_COUNT",
        ):  # `git -c`, which is meant for us
            os.environ.pop(name, None)


def _environment() -> dict[str, str]:
    # Messages in English, because some are recognised; no lock for a mere question, because a
    # status in the prompt must not make the person's own git fail.
    return {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


def _shown(args: object) -> list[str]:
    from git_ekf.names import without_credentials

    return [without_credentials(str(arg)) for arg in args][1:] if isinstance(args, list) else []


def _no_git(cwd: str | None) -> EkfError:
    if cwd is not None and not os.path.isdir(cwd):
        return Refused(f"no such directory: {cwd}")
    return CallFailed(
        "git is not on the PATH", "install git 2.34 or newer, or add its directory to PATH"
    )


def _failure(args: list[str], code: int, stderr: str) -> EkfError:
    if "not a git repository" in stderr:
        return Refused(
            "this is not a git repository",
            "git ekf clone PRIMARY --internal URL, or cd into a clone",
        )
    if "dubious ownership" in stderr:
        path = stderr.partition("'")[2].partition("'")[0]
        return Refused(
            f"git does not trust {path}: it belongs to another user",
            f"git config --global --add safe.directory {path}",
        )
    if "Unable to read current working directory" in stderr:
        return Refused("the current directory is not there any more", "cd to one that is")
    if wrong := re.search(
        r"bad .*config .* for '(.+?)'|bad config line (\d+) in file (.+)", stderr
    ):
        hint = (
            f"git config --show-origin {shlex.quote(wrong[1])}"
            if wrong[1]
            else f"correct line {wrong[2]} of {wrong[3]}"
        )
        return Refused(f"git cannot read its configuration: {wrong[0]}", hint)
    lock = re.search(r"Unable to create '(.+\.lock)': File exists", stderr)
    return lock_in_the_way(lock[1]) if lock else GitFailed(args, code, stderr)


def lock_in_the_way(path: str) -> Refused:
    """The error for a lock file of git's that is in the way."""
    return Refused(
        f"another git command is at work here, or was killed and left {path}, which then may go",
        f"rm -f {shlex.quote(path)}",
    )
