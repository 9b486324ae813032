"""Manifests as they are built from two commits, in throw-away checkouts, compared kustomization by kustomization."""

from __future__ import annotations

import os
import posixpath
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple

from git_ekf.errors import CallFailed
from git_ekf.manifests.choice import Kustomization
from git_ekf.manifests.difference import Difference, difference
from git_ekf.manifests.resources import Unreadable, import_yaml
from git_ekf.repository import Repository
from git_ekf.temporary import temporary, undisturbed
from git_ekf.terminal.screen import counting
from git_ekf.trust import RENDER, quoted, require_trusted

# Lines of a failed builder's last words that are kept.
_LAST_LINES = 5


class Failure(NamedTuple):
    """A build that failed; `side` is old or new, `said` the builder's last lines."""

    side: str
    said: list[str]


class Comparison(NamedTuple):
    """`difference` is None where a build failed."""

    kustomization: Kustomization
    difference: Difference | None
    failures: list[Failure]


# --- building and comparing ---


def compare(
    repo: Repository, old: str, new: str, kustomizations: list[Kustomization]
) -> list[Comparison]:
    """Builds both sides of each kustomization, several at a time, and compares them.

    Raises Refused when the builder is not trusted or PyYAML is missing, CallFailed when the builder cannot be started.
    """
    import_yaml()
    command = _command(repo)
    with _checkouts(repo, old, new) as folders, _Builder(command) as builder:
        # Side by side, so that what comes first in the list is ready first.
        started = [
            [
                builder.start(folder, one.path) if there else None
                for folder, there in zip(folders, (one.in_old, one.in_new), strict=True)
            ]
            for one in kustomizations
        ]
        return [
            _compare(one, [_wait_for(build) if build else _Build(b"", None) for build in builds])
            for one, builds in counting(
                "Building kustomizations", list(zip(kustomizations, started, strict=True))
            )
        ]


def broken(
    repo: Repository, old: str, new: str, paths: Sequence[str]
) -> list[tuple[str, list[str]]]:
    """Kustomizations of `new` that do not build, with the builder's last words, but for those that did not in `old` either.

    Raises Refused when the builder is not trusted, CallFailed when it cannot be started.
    """
    command = _command(repo)
    with _checkouts(repo, new) as folders, _Builder(command) as builder:
        failed = _failures(builder, folders[0], paths)
    if not failed:
        return []
    with _checkouts(repo, old) as folders, _Builder(command) as builder:
        there = {path for path in failed if os.path.isdir(os.path.join(folders[0], path))}
        origins = {path: path for path in there} | _origins(repo, old, new, failed.keys() - there)
        before = _failures(builder, folders[0], sorted(set(origins.values())))
    return [(path, said) for path, said in failed.items() if origins.get(path) not in before]


def _origins(repo: Repository, old: str, new: str, paths: Set[str]) -> dict[str, str]:
    """Where directories of `new` were in `old`, going by the files that were moved."""
    if not paths:
        return {}
    fields = iter(
        repo.git.fields(
            "diff-tree", "-r", "-z", "-M", "--name-status", "--diff-filter=R", old, new, "--"
        )
    )
    moves = (
        (posixpath.dirname(source), posixpath.dirname(target))
        for _, source, target in zip(fields, fields, fields, strict=True)
    )
    return {target: source for source, target in moves if target in paths}


def _failures(builder: _Builder, folder: str, paths: Sequence[str]) -> dict[str, list[str]]:
    started = [(path, builder.start(folder, path)) for path in paths]
    return {
        path: said
        for path, build in counting("Building kustomizations", started)
        if (said := _wait_for(build).said) is not None
    }


def _wait_for(build: Future[_Build]) -> _Build:
    while True:
        # Not without end: a signal just before the wait begins is not noticed until that is over.
        with suppress(TimeoutError):
            return build.result(timeout=0.2)


class _Build(NamedTuple):
    """What a builder printed; `said` is None when it succeeded."""

    printed: bytes
    said: list[str] | None


def _compare(kustomization: Kustomization, builds: list[_Build]) -> Comparison:
    failures = [
        Failure(side, build.said)
        for side, build in zip(("old", "new"), builds, strict=True)
        if build.said is not None
    ]
    if failures:
        return Comparison(kustomization, None, failures)
    try:
        return Comparison(kustomization, difference(*(build.printed for build in builds)), [])
    except Unreadable:
        return Comparison(kustomization, None, list(_unreadable(builds)))


def _unreadable(builds: list[_Build]) -> Iterator[Failure]:
    """Says which side it was."""
    for side, build in zip(("old", "new"), builds, strict=True):
        try:
            difference(b"", build.printed)
        except Unreadable as error:
            yield Failure(side, [f"what it printed cannot be read: {error}"])


def _command(repo: Repository) -> tuple[str, ...]:
    command = repo.config.render_command
    require_trusted(repo, RENDER, command)
    program = command[0]
    if "/" in program:
        # A builder inside the repository is that of the work tree, for both sides: an old commit's own one was never looked at.
        program = os.path.join(repo.place.top or repo.place.git_dir, program)
    found = shutil.which(program)
    if not found:
        raise _not_started(command, "there is no such program")
    return os.path.abspath(found), *command[1:]


def _not_started(command: Sequence[str], why: str) -> CallFailed:
    return CallFailed(
        f"the builder cannot be started ({quoted(list(command))}): {why}",
        "install kubectl, or name another builder: git config ekf.render.command, or [render] command in .ekf.toml",
    )


class _Builder:
    """Runs the builder side by side, as often as there are processors; on the way out it ends those still running."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._pool = ThreadPoolExecutor(
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        # A repository that git was pointed to is not the one a builder's own git may ask for.
        self._env = {
            name: value
            for name, value in os.environ.items()
            if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        }

    def __enter__(self) -> _Builder:
        return self

    def __exit__(self, *exception: object) -> None:
        with undisturbed():
            with self._lock:
                self._ended = True
                for process in self._running:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            self._pool.shutdown(cancel_futures=True)

    def start(self, folder: str, path: str) -> Future[_Build]:
        return self._pool.submit(self._build, folder, path)

    def _build(self, folder: str, path: str) -> _Build:
        argument = f"./{path}" if path.startswith("-") else path
        words = [
            self._command[0],
            *(word.replace("{path}", argument) for word in self._command[1:]),
        ]
        with self._lock:
            if self._ended:
                return _Build(b"", [])
            try:
                # In a session of its own it has no terminal to ask for a password on, and can be ended with all that it started.
                process = subprocess.Popen(
                    words,
                    cwd=folder,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                raise _not_started(self._command, error.strerror or "it failed") from None
            self._running.add(process)
        printed, messages = process.communicate()
        with self._lock:
            self._running.discard(process)
        if process.returncode == 0:
            return _Build(printed, None)
        text = os.fsdecode(messages).replace(f"{folder}/", "").replace(folder, ".")
        said = [line for line in text.split("\n") if line.strip()][-_LAST_LINES:]
        how = (
            f"signal {-process.returncode}"
            if process.returncode < 0
            else f"code {process.returncode}"
        )
        return _Build(b"", said or [f"it ended with {how} and said nothing"])


@contextmanager
def _checkouts(repo: Repository, *commits: str) -> Iterator[list[str]]:
    """A directory with the files of each commit. The repository is only read: index and files are elsewhere."""
    with temporary() as root:
        folders = [os.path.join(root, str(number)) for number in range(len(commits))]
        for folder in folders:
            os.mkdir(folder)
        _side_by_side(repo, folders, [("read-tree", commit) for commit in commits])
        _side_by_side(repo, folders, [("checkout-index", "--all", "--quiet")] * len(commits))
        yield folders


def _side_by_side(
    repo: Repository, folders: list[str], commands: Sequence[tuple[str, ...]]
) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for folder, command in zip(folders, commands, strict=True):
            processes.append(
                repo.git.start(
                    f"--git-dir={repo.place.git_dir}",
                    f"--work-tree={folder}",
                    *(
                        "-c",
                        f"core.hooksPath={os.devnull}",
                    ),  # post-index-change is for the repository's own index
                    *("-c", "core.fsmonitor=false"),
                    *command,
                    env={"GIT_INDEX_FILE": f"{folder}.index"},
                )
            )
        for process in processes:
            repo.git.finish(process)
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
