"""What git-ekf did to refs, written down before and after, so that it can be taken back.

The lock around it is that of `at_work`. The journal is `ekf/journal` in the common git directory,
a line of JSON an event, and the oldest go where it grows long: an operation is `begun` with the ref
updates that it is about to make, then `done`; taken back, it is `undoing`, then `undone`. One that
goes on in a rebase is `handed over`, then `done`, or `dropped` where nothing came of it. After a
crash the refs themselves tell how far it got: they move in one transaction.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.refs import RefUpdate
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import STATE, read_small, write_small
from git_ekf.transaction.at_work import at_work, give_back, take

# Operations that are kept; older ones are forgotten when the file is next tidied.
_KEPT = 200

# Values of core.sharedRepository that are no mode of their own -> the bits that are added.
_SHARED = dict.fromkeys(("group", "true", "yes", "on", "1"), 0o660) | dict.fromkeys(
    ("all", "world", "everybody", "2"), 0o664
)
# Something else has the name of the lock.
_NO_FILE = (errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENXIO)
_STATES = ("begun", "handed over", "done", "undoing", "undone", "dropped")


class Setting(NamedTuple):
    """A key of the clone's configuration goes from the values `old` to `new`; none is "not set"."""

    key: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    def inverse(self) -> Setting:
        """The way back."""
        return Setting(self.key, self.new, self.old)


class Operation(NamedTuple):
    """One thing that git-ekf did, or is doing.

    `updates` in order; `head` and `head_after` are the branches checked out in `worktree` before
    and after it. `state` is begun, handed over (to a rebase, which tells the new values when it
    ends), done, undoing, undone, dropped (it never happened), or unknown: another version wrote
    it. Where `moves_head` is false, what is checked out has no part in it; where `replays` is
    true, it put commits on a new base, but for those `dropped`, which the vendor had already.
    Where `goes_on` is true, the same command made the one before it, and both are undone together.
    """

    number: int
    command: str
    updates: tuple[RefUpdate, ...]
    head: str
    head_after: str
    state: str = "begun"
    worktree: str = ""
    settings: tuple[Setting, ...] = ()
    moves_head: bool = True
    replays: bool = False
    dropped: tuple[str, ...] = ()
    goes_on: bool = False

    def inverse(self) -> Operation:
        """The operation that takes it back."""
        return self._replace(
            command=f"undo {self.command}",
            updates=tuple(map(RefUpdate.inverse, self.updates)),
            head=self.head_after,
            head_after=self.head,
            settings=tuple(map(Setting.inverse, self.settings)),
        )

    def is_elsewhere(self, repo: Repository) -> bool:
        """Whether it was made in another work tree, which is still there."""
        return self.worktree not in ("", repo.place.top) and os.path.isdir(self.worktree)


class Journal:
    """The journal of a repository whose lock is held. Raises Refused where it cannot be read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.operations = _read(path)

    def begin(self, operation: Operation) -> Operation:
        """Notes an operation that is about to be made, under the number that comes back in it."""
        number = self.operations[-1].number + 1 if self.operations else 1
        operation = operation._replace(number=number)
        if len(self.operations) > 2 * _KEPT:
            self.operations = self.operations[-_KEPT:]
            write_small(self._path, b"".join(map(_line, self.operations)))
        self._append(operation)
        self.operations.append(operation)
        return operation

    def mark(
        self, operation: Operation, state: str, updates: list[RefUpdate] | None = None
    ) -> Operation:
        """Notes what became of an operation; `updates` where only git could tell the new values."""
        marked = operation._replace(state=state, updates=tuple(updates or operation.updates))
        self._append(marked)
        self.operations = [
            marked if known.number == operation.number else known for known in self.operations
        ]
        return marked

    def last(self) -> Operation | None:
        """The newest that has happened and was not undone, or of which that cannot be told."""
        return self._newest("done", "unknown")

    def before(self, operation: Operation) -> Operation | None:
        """The operation that this one goes on from; None where that is none, or was undone."""
        earlier = [one for one in self.operations if one.number < operation.number]
        goes_on = operation.goes_on and earlier and earlier[-1].state == "done"
        return earlier[-1] if goes_on else None

    def handed_over(self) -> Operation | None:
        """The operation that goes on in a rebase, as far as is known here."""
        return self._newest("handed over")

    def unfinished(self) -> Operation | None:
        """The operation during which git-ekf was killed."""
        return self._newest("begun", "undoing")

    def _newest(self, *states: str) -> Operation | None:
        for operation in reversed(self.operations):
            if operation.state in states:
                return operation
        return None

    def _append(self, operation: Operation) -> None:
        line = _line(operation)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with open(os.open(self._path, flags, 0o666), "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                line = b"\n" + line  # closes a line that a crash cut off, and which then counts not
            while line:
                line = line[file.write(line) :]
            os.fsync(file.fileno())


def command_at_work(repo: Repository) -> str:
    """The git-ekf command that is at work in this repository now; "" for none."""
    return at_work(_folder(repo))


def cut_off(repo: Repository) -> str:
    """The command that was killed half-way and is to be finished or taken back.

    "" where there is none, and while one is at work. Raises Refused.
    """
    folder = _folder(repo)
    if not os.path.exists(os.path.join(folder, "lock")) or at_work(folder):
        return ""
    operation = Journal(os.path.join(folder, "journal")).unfinished()
    return operation.command if operation else ""


@contextmanager
def locked(repo: Repository) -> Iterator[Journal]:
    """Holds the lock against other git-ekf commands that change refs.

    Raises Refused where another command is at work.
    """
    folder = _folder(repo)
    os.makedirs(folder, exist_ok=True)
    try:
        descriptor = take(folder)
    except BlockingIOError:
        raise Refused(
            "another git-ekf command is at work in this repository",
            "wait for it, then try again",
        ) from None
    except OSError as error:
        if error.errno in _NO_FILE:
            raise _unreadable(error) from None
        raise
    try:
        _share(repo)
        yield Journal(os.path.join(folder, "journal"))
    finally:
        _share(repo)
        give_back(descriptor)


def _share(repo: Repository) -> None:
    """Gives our directories and their files the modes of core.sharedRepository (git-config(1)).

    As git does (path.c, adjust_shared_perm), whatever the umask.
    """
    value = (repo.git_setting("core.sharedrepository") or "").lower()
    bits = _SHARED.get(value, 0)
    replaces = value[:1] == "0" and len(value) > 1
    if replaces:
        with suppress(ValueError):  # which git itself refuses
            bits = int(value, 8) & 0o666
    if not bits:
        return
    paths = []
    for folder in {_folder(repo), os.path.join(repo.place.git_dir, "ekf")}:  # a work tree's own
        if os.path.isdir(folder):
            paths += [folder, *(entry.path for entry in os.scandir(folder))]
    for path in paths:
        with suppress(OSError):  # another user's, who has seen to it
            before = os.lstat(path).st_mode
            mode = stat.S_IMODE(before) & (~0o777 if replaces else ~0) | bits
            if stat.S_ISDIR(before):
                mode |= (mode & 0o444) >> 2 | stat.S_ISGID
            elif not stat.S_ISREG(before):
                continue
            if mode != stat.S_IMODE(before):
                os.chmod(path, mode)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds ^C and termination off to the end of the block: between files and refs."""
    blocked = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def read_own(path: str) -> bytes:
    """The bytes of a file of ours in the git directory, none where it is not there.

    Raises Refused for what we have not put there.
    """
    try:
        return read_small(path, STATE) or b""
    except OSError as error:
        raise _unreadable(error) from None


def _unreadable(error: OSError) -> Refused:
    path = str(error.filename)
    aside = shell("mv", path, path + ".unreadable")
    return Refused(f"{path} cannot be read: {error.strerror}", f"{aside}; git-ekf begins a new one")


def _folder(repo: Repository) -> str:
    return os.path.join(repo.place.common_dir, "ekf")


def _line(operation: Operation) -> bytes:
    import json  # 2 ms of `status`, which only looks whether there is a journal

    return json.dumps(operation._asdict()).encode() + b"\n"


def _read(path: str) -> list[Operation]:
    """Operations, each in its newest state. Lines that are cut off are passed over."""
    content = read_own(path)
    if not content:
        return []
    import json

    operations: dict[int, Operation] = {}
    for line in content.split(b"\n"):
        with suppress(
            ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError
        ):
            operation = _parse(json.loads(line))
            operations[operation.number] = operation
    return [operations[number] for number in sorted(operations)]


def _parse(values: dict[str, Any]) -> Operation:
    """Raises one of Python's own exceptions where the line is not an operation."""
    number, command, state = int(values["number"]), str(values["command"]), str(values["state"])
    if values.keys() - set(Operation._fields) or state not in _STATES:
        # To take back only what this version understands of it would be worse than not to.
        ended = state in ("undone", "dropped")
        return Operation(number, command, (), "", "", state if ended else "unknown")
    settings = [
        Setting(key, tuple(old), tuple(new)) for key, old, new in values.get("settings", ())
    ]
    updates = [RefUpdate(*map(str, update)) for update in values["updates"]]
    return Operation(**values)._replace(
        number=number,
        head=str(values["head"]),
        head_after=str(values["head_after"]),
        updates=tuple(updates),
        settings=tuple(settings),
        dropped=tuple(map(str, values.get("dropped", ()))),
    )
