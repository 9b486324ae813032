"""git-ekf in a fork of a process that has it loaded: the start of the interpreter is most of what a short command takes."""

from __future__ import annotations

import functools
import gc
import marshal
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
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


def forget() -> None:
    """The next command starts the process anew."""
    _loaded.cache_clear()


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
            self.process = _started([theirs.fileno()])

    def call(
        self, args: list[str], cwd: Path, environment: dict[str, str], descriptors: list[int]
    ) -> int:
        """Its exit code, negative where a signal ended it."""
        asked = marshal.dumps([args, str(cwd), _umask(), environment])
        try:
            socket.send_fds(self.socket, [len(asked).to_bytes(4)], descriptors)
            self.socket.sendall(asked)
            answer = self.socket.recv(2, socket.MSG_WAITALL)
        except BaseException:  # a test's time limit too: the next call would be given this answer
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            forget()
            raise
        assert len(answer) == 2, "the process that had git-ekf loaded has gone away"
        return int.from_bytes(answer, signed=True)


# What a shell starts in place of git-ekf: a fifth of its start.
_CLIENT = """#!{python} -IS
import _socket, marshal, os, sys
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({path!r})
try:
    here = os.getcwd()
except FileNotFoundError:  # where the other process cannot go
    os.execv({program!r}, sys.argv)
umask = os.umask(0o077)
asked = marshal.dumps([sys.argv, here, umask, dict(os.environ)])
given = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, given)
server.sendmsg([len(asked).to_bytes(4)], [rights])
server.sendall(asked)
code = int.from_bytes(server.recv(2, _socket.MSG_WAITALL), signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@contextmanager
def program(folder: Path) -> Iterator[Path]:
    """A git-ekf for shells without a terminal, in a folder: it runs in forks, until the end of the block."""
    ours, theirs = socket.socketpair()
    with TemporaryDirectory() as place, ours, socket.socket(socket.AF_UNIX) as listening:
        path = os.path.join(place, "forking")
        listening.bind(path)
        listening.listen()
        with theirs:
            # Python asks only when it starts whether it can seek in its output: not in a pipe.
            process = _started([theirs.fileno(), listening.fileno()], subprocess.PIPE)
        client = folder / "git-ekf"
        itself = str(Path(sys.executable).with_name("git-ekf"))
        text = _CLIENT.format(python=sys.executable, path=path, program=itself)
        client.write_text(text, encoding="utf-8")
        client.chmod(0o755)
        try:
            yield client
        finally:
            ours.close()
            process.communicate(timeout=60)


def _started(sockets: list[int], streams: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", __file__, *map(str, sockets)],
        cwd="/",
        env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"]},
        stdin=streams,
        stdout=streams,
        pass_fds=sockets,
        process_group=0,
    )


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


# --- the process itself ---


def _load() -> None:
    from git_ekf import cli

    for name in cli.COMMANDS:
        import_module(f"git_ekf.commands.{name}")
    gc.collect()
    gc.freeze()


def _serve_one(ours: socket.socket) -> bool:
    """Whether there was somebody who asked."""
    length, descriptors, _, _ = socket.recv_fds(ours, 4, 3)
    if not length:
        return False
    asked = ours.recv(int.from_bytes(length), socket.MSG_WAITALL)
    child = os.fork()
    if child == 0:
        from git_ekf import __main__

        ours.close()
        _become(descriptors, *marshal.loads(asked))
        __main__.main()
        sys.exit()
    for descriptor in descriptors:
        os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ours.sendall(code.to_bytes(2, signed=True))
    return True


def _serve_all(alive: socket.socket, listening: socket.socket) -> None:
    """Several at once: a command may run another. Until the other end of `alive` is closed."""
    alive.set_inheritable(False)
    listening.set_inheritable(False)
    while alive not in select.select([alive, listening], [], [])[0]:
        connection, _ = listening.accept()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who serves one
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve_one(connection)
            os._exit(0)
        connection.close()


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
    sockets = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    _load()
    if len(sockets) == 2:
        _serve_all(*sockets)
    else:
        while _serve_one(sockets[0]):
            pass
    sys.exit()


if __name__ == "__main__":
    _main()
