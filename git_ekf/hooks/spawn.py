"""Starts git and reads files with what is built into the interpreter, for hooks and the prompt.

`posix` is what os is made of; os itself takes 1.5 of the 12 ms that a hook has.
"""

import _signal  # type: ignore[import-not-found]
import posix
import sys

from git_ekf.smallfile import CONFIGURATION, read_small

# What the file HEAD has where refs are kept in a reftable: the real one is elsewhere.
REFTABLE_HEAD = b"ref: refs/heads/.invalid"

_LIMIT = 1 << 20  # bytes of git's output, unless the caller names another limit

# Those of git's variables that git itself sets for pre-receive, where PATH leads to. Any other may
# come from the client, whom sshd may let set it, and could loosen the rules, as GIT_CONFIG_GLOBAL.
_OF_THE_HOOK = (
    b"GIT_DIR",
    b"GIT_QUARANTINE_PATH",
    b"GIT_OBJECT_DIRECTORY",
    b"GIT_ALTERNATE_OBJECT_DIRECTORIES",
    b"GIT_EXEC_PATH",
)


_LOOK_EVERY = 0.05  # seconds

_running: set[int] = set()  # process ids of what was started and has not been waited for
_until = 0.0  # by time.monotonic
_most = 0  # kilobytes that one of them may have for itself, 0 for any


def limit(seconds: float, megabytes: int = 0) -> None:
    """Ends what is running after so long, and what is started later, until it is called with 0.

    Also what has more than so much memory for itself before. A git that was ended has failed. An
    exception from a signal could come anywhere, also between a child's end and the note of it.
    """
    global _until, _most
    if not seconds:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        return
    from time import monotonic

    _until = monotonic() + seconds
    _most = megabytes << 10
    _signal.signal(_signal.SIGALRM, _look)
    first = min(seconds, _LOOK_EVERY) if megabytes else seconds
    _signal.setitimer(_signal.ITIMER_REAL, first, _LOOK_EVERY)


def _look(number: int, frame: object) -> None:
    from time import monotonic

    is_over = monotonic() >= _until
    for pid in list(_running):
        if is_over or (_most and own_memory(pid) > _most):
            try:  # noqa: SIM105 (contextlib is felt at every commit)
                posix.kill(pid, 9)
            except ProcessLookupError:  # it has just been waited for
                pass


def own_memory(pid: int) -> int:
    """The kilobytes that a process has for itself (RssAnon, proc(5)); 0 where nobody tells."""
    try:
        descriptor = posix.open(f"/proc/{pid}/status", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return 0
    try:
        _, _, behind = posix.read(descriptor, 1 << 13).partition(b"\nRssAnon:")
    except OSError:
        return 0
    finally:
        posix.close(descriptor)
    return int(behind.split(None, 1)[0]) if behind else 0


def end_all() -> None:
    """Ends what is still running."""
    for pid in list(_running):
        posix.kill(pid, 9)
        _wait(pid)


def _wait(pid: int) -> int:
    _, status = posix.waitpid(pid, 0)
    _running.discard(pid)
    return posix.waitstatus_to_exitcode(status)


def environment() -> dict[bytes, bytes]:
    """The environment of the process; where os is loaded after all, with what has changed since."""
    return dict(sys.modules["os"].environb) if "os" in sys.modules else posix.environ


def server_environment() -> dict[bytes, bytes]:
    """The environment for a server's questions. Refs under refs/replace/ change no answer."""
    kept = {b"GIT_NO_REPLACE_OBJECTS": b"1"}
    for name, value in environment().items():
        # An empty one, as a server hands on that has nothing in quarantine, would be the current
        # directory to git.
        if not name.startswith(b"GIT_") or (value and name in _OF_THE_HOOK):
            kept[name] = value
    return kept


def git_dir(otherwise: str = ".git") -> str:
    """The git directory of a hook, as git names it; where it does not, another."""
    given = environment().get(b"GIT_DIR")
    return otherwise if given is None else text(given)


def text(raw: bytes) -> str:
    """The text, as os.fsdecode makes it."""
    return raw.decode(sys.getfilesystemencoding(), "surrogateescape")


def exists(path: str) -> bool:
    """Whether there is such a file. Raises OSError where that cannot be told."""
    try:
        posix.stat(path)
    except FileNotFoundError:
        return False
    return True


def read(path: str) -> bytes | None:
    """The bytes of a small file, None without one. Raises OSError where it cannot be read."""
    return read_small(path, CONFIGURATION)


def _read_all(descriptor: int, limit: int) -> bytes:
    """What comes before the end, or until there is more than `limit` bytes."""
    content = bytearray()
    while len(content) <= limit and (part := posix.read(descriptor, 1 << 16)):
        content += part
    return bytes(content)


def start(
    args: list[str], env: dict[bytes, bytes] | None = None, stdin: bytes = b""
) -> tuple[int, int]:
    """Starts git, in an environment of its own where one is given; for `finish`.

    Returns its process id and the reading end of its output. Raises BlockingIOError where a pipe
    has no room for all that git is to read.
    """
    asked, into = posix.pipe()
    posix.set_blocking(into, False)
    try:
        if posix.write(into, stdin) < len(stdin):
            raise BlockingIOError
        out, answered = posix.pipe()
        reading, writing = (posix.POSIX_SPAWN_DUP2, asked, 0), (posix.POSIX_SPAWN_DUP2, answered, 1)
        pid = _spawn(args, env, [reading, writing])
        posix.close(answered)
    finally:
        posix.close(asked)
        posix.close(into)
    return pid, out


def _spawn(
    args: list[str], env: dict[bytes, bytes] | None, actions: list[tuple[object, ...]]
) -> int:
    actions = [*actions, _quiet(2)]
    pid = posix.posix_spawnp("git", ["git", *args], env or environment(), file_actions=actions)
    _running.add(pid)
    return pid


def _quiet(descriptor: int) -> tuple[object, ...]:
    return posix.POSIX_SPAWN_OPEN, descriptor, "/dev/null", posix.O_RDWR, 0


def finish(process: tuple[int, int], limit: int = _LIMIT) -> bytes | None:
    """The output; None when git failed or printed more than `limit` bytes.

    An exit code of 1, "no such key", is no failure.
    """
    pid, out = process
    printed = _read_all(out, limit)
    posix.close(out)
    code = _wait(pid)
    return printed if code in (0, 1) and len(printed) <= limit else None


class Talk:
    """A git that is asked again and again, until `end`."""

    __slots__ = ("_into", "_out", "_pid")

    def __init__(self, args: list[str], env: dict[bytes, bytes] | None = None) -> None:
        asked, self._into = posix.pipe()
        self._out, answered = posix.pipe()
        into, out = (posix.POSIX_SPAWN_DUP2, asked, 0), (posix.POSIX_SPAWN_DUP2, answered, 1)
        self._pid = _spawn(args, env, [into, out])
        posix.close(asked)
        posix.close(answered)

    def ask(self, text: str) -> None:
        """Writes to its standard input; no more at once than a pipe has room for."""
        posix.write(self._into, text.encode())

    def answer(self) -> bytes:
        """Its output as far as it has come. Raises ValueError where it has ended."""
        part = posix.read(self._out, 1 << 16)
        if not part:
            raise ValueError("git has ended")
        return part

    def end(self) -> None:
        """Ends it, whatever it is at."""
        posix.close(self._into)
        posix.close(self._out)
        posix.kill(self._pid, 9)
        _wait(self._pid)
