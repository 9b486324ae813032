"""Starts git, waits for it, and turns its complaints into errors. Only the files of this package use it.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Generic, NoReturn, Self, TypeVar

from git_ekf.background import Background
from git_ekf.errors import CallFailed, EkfError, GitFailed, Refused

T = TypeVar("T")

# What is kept of the messages of a transfer (bytes); whoever sends a pack can have git say a lot.
_MOST_MESSAGES = 1 << 20


class Process:
    """git, run in a directory and with an environment of its own."""

    def __init__(
        self,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        *,
        settings: Iterable[str] = (),
        progress: Callable[[bytes], object] | None = None,
    ) -> None:
        """`cwd` is where git runs (None: the current directory), `env` is added to the environment.

        `settings` (key=value) go before all others. `progress` is given what git says of how far a
        transfer is, as bytes for a terminal; git is silent about it without one.
        """
        self.cwd = cwd
        self.env = dict(env or {})
        self.settings = tuple(settings)
        self.progress = progress

    def variant(
        self,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        *,
        settings: Iterable[str] = (),
    ) -> Self:
        """The same git in another directory, or with more in its environment and settings."""
        return type(self)(
            self.cwd if cwd is None else cwd,
            {**self.env, **(env or {})},
            settings=(*self.settings, *settings),
            progress=self.progress,
        )

    # --- one question, one answer ---

    def _start(
        self,
        *args: str,
        stdin: bool | IO[bytes] = False,
        env: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts git without waiting. `env` is added to the environment.

        `stdin` is whether there will be any, or what to read it from; `output` is a file for all
        that it says, instead of pipes.
        """
        source: int | IO[bytes] = subprocess.DEVNULL
        if stdin is True:
            source = subprocess.PIPE
        elif stdin is not False:
            source = stdin
        try:
            return subprocess.Popen(
                ["git", *self._with_settings(args)],
                cwd=self.cwd,
                stdin=source,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.STDOUT if output else subprocess.PIPE,
                env={**_environment(), **self.env, **(env or {})},
            )
        except FileNotFoundError:
            raise _no_git(self.cwd) from None

    def _with_settings(self, args: Sequence[str]) -> list[str]:
        words = []
        for setting in self.settings:
            words += ["-c", setting]
        return [*words, *args]

    def _finish(
        self,
        process: subprocess.Popen[bytes],
        *,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> tuple[int, bytes]:
        """Exit code and output of a started git.

        Raises GitFailed when the code is not in `ok`, CallFailed after `timeout` seconds.
        """
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            stop(process)
            raise CallFailed(f"no answer within {timeout:g} seconds") from None
        except BaseException:
            stop(process)
            raise
        if process.returncode not in ok:
            raise failure(process, os.fsdecode(err))
        return process.returncode, out

    def _run(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> tuple[int, bytes]:
        process = self._start(*args, stdin=stdin is not None)
        return self._finish(process, stdin=stdin, ok=ok, timeout=timeout)

    def _text(self, *args: str, stdin: bytes | None = None) -> str:
        """Output without the final newline."""
        return os.fsdecode(self._run(*args, stdin=stdin)[1]).removesuffix("\n")

    def _lines(self, *args: str, stdin: bytes | None = None) -> list[str]:
        # Not splitlines(): U+2028 and friends are no line ends to git.
        text = self._text(*args, stdin=stdin)
        return text.split("\n") if text else []

    def _nul_fields(self, *args: str) -> list[str]:
        """Output of a command with -z."""
        return split_fields(self._run(*args)[1])

    def _word_or_none(self, *args: str, ok: Sequence[int] = (0, 1)) -> str | None:
        """Output without white space around it; None where git ends with another of the codes."""
        code, out = self._run(*args, ok=ok)
        return os.fsdecode(out).strip() if code == 0 else None

    # --- longer talks ---

    def _piped(self, first: Sequence[str], second: Sequence[str]) -> bytes:
        """What the second of two commands makes of the output of the first. Raises GitFailed."""
        feeding = self._start(*first)
        assert feeding.stdout
        reading = self._start(*second, stdin=feeding.stdout)
        feeding.stdout.close()  # so that it ends when nobody reads it any more
        fed = Background(lambda: self._finish(feeding))
        _, out = self._finish(reading)
        fed.result()
        return out

    def _ahead(
        self,
        *args: str,
        read: Callable[[bytes], T],
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> Ahead[T]:
        """A question asked ahead of time; `read` makes the answer of git's output."""
        process = self._start(*args, stdin=bool(stdin), env=env)
        if process.stdin:
            with suppress(BrokenPipeError), process.stdin:  # it has ended, and its code says why
                process.stdin.write(stdin)
            process.stdin = None
        return Ahead(self, process, read)

    @contextmanager
    def _transfer(
        self, command: str, *args: str, stdin: bool = False, progress: bool = True
    ) -> Iterator[Transfer]:
        """A git that moves objects, whose pipes are for the block to use; it ends with the block.

        `progress` is whether it may be asked to say how far it is.
        """
        watched = self.progress if progress else None
        options = ["--progress"] if watched else []
        process = self._start(command, *options, *args, stdin=stdin)
        transfer = Transfer(process)
        listener = threading.Thread(target=transfer.listen, args=(watched,), daemon=True)
        listener.start()
        try:
            yield transfer
            if process.stdin:
                with suppress(BrokenPipeError):  # it has ended, and its code says why
                    process.stdin.close()
            process.wait()
        except BaseException:
            stop(process)
            raise
        listener.join()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def _show(self, *args: str) -> None:
        """Runs git with its output going straight to the person's terminal. Raises CallFailed."""
        words = ["git", *self._with_settings(args)]
        try:
            code = subprocess.run(
                words, cwd=self.cwd, stdin=subprocess.DEVNULL, check=False
            ).returncode
        except FileNotFoundError:
            raise _no_git(self.cwd) from None
        if code:
            raise CallFailed(f"git {' '.join(_shown(words))} failed with code {code}")

    def _hand_over(self, *args: str) -> NoReturn:
        """git takes this process's place: its pager, colours and exit code, and ^C is its own."""
        sys.stdout.flush()
        try:
            os.execvp("git", ["git", *self._with_settings(args)])  # noqa: S606 (an argument vector, no shell)
        except FileNotFoundError:
            raise _no_git(self.cwd) from None


class Ahead(Generic[T]):
    """A question that git is at work on."""

    def __init__(
        self, git: Process, process: subprocess.Popen[bytes], read: Callable[[bytes], T]
    ) -> None:
        self._git = git
        self._process = process
        self._read = read

    def result(self, timeout: float | None = None) -> T:
        """Waits for the answer, at most `timeout` seconds. Raises GitFailed, CallFailed."""
        _, out = self._git._finish(self._process, timeout=timeout)
        return self._read(out)

    def stop(self) -> None:
        """Ends git where it has not answered."""
        if self._process.poll() is None:
            stop(self._process)


class Transfer:
    """A git that moves objects. `messages` are complete, and the code is there, once it ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._said = bytearray()

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin
        return self.process.stdin

    def write(self, content: bytes) -> None:
        """All that there is for its standard input."""
        with suppress(BrokenPipeError), self.stdin:  # it has ended, and its code says why
            self.stdin.write(content)

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout
        return self.process.stdout

    @property
    def code(self) -> int:
        return self.process.returncode

    @property
    def messages(self) -> str:
        return os.fsdecode(bytes(self._said))

    def require(self, *codes: int) -> None:
        """Raises GitFailed where it has ended with another code."""
        if self.code not in codes:
            raise GitFailed(_shown(self.process.args), self.code, self.messages)

    def listen(self, progress: Callable[[bytes], object] | None) -> None:
        pipe = self.process.stderr
        assert pipe
        with suppress(OSError, ValueError):  # the pipe is closed when it is broken off
            while part := os.read(pipe.fileno(), 4096):
                self._said.extend(part[: _MOST_MESSAGES - len(self._said)])
                if progress:
                    progress(part)


def as_lines(words: Iterable[str]) -> bytes:
    """One word a line, for git's standard input."""
    return os.fsencode("".join(f"{word}\n" for word in words))


def split_fields(out: bytes) -> list[str]:
    """The fields of an output with -z."""
    text = os.fsdecode(out).removesuffix("\0")
    return text.split("\0") if text else []


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends git and its helpers.

    An ssh that hangs would hold the pipes open, and stay, long after git has gone.
    """
    for pid in [process.pid, *_descendants(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with suppress(BrokenPipeError):
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
    found = list(children)
    for child in children:
        found += _descendants(child)
    return found


def _environment() -> dict[str, str]:
    # Messages in English, because some are recognised; no lock for a mere question, because a
    # status in the prompt must not make the person's own git fail.
    return {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


# --- errors ---


def _shown(args: object) -> list[str]:
    from git_ekf.names import without_credentials

    if not isinstance(args, list):
        return []
    return [without_credentials(str(arg)) for arg in args][1:]


def _no_git(cwd: str | None) -> EkfError:
    if cwd is not None and not os.path.isdir(cwd):
        return Refused(f"no such directory: {cwd}")
    return CallFailed(
        "git is not on the PATH", "install git 2.34 or newer, or add its directory to PATH"
    )


def failure(process: subprocess.Popen[bytes], stderr: str) -> EkfError:
    """The error for a git that has failed, by its own words."""
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
    wrong = re.search(r"bad .*config .* for '(.+?)'|bad config line (\d+) in file (.+)", stderr)
    if wrong:
        hint = f"correct line {wrong[2]} of {wrong[3]}"
        if wrong[1]:
            hint = f"git config --show-origin {shlex.quote(wrong[1])}"
        return Refused(f"git cannot read its configuration: {wrong[0]}", hint)
    lock = re.search(r"Unable to create '(.+\.lock)': File exists", stderr)
    if lock:
        return lock_in_the_way(lock[1])
    return GitFailed(_shown(process.args), process.returncode, stderr)


def lock_in_the_way(path: str) -> Refused:
    """The error for a lock file of git's that is in the way."""
    return Refused(
        f"another git command is at work here, or was killed and left {path}, which then may go",
        f"rm -f {shlex.quote(path)}",
    )
