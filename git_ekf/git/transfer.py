"""A git under way: what it is told and says meanwhile, and how it is ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from subprocess import Popen, TimeoutExpired
from threading import Timer
from typing import IO

from git_ekf.errors import EkfError, GitFailed
from git_ekf.git.complaints import failure, no_space_in, shown

# What is kept of the messages of a transfer (bytes); whoever sends a pack can have git say a lot.
_MOST_MESSAGES = 1 << 20


class Transfer:
    """A git that moves objects. Its messages are complete, and the code is there, once it ended."""

    def __init__(self, process: Popen[bytes]) -> None:
        self.process = process
        self._said = bytearray()

    @property
    def stdin(self) -> IO[bytes]:
        """The pipe to it."""
        assert self.process.stdin
        return self.process.stdin

    def write(self, content: bytes) -> None:
        """All that there is for its standard input."""
        with suppress(BrokenPipeError), self.stdin:  # it has ended, and its code says why
            self.stdin.write(content)

    @property
    def stdout(self) -> IO[bytes]:
        """The pipe from it."""
        assert self.process.stdout
        return self.process.stdout

    @property
    def code(self) -> int:
        """The exit code."""
        return self.process.returncode

    @property
    def messages(self) -> str:
        """All that it has said so far, up to a limit."""
        return os.fsdecode(bytes(self._said))

    def require(self, *codes: int) -> None:
        """Raises GitFailed where it has ended with another code, NoSpace on a full disk."""
        if self.code not in codes:
            full = no_space_in(self.messages, code=self.code)
            raise full or GitFailed(shown(self.process.args), self.code, self.messages)

    def listen(self, progress: Callable[[bytes], object] | None) -> None:
        """Keeps its messages until it ends; `progress` is given them as they come."""
        pipe = self.process.stderr
        assert pipe
        with suppress(OSError, ValueError):  # the pipe is closed when it is broken off
            while part := os.read(pipe.fileno(), 4096):
                self._said.extend(part[: _MOST_MESSAGES - len(self._said)])
                if progress:
                    progress(part)


def dead(process: Popen[bytes]) -> EkfError:
    """The error for a git that has ended, or closed its output, before it had answered."""
    assert process.stderr
    # One that only closed its output would let us wait for ever.
    with suppress(TimeoutExpired):
        process.wait(1)
    said = ""
    if process.poll() is not None:  # else what it has started may hold the pipe open
        said = os.fsdecode(process.stderr.read())
    stop(process)
    return failure(process, said)


def stop(process: Popen[bytes]) -> None:
    """Ends git and its helpers.

    An ssh that hangs would hold the pipes open, and stay, long after git has gone. Of one that was
    waited for the number may be another program's by now: nobody is told to end.
    """
    if process.returncode is None:
        _tell_to_end(process.pid)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()
    try:
        process.wait(1)
    except TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def ending_after(process: Popen[bytes], seconds: float) -> Iterator[list[float]]:
    """Tells git and its helpers to end where the block takes longer (0: it may).

    The block's list has the seconds then, and is empty otherwise.
    """
    ended: list[float] = []

    def end() -> None:
        ended.append(seconds)
        _tell_to_end(process.pid)

    timer = Timer(seconds, end) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield ended
    finally:
        if timer:
            timer.cancel()


def stop_all() -> None:
    """Tells every git that threads of this process have started, and its helpers, to end."""
    children: list[int] = []
    with suppress(OSError):  # another system than Linux: there they go with the terminal's ^C
        for thread in os.listdir("/proc/self/task"):
            children += _children(os.getpid(), int(thread))
    for child in filter(_is_git, children):
        _tell_to_end(child)


def _tell_to_end(pid: int) -> None:
    """Tells a process and all that it has started to end."""
    for one in (pid, *_descendants(pid)):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGTERM)


def _is_git(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().startswith("git")
    except (OSError, ValueError):  # it has ended, or has another name
        return False


def _descendants(pid: int) -> list[int]:
    """Children and their children, where the system tells (Linux does)."""
    children = _children(pid, pid)
    found = list(children)
    for child in children:
        found += _descendants(child)
    return found


def _children(pid: int, thread: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []
