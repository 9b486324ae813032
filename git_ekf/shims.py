"""The hook shims: installed, recognised and taken away again without losing anybody's own hook."""

from __future__ import annotations

import compileall
import errno
import os
import shlex
import sys
from contextlib import ExitStack
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused
from git_ekf.repository import Repository

CLIENT = ("pre-commit", "pre-merge-commit", "pre-push")

PREVIOUS = ".ekf-prev"
_NEW = ".ekf-new"
_MARK = "# git-ekf hook shim"
# Where other hook managers put a hook that was there before them.
_DISPLACED = {".old": "lefthook", ".legacy": "pre-commit"}


class Target(NamedTuple):
    """The directory where git looks for hooks, and why it must not be written to ("" when it may)."""

    directory: str
    obstacle: str
    hint: str


class State(NamedTuple):
    """A hook as `hooks status` shows it. `state` is one of:

    ok         git runs our shim
    chained    another manager's hook runs ours
    displaced  another manager has moved ours away and does not run it
    outdated   ours, but of another version or edited
    stale      ours, but the program it names is gone
    missing    not installed
    """

    hook: str
    state: str
    path: str
    note: str


def shim(hook: str) -> str:
    """The text of a hook: the template with this interpreter and this package written into it."""
    boot = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hookboot.py")
    values = {"@HOOK@": hook, "@PYTHON@": shlex.quote(sys.executable), "@BOOT@": shlex.quote(boot)}
    text = _template()
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _template() -> str:
    here = os.path.dirname(os.path.abspath(__file__))
    # In an installed package the folder `hooks` lies inside it, in a checkout beside it.
    for folder in (os.path.join(here, "shims"), os.path.join(os.path.dirname(here), "hooks")):
        try:
            with open(os.path.join(folder, "shim.sh"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            continue
    raise CallFailed("the hook template is missing from this installation", "reinstall git-ekf")


def target(repo: Repository, *, shared: bool = False) -> Target:
    """Where hooks go, by git's own answer; `core.hooksPath` is respected and never set."""
    place = repo.place
    hooks_path = repo.git_setting("core.hookspath")
    directory = place.hooks_dir
    if hooks_path is None:
        if os.path.islink(directory) and not shared:
            return Target(
                directory,
                f"{directory} is a link to {os.path.realpath(directory)}, which other repositories may use",
                "git ekf hooks install --shared",
            )
        return Target(directory, "", "")
    if hooks_path == "" or os.path.realpath(directory) == "/dev/null":
        return Target(
            directory,
            "hooks are switched off here (core.hooksPath is empty or /dev/null)",
            "git config --show-origin core.hooksPath shows where; unset it there",
        )
    inside = os.path.realpath(directory) + os.sep
    if inside.startswith(os.path.realpath(place.common_dir) + os.sep):
        return Target(directory, "", "")
    if place.top and inside.startswith(os.path.realpath(place.top) + os.sep):
        return Target(
            directory,
            f"core.hooksPath is {hooks_path}, a directory of the work tree that another tool keeps",
            'add a line to each hook there, e.g. to pre-push: git-ekf hook 1 pre-push "$@"',
        )
    if not shared:
        return Target(
            directory,
            f"core.hooksPath is {hooks_path}, which other repositories use too",
            "git ekf hooks install --shared",
        )
    return Target(directory, "", "")


def install(directory: str, hooks: tuple[str, ...] = CLIENT, *, force: bool = False) -> list[str]:
    """Installs the shims; says what it did, a sentence a change, nothing when all was in place.

    A hook that was there is kept beside ours and runs before it. All or nothing: when a file cannot
    be written, what was done is taken back. Raises Refused or CallFailed.
    """
    paths = {hook: os.path.join(directory, hook) for hook in hooks}
    standings = {hook: _standing(path, hook) for hook, path in paths.items()}
    for hook, path in paths.items():
        if standings[hook] == "foreign" and os.path.lexists(path + PREVIOUS):
            raise Refused(f"{path} and {path}{PREVIOUS} both exist, and neither is ours", f"keep one of them: ls -l {path}*")
        if standings[hook] == "edited" and not force:
            raise Refused(f"{path} is a git-ekf hook that somebody has edited", "git ekf hooks install --force writes it anew")
    needed = [hook for hook in hooks if standings[hook] != "current"]
    changes = []
    try:
        with ExitStack() as undo:
            if not os.path.isdir(directory):
                os.makedirs(directory)
                undo.callback(os.rmdir, directory)
            for hook in needed:
                undo.callback(_remove, paths[hook] + _NEW)
                _write(paths[hook] + _NEW, shim(hook))
            for hook in needed:
                path = paths[hook]
                if standings[hook] == "foreign":
                    os.rename(path, path + PREVIOUS)
                    undo.callback(os.replace, path + PREVIOUS, path)
                    changes.append(f"hook {hook} installed; the one that was there is kept as {hook}{PREVIOUS} and still runs")
                elif standings[hook] == "absent":
                    undo.callback(_remove, path)
                    changes.append(f"hook {hook} installed")
                else:
                    changes.append(f"hook {hook} updated")
                os.replace(path + _NEW, path)
            undo.pop_all()
    except OSError as error:
        raise _not_written(directory, error) from None
    _compile()
    return changes


def _not_written(directory: str, error: OSError) -> Refused | CallFailed:
    message = f"cannot write hooks to {directory}: {error.strerror}; nothing was changed"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Refused(message, f"ls -ld {directory}, then: git ekf hooks install")
    return CallFailed(message, "make room or mend the disk, then: git ekf hooks install")


def uninstall(directory: str, hooks: tuple[str, ...] = CLIENT, *, force: bool = False) -> list[str]:
    """Takes our shims away and puts back what was there before. Raises Refused for an edited one."""
    ours = []
    for hook in hooks:
        path = os.path.join(directory, hook)
        for place in (path, *(path + suffix for suffix in _DISPLACED)):
            standing = _standing(place, hook)
            if standing == "edited" and not force:
                raise Refused(f"{place} is a git-ekf hook that somebody has edited", "git ekf hooks uninstall --force removes it")
            if standing in ("current", "ours", "edited"):
                ours.append((hook, place, path + PREVIOUS))
    changes = []
    try:
        for hook, place, previous in ours:
            if os.path.lexists(previous):
                os.replace(previous, place)
                changes.append(f"hook {hook} removed; the one from before is back")
            else:
                os.remove(place)
                changes.append(f"hook {hook} removed")
    except OSError as error:
        raise Refused(f"cannot change {error.filename}: {error.strerror}", f"ls -ld {directory}") from None
    return changes


def states(repo: Repository, hooks: tuple[str, ...] = CLIENT) -> list[State]:
    """What git will really run for each hook."""
    directory = repo.place.hooks_dir
    return [_state(os.path.join(directory, hook), hook) for hook in hooks]


def _state(path: str, hook: str) -> State:
    standing = _standing(path, hook)
    chained = f"{hook}{PREVIOUS} runs first" if os.path.lexists(path + PREVIOUS) else ""
    if standing == "current":
        if not os.access(path, os.X_OK):
            return State(hook, "stale", path, f"it is not executable: chmod +x {path}")
        return State(hook, "ok", path, chained)
    if standing in ("ours", "edited"):
        named = _named_programs(path)
        gone = [name for name in named if not os.path.exists(name)]
        if gone:
            return State(hook, "stale", path, f"{gone[0]} is gone")
        return State(hook, "outdated", path, "edited by hand" if standing == "edited" else "installed by another git-ekf")
    text = _read(path)
    for suffix, tool in _DISPLACED.items():
        if _MARK in _read(path + suffix):
            if tool == "pre-commit" and "pre-commit" in text:
                return State(hook, "chained", path, f"run by pre-commit as {hook}{suffix}")
            return State(hook, "displaced", path, f"{tool} has moved ours to {hook}{suffix} and does not run it")
    if "git-ekf hook" in text:
        return State(hook, "chained", path, "called by another hook")
    return State(hook, "missing", path, "another hook is there" if text else "")


def _standing(path: str, hook: str) -> str:
    """absent; current (ours, as we would write it now); ours; edited; foreign."""
    if not os.path.lexists(path):
        return "absent"
    text = "" if os.path.islink(path) else _read(path)
    if _MARK not in text.partition("\nhook=")[0]:
        return "foreign"
    if text == shim(hook):
        return "current"
    return "ours" if _body(text) in (_body(_template()), *_BODIES_OF_OLD) else "edited"


# Bodies (see _body) of shims that earlier versions installed, so that they are upgraded without a question.
_BODIES_OF_OLD: tuple[str, ...] = ()


def _body(text: str) -> str:
    """A shim without the line that differs from machine to machine."""
    return "\n".join(line for line in text.split("\n") if not line.startswith("hook="))


def _named_programs(path: str) -> list[str]:
    for line in _read(path).split("\n"):
        if line.startswith("hook="):
            return [word.partition("=")[2] for word in shlex.split(line)[1:]]
    return []


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(path, 0o777 & ~_umask())


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except (OSError, ValueError):
        return ""


def _remove(path: str) -> None:
    if os.path.lexists(path):
        os.remove(path)


def _compile() -> None:
    """Caches the package's bytecode now: another user (a `git` account) may not be able to write it later."""
    compileall.compile_dir(os.path.dirname(os.path.abspath(__file__)), quiet=2, maxlevels=1)
