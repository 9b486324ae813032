"""Programs that tests start, wait for and end: each listens on loopback only, and none outlives its test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

HOST = "127.0.0.1"
_PATIENCE = 30.0  # seconds for what takes a fraction of one


def wait_for(happened: Callable[[], object], what: str) -> None:
    """Fails when it does not happen in due time."""
    end = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < end, f"waited {_PATIENCE:.0f} s for {what}"
        time.sleep(0.01)


@contextmanager
def daemon(
    log: Path, command: Callable[[int], list[str]], env: Mapping[str, str], ready: str
) -> Iterator[int]:
    """Runs a server on a free port, which it yields once the log says that it is ready. If somebody took that port, then on another one."""
    for _ in range(5):
        with ExitStack() as stack:
            port = _free_port()
            process = stack.enter_context(running(command(port), log, env))
            if _starts(process, log, ready):
                yield port
                return
        assert "in use" in log.read_text(), log.read_text()
    pytest.fail(f"found no free port: {log.read_text()}")


def _starts(process: subprocess.Popen[bytes], log: Path, ready: str) -> bool:
    wait_for(
        lambda: ready in log.read_text() or process.poll() is not None, f"{log} to say {ready}"
    )
    return process.poll() is None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str],
    log: Path,
    env: Mapping[str, str],
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a program in the folder of its log until the end of the block."""
    with log.open("wb") as file:
        # A process group of its own, which ends as a whole: fcgiwrap leaves its workers behind.
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=env,
            stdin=stdin,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def environment(home: Path) -> dict[str, str]:
    """As sparse as a server's, and with the git that is tested."""
    places = dict.fromkeys([str(Path(needed("git")).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    return {"HOME": str(home), "PATH": os.pathsep.join(places), "GIT_CONFIG_NOSYSTEM": "1"}


def needed(program: str) -> str:
    """Its path. Skips where it is missing; users do not have the directories of daemons on their PATH."""
    path = shutil.which(program, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed: make system, as root")
    return path
