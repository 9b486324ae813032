"""The program that builds manifests (`render.command`), run for many directories side by side."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from git_ekf.errors import CallFailed
from git_ekf.git.calls import Git
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.temporary import undisturbed
from git_ekf.trust import RENDER, require_trusted, require_trusted_files

# Lines of a failed builder's last words that are kept.
_LAST_LINES = 5
_LAST_BYTES = 1 << 16

# Seconds, and bytes of output, after which a builder is ended: charts from the network take
# minutes, and the manifests of a whole platform some ten megabytes.
LONGEST = 300
LARGEST = 1 << 28

_PROCESSORS = len(os.sched_getaffinity(0))
# Jobs that are begun ahead, so that all processors are kept busy.
AHEAD = _PROCESSORS + 1

# A repository that git was pointed to is not the one a builder's own git may ask for.
_OF_GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class Build(NamedTuple):
    """The output of a builder; `failure` is None when it succeeded, else its last lines."""

    output: bytes
    failure: list[str] | None


NOTHING = Build(b"", None)

# What is to be built: a directory on the disk, and a path in it.
Job = tuple[str, str]


def takes_path(repo: Repository) -> bool:
    """Whether the builder is told what to build; else it builds everything at once."""
    return any("{path}" in word for word in repo.config.render_command[1:])


def trusted_command(repo: Repository, *trees: str, git: Git | None = None) -> tuple[str, ...]:
    """The builder's words, the program as an absolute path, to be run in checkouts of the trees.

    `git` knows them where the repository does not. Raises Refused when it is not trusted,
    CallFailed when there is no such program.
    """
    command = repo.config.render_command
    require_trusted(repo, RENDER, command)
    for tree in trees:
        require_trusted_files(repo, command, tree, git)
    program = command[0]
    if "/" in program:
        # A builder inside the repository is that of the work tree, for both sides: an old
        # commit's own one was never looked at.
        program = os.path.join(repo.place.top or repo.place.git_dir, program)
    found = shutil.which(program)
    if not found:
        raise _not_started(command, "there is no such program")
    return os.path.abspath(found), *command[1:]


def _not_started(command: Sequence[str], why: str) -> CallFailed:
    return CallFailed(
        f"the builder cannot be started ({shell(*command)}): {why}",
        "install kubectl, or name another builder: git config ekf.render.command,"
        " or [render] command in .ekf.toml",
    )


class Builder:
    """As many builds at a time as there are processors; leaving the context ends the rest."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._pool = ThreadPoolExecutor(_PROCESSORS)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._env = {name: value for name, value in os.environ.items() if name not in _OF_GIT}

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *exception: object) -> None:
        with undisturbed():
            with self._lock:
                self._ended = True
                for process in self._running:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            self._pool.shutdown(cancel_futures=True)

    def start(self, folder: str, path: str) -> Future[Build]:
        """Builds `path` in `folder` as soon as there is room; see `finished`."""
        return self._pool.submit(self._build, folder, path)

    def in_turn(self, groups: Sequence[Sequence[Job | None]]) -> Iterator[list[Build]]:
        """The builds of each group of jobs, NOTHING for None; what several have is built once.

        Each may have printed hundreds of megabytes: few are begun ahead of the group that is asked
        for, and none is held any longer than a group to come needs it. Raises CallFailed.
        """
        uses = Counter(job for group in groups for job in group)
        begun: dict[Job | None, Future[Build]] = {}
        waiting = iter(groups)

        def begin(number: int) -> None:
            for group in islice(waiting, number):
                for job in group:
                    if job and job not in begun:
                        begun[job] = self.start(*job)

        begin(AHEAD)
        for group in groups:
            yield [finished(begun[job]) if job else NOTHING for job in group]
            uses.subtract(group)
            for job in group:
                if not uses[job]:
                    begun.pop(job, None)
            begin(1)

    def _build(self, folder: str, path: str) -> Build:
        argument = f"./{path}" if path.startswith("-") else path
        words = [word.replace("{path}", argument) for word in self._command[1:]]
        process = self._start([self._command[0], *words], folder)
        if process is None:
            return Build(b"", [])
        output, messages, ended = _read(process)
        with self._lock:
            self._running.discard(process)
        if ended:
            return Build(b"", [ended])
        if process.returncode == 0:
            return Build(output, None)
        text = os.fsdecode(messages).replace(f"{folder}/", "").replace(folder, ".")
        lines = [line for line in text.split("\n") if line.strip()]
        code = process.returncode
        ending = f"signal {-code}" if code < 0 else f"code {code}"
        return Build(b"", lines[-_LAST_LINES:] or [f"it ended with {ending} and said nothing"])

    def _start(self, words: list[str], folder: str) -> subprocess.Popen[bytes] | None:
        """None when the context has been left meanwhile. Raises CallFailed."""
        with self._lock:
            if self._ended:
                return None
            try:
                process = subprocess.Popen(
                    words,
                    cwd=folder,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    # It then has no terminal to ask for a password on, and can be ended with
                    # all that it started.
                    start_new_session=True,
                )
            except OSError as error:
                raise _not_started(self._command, error.strerror or "it failed") from None
            self._running.add(process)
            return process


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes, str]:
    """All that a builder prints and the last it says, once it is done.

    The third is why it was ended, "" where it was not: nothing that it started is left then.
    """
    assert process.stdout
    assert process.stderr
    until = time.monotonic() + LONGEST
    output, messages = bytearray(), bytearray()
    with selectors.DefaultSelector() as pipes, process.stdout, process.stderr:
        pipes.register(process.stdout, selectors.EVENT_READ, output)
        pipes.register(process.stderr, selectors.EVENT_READ, messages)
        while pipes.get_map() and len(output) <= LARGEST:
            ready = pipes.select(max(0, until - time.monotonic()))
            if not ready:
                break
            for key, _ in ready:
                part = os.read(key.fd, 1 << 20)
                key.data.extend(part)
                if not part:
                    pipes.unregister(key.fileobj)
            del messages[:-_LAST_BYTES]
        has_ended = not pipes.get_map()
    why = f"not being done after {LONGEST} seconds"
    if len(output) > LARGEST:
        why = f"having printed more than {LARGEST >> 20} MB"
    elif has_ended:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
            return bytes(output), bytes(messages), ""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return b"", b"", f"it was ended, {why}"


def finished(build: Future[Build]) -> Build:
    """Waits for a build. Raises CallFailed where the builder cannot be started."""
    while True:
        # Not without end: a signal just before the wait begins is not noticed until that is over.
        with suppress(TimeoutError):
            return build.result(timeout=0.2)
