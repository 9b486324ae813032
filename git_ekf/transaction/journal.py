"""What git-ekf did to refs, written down before and after, so that it can be taken back; and the lock around it.

The journal is `ekf/journal` in the common git directory, a line of JSON an event, only ever appended to:
an operation is `begun` with the ref updates it is about to make, then `done`; taken back, it is `undoing`,
then `undone`. After a crash the refs themselves tell how far it got: they move in one transaction.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.refs import RefUpdate
from git_ekf.repository import Repository
from git_ekf.smallfile import STATE, read_small

# Operations that are kept; older ones are forgotten when the file is next tidied.
_KEPT = 200

_STATES = ("begun", "handed over", "done", "undoing", "undone", "dropped")


class Setting(NamedTuple):
    """A key of the clone's configuration goes from the values `old` to `new`; none is "not set"."""

    key: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class Operation(NamedTuple):
    """`updates` in order; `head` and `head_after` are the branches checked out in `worktree` before and after it.

    `state` is begun, handed over (to a rebase, which tells the new values when it ends), done, undoing, undone,
    dropped (it never happened), or unknown: another version wrote it. Where `moves_head` is false, what is checked out
    has no part in it.
    """

    number: int
    command: str
    updates: tuple[RefUpdate, ...]
    head: str
    head_after: str
    state: str
    worktree: str = ""
    settings: tuple[Setting, ...] = ()
    moves_head: bool = True

    def inverse(self) -> Operation:
        """What takes it back."""
        return self._replace(
            command=f"undo {self.command}",
            updates=tuple(update.inverse() for update in self.updates),
            head=self.head_after,
            head_after=self.head,
            settings=tuple(
                Setting(setting.key, setting.new, setting.old) for setting in self.settings
            ),
        )


class Journal:
    """The journal of a repository whose lock is held."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.operations = _read(path)

    def begin(
        self,
        command: str,
        updates: list[RefUpdate],
        head: str,
        head_after: str,
        worktree: str = "",
        settings: tuple[Setting, ...] = (),
        state: str = "begun",
        *,
        moves_head: bool = True,
    ) -> Operation:
        number = self.operations[-1].number + 1 if self.operations else 1
        operation = Operation(
            number, command, tuple(updates), head, head_after, state, worktree, settings, moves_head
        )
        if len(self.operations) > 2 * _KEPT:
            self._tidy()
        self._append(operation)
        self.operations.append(operation)
        return operation

    def mark(
        self, operation: Operation, state: str, updates: list[RefUpdate] | None = None
    ) -> Operation:
        """Notes what became of an operation; `updates` where only git could tell the new values."""
        marked = operation._replace(
            state=state, updates=tuple(updates) if updates else operation.updates
        )
        self._append(marked)
        self.operations = [
            marked if known.number == operation.number else known for known in self.operations
        ]
        return marked

    def last(self) -> Operation | None:
        """The newest operation that has happened and was not undone, or of which that cannot be told."""
        return next(
            (
                operation
                for operation in reversed(self.operations)
                if operation.state in ("done", "unknown")
            ),
            None,
        )

    def handed_over(self) -> Operation | None:
        """The operation that goes on in a rebase, as far as is known here."""
        return next(
            (
                operation
                for operation in reversed(self.operations)
                if operation.state == "handed over"
            ),
            None,
        )

    def unfinished(self) -> Operation | None:
        """The operation during which git-ekf was killed."""
        return next(
            (
                operation
                for operation in reversed(self.operations)
                if operation.state in ("begun", "undoing")
            ),
            None,
        )

    def _append(self, operation: Operation) -> None:
        line = _line(operation)
        descriptor = os.open(
            self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666
        )
        try:
            if _torn(self._path):  # a line that a crash cut off is closed, and then ignored
                line = b"\n" + line
            with open(
                descriptor, "wb", closefd=False
            ) as file:  # which, unlike os.write, writes all of it or raises
                file.write(line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _tidy(self) -> None:
        self.operations = self.operations[-_KEPT:]
        with open(self._path + ".new", "wb") as file:
            file.writelines(map(_line, self.operations))
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path + ".new", self._path)


def cut_off(repo: Repository) -> str:
    """The command that was killed half-way and is still to be settled; "" for none, and while one is at work."""
    folder = os.path.join(repo.place.common_dir, "ekf")
    try:
        with open(os.path.join(folder, "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return ""
    operation = Journal(os.path.join(folder, "journal")).unfinished()
    return operation.command if operation else ""


@contextmanager
def locked(repo: Repository) -> Iterator[Journal]:
    """Holds the lock against other git-ekf commands that change refs. Raises Refused when one is at work.

    The lock is the system's, on an open file, so it goes with the process however that ends.
    """
    folder = os.path.join(repo.place.common_dir, "ekf")
    os.makedirs(folder, exist_ok=True)
    descriptor = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                "another git-ekf command is at work in this repository",
                "wait for it, then try again",
            ) from None
        yield Journal(os.path.join(folder, "journal"))
    finally:
        os.close(descriptor)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds ^C and termination off until the block has ended: for the moment between files and refs."""
    blocked = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _line(operation: Operation) -> bytes:
    import json  # 2 ms of `status`, which only looks whether there is a journal

    return json.dumps(operation._asdict()).encode() + b"\n"


def _torn(path: str) -> bool:
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        if file.tell() == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _read(path: str) -> list[Operation]:
    """Operations, each in its newest state. Lines that are cut off are passed over."""
    operations: dict[int, Operation] = {}
    try:
        content = read_small(path, STATE)
    except OSError as error:
        raise unreadable(error) from None
    if content is None:
        return []
    import json

    for line in content.split(b"\n"):
        with suppress(
            ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError
        ):
            operation = _parse(json.loads(line))
            operations[operation.number] = operation
    return [operations[number] for number in sorted(operations)]


def unreadable(error: OSError) -> Refused:
    """The error for a file of ours in the git directory that is not what we put there."""
    path = str(error.filename)
    aside = shlex.join(["mv", path, path + ".unreadable"])
    return Refused(f"{path} cannot be read: {error.strerror}", f"{aside}; git-ekf begins a new one")


def _parse(values: dict[str, Any]) -> Operation:
    """Raises one of Python's own exceptions when the line is no operation."""
    number, state = int(values["number"]), str(values["state"])
    if values.keys() - set(Operation._fields) or state not in _STATES:
        # To take back only what this version understands of it would be worse than not to.
        return Operation(
            number,
            str(values["command"]),
            (),
            "",
            "",
            state if state in ("undone", "dropped") else "unknown",
        )
    return Operation(
        number,
        str(values["command"]),
        tuple(RefUpdate(*map(str, update)) for update in values["updates"]),
        str(values["head"]),
        str(values["head_after"]),
        state,
        str(values.get("worktree", "")),
        tuple(Setting(key, tuple(old), tuple(new)) for key, old, new in values.get("settings", ())),
        bool(values.get("moves_head", True)),
    )
