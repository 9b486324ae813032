"""Installs the hook shims and takes them away, without losing anybody's own hook."""

from __future__ import annotations

import compileall
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from git_ekf.errors import CallFailed, Refused
from git_ekf.hooks import shims
from git_ekf.hooks.shims import CLIENT, PART, PREVIOUS, hook_of
from git_ekf.shown import shell

_NEW = ".ekf-new"


def install(directory: str, hooks: tuple[str, ...] = CLIENT, *, force: bool = False) -> list[str]:
    """Installs the shims; a sentence for each change, nothing when all was in place.

    A hook that was there is kept beside ours and runs before it. All or nothing: when a file cannot
    be written, what was done is taken back. Raises Refused or CallFailed.
    """
    needed = []
    for hook in hooks:
        path = shims.place_of(os.path.join(directory, hook))
        leftovers = [place for place in shims.places(directory, hook) if place != path]
        if shims.is_foreign(path):
            _require_room(path, hook)
        if not force:
            fix = f"{_command('install', hook)} --force writes it anew"
            _require_unedited([path, *leftovers], fix)
        if leftovers or not shims.is_current(path, hook):
            needed.append((hook, path, leftovers))
    changes = []
    with _all_or_nothing(directory, _command("install", hooks[0])) as undo:
        if not os.path.isdir(directory):
            os.makedirs(directory)
            undo.callback(os.rmdir, directory)
        for hook, path, _ in needed:
            undo.callback(_remove, path + _NEW)
            _write(path + _NEW, shims.shim(hook))
        for hook, path, leftovers in needed:
            act = "updated" if os.path.lexists(path) else "installed"
            if shims.is_foreign(path):
                _move(undo, path, path + PREVIOUS)
                act = (
                    f"installed; the one that was there is kept as {hook}{PREVIOUS} and still runs"
                )
            with _kept(undo, path):
                os.replace(path + _NEW, path)
            for place in leftovers:
                _delete(undo, place)
            changes.append(f"hook {hook_of(hook)} {act}")
    # Another user (a `git` account) may not be able to write the package's bytecode later.
    compileall.compile_dir(shims.package(), quiet=2, maxlevels=1)
    return changes


def uninstall(directory: str, hooks: tuple[str, ...] = CLIENT, *, force: bool = False) -> list[str]:
    """Takes our shims away and puts back what was there before, all or nothing.

    A sentence for each change. Raises Refused, for a shim that was edited too, or CallFailed.
    """
    ours = [(hook, place) for hook in hooks for place in shims.places(directory, hook)]
    if not force:
        for hook, place in ours:
            _require_unedited([place], f"{_command('uninstall', hook)} --force removes it")
    changes = []
    with _all_or_nothing(directory, _command("uninstall", hooks[0])) as undo:
        for hook, place in ours:
            path = os.path.join(directory, hook)
            previous = path + PREVIOUS
            if place != path and shims.superseded(path):
                _delete(undo, previous)
            act = "removed"
            if os.path.lexists(previous):
                _move(undo, previous, place)
                act = "removed; the one from before is back"
            else:
                _delete(undo, place)
            changes.append(f"hook {hook_of(hook)} {act}")
    return changes


def _command(act: str, hook: str) -> str:
    server = "" if hook in CLIENT else " --server"
    return f"git ekf hooks {act}{server}"


def _require_room(path: str, hook: str) -> None:
    """Raises Refused where another's hook cannot be kept beside ours."""
    if os.path.lexists(path + PREVIOUS) and not shims.superseded(path):
        raise Refused(
            f"{path} and {path}{PREVIOUS} both exist, and neither is ours",
            f"keep one of them: ls -l {shell(path)}*",
        )
    if hook == PART:  # kept beside ours, it would run twice
        move = shell("mv", path, f"{path}-of-ours")
        raise Refused(f"{path} exists and is not ours", move)


def _require_unedited(places: list[str], hint: str) -> None:
    for place in places:
        if shims.is_ours(place) and shims.is_edited(place):
            raise Refused(f"{place} is a git-ekf hook that somebody has edited", hint)


@contextmanager
def _all_or_nothing(directory: str, command: str) -> Iterator[ExitStack]:
    """What is put on the stack is done when something fails. Raises Refused or CallFailed then."""
    try:
        with ExitStack() as undo:
            yield undo
            undo.pop_all()
    except OSError as error:
        message = f"cannot write hooks to {directory}: {error.strerror}; nothing was changed"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Refused(message, f"ls -ld {shell(directory)}, then: {command}") from None
        raise CallFailed(message, f"make room or mend the disk, then: {command}") from None


@contextmanager
def _kept(undo: ExitStack, path: str) -> Iterator[None]:
    """Around a change to a script: once it is made, `undo` can take it back."""
    text = shims.read(path) if os.path.lexists(path) else None
    yield
    if text is None:
        undo.callback(_remove, path)
    else:
        undo.callback(_write, path, text)


def _move(undo: ExitStack, source: str, target: str) -> None:
    with _kept(undo, target):
        os.replace(source, target)
    undo.callback(os.replace, target, source)


def _delete(undo: ExitStack, path: str) -> None:
    with _kept(undo, path):
        os.remove(path)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    umask = os.umask(0o022)
    os.umask(umask)
    # In a shared repository (git init --shared), whoever may look into the directory may run its
    # hooks: git passes over one that it may not run.
    folder = os.stat(os.path.dirname(path)).st_mode
    readers = folder & 0o055 if folder & stat.S_ISGID else 0
    os.chmod(path, 0o777 & ~umask | readers)


def _remove(path: str) -> None:
    if os.path.lexists(path):
        os.remove(path)
