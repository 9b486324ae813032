"""git-ekf in a fork of a process that has it loaded: the start of the interpreter is most of what a short command takes."""

from __future__ import annotations

import functools
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

# What the interpreter reads when it starts, and never again.
_AT_THE_START = ("PYTHON", "LC_", "LANG")


def can_run(environment: dict[str, str], program: Path) -> bool:
    """Whether git-ekf is the program in this environment, and a fork cannot be told from a start of its own."""
    if {name: value for name, value in environment.items() if name.startswith(_AT_THE_START)} != {
        "LANG": "C.UTF-8"
    }:
        return False
    found = shutil.which("git-ekf", path=environment.get("PATH"))
    return found is not None and os.path.samefile(found, program)


def run(
    args: list[str], cwd: Path | None, stdin: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run(), its output captured. Raises TimeoutError."""
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode("utf-8", "surrogateescape"))
        given.seek(0)
        code = _loaded(os.getpid()).call(
            args, cwd or Path.cwd(), environment, [file.fileno() for file in (given, out, err)]
        )
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "surrogateescape").replace("\r\n", "\n"))
        return subprocess.CompletedProcess(args, code, *texts)


@functools.cache
def _loaded(_user: int) -> _Loaded:
    """One for each process that runs tests."""
    return _Loaded()


class _Loaded:
    """The process, as the one that runs the tests sees it."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(120)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                cwd="/",
                env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )

    def call(
        self, args: list[str], cwd: Path, environment: dict[str, str], descriptors: list[int]
    ) -> int:
        """Its exit code, negative where a signal ended it."""
        asked = json.dumps([args, str(cwd), _umask(), environment]).encode()
        socket.send_fds(self.socket, [len(asked).to_bytes(4)], descriptors)
        self.socket.sendall(asked)
        try:
            answer = self.socket.recv(2, socket.MSG_WAITALL)
        except TimeoutError:
            os.killpg(self.process.pid, 9)
            _loaded.cache_clear()
            raise
        assert len(answer) == 2, "the process that had git-ekf loaded has gone away"
        return int.from_bytes(answer, signed=True)


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


# --- the process itself ---


def _serve(ours: socket.socket) -> None:
    from git_ekf import __main__, cli

    for name in cli.COMMANDS:
        import_module(f"git_ekf.commands.{name}")
    gc.collect()
    gc.freeze()
    while True:
        length, descriptors, _, _ = socket.recv_fds(ours, 4, 3)
        if not length:
            return
        asked = ours.recv(int.from_bytes(length), socket.MSG_WAITALL)
        child = os.fork()
        if child == 0:
            ours.close()
            _become(descriptors, *json.loads(asked))
            __main__.main()
            sys.exit()
        for descriptor in descriptors:
            os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ours.sendall(code.to_bytes(2, signed=True))


def _become(
    descriptors: list[int], args: list[str], cwd: str, umask: int, environment: dict[str, str]
) -> None:
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = args


def _main() -> NoReturn:
    _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit()


if __name__ == "__main__":
    _main()
