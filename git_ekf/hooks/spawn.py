"""Starts git and reads files with what is built into the interpreter, for hooks and the prompt.

`posix` is what os is made of; os itself takes 1.5 of the 12 ms that a hook has.
"""

import _signal  # type: ignore[import-not-found]
import posix
import sys

from git_ekf.smallfile import CONFIGURATION, read_all, read_small

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

# By the process id of what was started and has not been waited for: our ends of its pipes, of which
# the first is the one that it prints to.
_running: dict[int, tuple[int, ...]] = {}
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
        status = read(f"/proc/{pid}/status") or b""
    except OSError:
        return 0
    behind = status.partition(b"\nRssAnon:")[2]
    return int(behind.split(None, 1)[0]) if behind else 0


def end_all() -> None:
    """Ends what is still running, a talk as well."""
    for pid in list(_running):
        posix.kill(pid, 9)
        _wait(pid)


def _wait(pid: int) -> int:
    for end in _running[pid]:
        posix.close(end)
    _, status = posix.waitpid(pid, 0)
    del _running[pid]
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


def start(args: list[str], env: dict[bytes, bytes] | None = None, stdin: bytes = b"") -> int:
    """Starts git, in an environment of its own where one is given. Its process id, for `finish`.

    Raises BlockingIOError where a pipe has no room for all that git is to read.
    """
    asked, into = posix.pipe()
    posix.set_blocking(into, False)
    try:
        if posix.write(into, stdin) < len(stdin):
            raise BlockingIOError
        return _spawn(args, env, asked)
    finally:
        posix.close(asked)
        posix.close(into)


def start_talk(args: list[str], env: dict[bytes, bytes] | None = None) -> tuple[int, int]:
    """Starts a git that is asked again and again, until `end_all` ends it.

    Returns the writing end of its input and the reading end of its output.
    """
    asked, into = posix.pipe()
    pid = _spawn(args, env, asked, into)
    posix.close(asked)
    return into, _running[pid][0]


def _spawn(args: list[str], env: dict[bytes, bytes] | None, asked: int, *ours: int) -> int:
    """Starts git, which reads `asked`. Its process id.

    `ours` are ends of its pipes that are to be closed with that of its output.
    """
    out, answered = posix.pipe()
    actions = [
        (posix.POSIX_SPAWN_DUP2, asked, 0),
        (posix.POSIX_SPAWN_DUP2, answered, 1),
        (posix.POSIX_SPAWN_OPEN, 2, "/dev/null", posix.O_RDWR, 0),
    ]
    pid = posix.posix_spawnp("git", ["git", *args], env or environment(), file_actions=actions)
    _running[pid] = (out, *ours)
    posix.close(answered)
    return pid


def finish(pid: int, limit: int = _LIMIT) -> bytes | None:
    """The output; None when git failed or printed more than `limit` bytes.

    An exit code of 1, "no such key", is no failure.
    """
    printed = read_all(_running[pid][0], limit)
    code = _wait(pid)
    return printed if code in (0, 1) and len(printed) <= limit else None
