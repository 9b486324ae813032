"""The terminal: errors with their hints, colours as git has them, git's pager, progress."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TextIO, TypeVar

from git_ekf.errors import EkfError
from git_ekf.git.calls import Git
from git_ekf.shown import escape
from git_ekf.terminal.text import say, shortened

T = TypeVar("T")

# ECMA-48, Select Graphic Rendition; git's own names (git-config(1), "color").
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1"}

# Seconds before progress is shown, as in git's progress.c.
_DELAY = 2.0
_EVERY = 0.1


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text, safe for a terminal, and in a colour where the stream (stdout) is to have any.

    `colour` is one of git's names for it; "" leaves the text as it is.
    """
    shown = escape(text)
    if not shown or not colour or not _coloured((stream or sys.stdout).isatty()):
        return shown
    return f"\x1b[{_COLOURS[colour]}m{shown}\x1b[m"


@cache
def _coloured(is_terminal: bool) -> bool:
    """Whether git would: by color.ekf, then color.ui, a dumb terminal and the pager.

    NO_COLOR (no-color.org) and CLICOLOR_FORCE go first.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    if _known and not is_terminal and "GIT_PAGER_IN_USE" not in os.environ:
        return _known.get("color.ekf", _known.get("color.ui", "")).lower() == "always"
    # git cannot be asked in a repository that it does not trust; and after ^C a pipe of another
    # thread may be closed.
    with suppress(EkfError, OSError):
        return Git().wants_colour("ekf", is_terminal=is_terminal)
    return False


_known: dict[str, str] = {}


def know_settings(settings: Iterable[tuple[str, str]]) -> None:
    """Lets colours go by git's settings, in order of precedence, where those were read already."""
    _known.clear()
    _known.update(settings)


def _setting(key: str, type_: str = "") -> str:
    """The value of a setting; "" where there is none, or git cannot be asked."""
    with suppress(EkfError, OSError):
        return Git().setting(key, type_) or ""
    return ""


def terminal_width() -> int:
    """Columns of the terminal; a script's lines are never broken."""
    return _columns() if sys.stdout.isatty() else sys.maxsize


def _columns() -> int:
    import shutil  # 3 ms, which only a terminal needs

    return shutil.get_terminal_size().columns


# --- errors ---


def print_error(error: EkfError) -> None:
    """Says on stderr what went wrong, without credentials, and what helps."""
    say(f"git-ekf: {error.message}", stream=sys.stderr)
    for line in error.details:
        say(f"  {line}", stream=sys.stderr)
    if error.hint:
        print_hint(error.hint)


def print_hint(text: str) -> None:
    """Says on stderr what helps, as git's own advice; `git config advice.ekf false` silences it."""
    if _setting("advice.ekf", "bool") != "false":
        print(paint(f"hint: {text}", "yellow", sys.stderr), file=sys.stderr)


# --- the pager ---


@contextmanager
def paged() -> Iterator[None]:
    """Sends what is printed through git's pager, where stdout is a terminal."""
    pager = _pager()
    if not pager:
        yield
        return
    sys.stdout.flush()
    os.environ["GIT_PAGER_IN_USE"] = "true"  # for colours, and for the git that we call
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}  # git(1), core.pager
    process = subprocess.Popen(["sh", "-c", pager], stdin=subprocess.PIPE, env=environment)
    assert process.stdin
    terminal = os.dup(1)
    os.dup2(process.stdin.fileno(), 1)
    process.stdin.close()
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: what is still to come is for nobody
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        sys.stdout.flush()
    finally:
        # ^C is the pager's own; it says when it has ended.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.dup2(terminal, 1)
        os.close(terminal)
        process.wait()
        signal.signal(signal.SIGINT, before)


def _pager() -> str:
    """The command of git's pager; "" where nothing is to be paged."""
    if not sys.stdout.isatty() or os.environ.get("GIT_PAGER_IN_USE"):
        return ""
    chosen = _setting("pager.ekf")
    if chosen.lower() in ("false", "no", "off", "0"):
        return ""
    if chosen.lower() in ("", "true", "yes", "on", "1"):
        chosen = Git().pager()
    return "" if chosen == "cat" else chosen


# --- progress ---


def transfer_progress() -> Callable[[bytes], object] | None:
    """Shows a person what git says of how far a transfer is; None where nobody watches."""
    return _show_part if sys.stderr.isatty() else None


def _show_part(part: bytes) -> None:
    sys.stderr.buffer.write(part)
    sys.stderr.buffer.flush()


def counting(title: str, things: Sequence[T], names: Sequence[str] = ()) -> Iterator[T]:
    """Gives out the things, and says meanwhile in a line on stderr how far it is.

    With `names` also which one it is at. Only on a terminal, and only once it has taken a while,
    be it with the first of them.
    """
    if not sys.stderr.isatty():
        yield from things
        return
    with _Meter() as meter:
        for done, thing in enumerate(things):
            text = f"{title}: {100 * done // len(things):3}% ({done}/{len(things)})"
            meter.show(f"{text} {names[done]}" if names else text)
            yield thing


def counting_builds(paths: Sequence[str]) -> Iterator[str]:
    """Gives out kustomizations to be built, and says meanwhile how far it is, and at which."""
    return counting("Building kustomizations", paths, paths)


class _Meter:
    """A line that is written over and over, and is gone at the end."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _delay()
        self._text = self._shown = ""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Meter:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        with self._lock:
            if self._shown:
                self._write(f"{'':{len(self._shown)}}\r")

    def show(self, text: str) -> None:
        self._text = escape(shortened(text, _columns() - 1))
        self._update()

    def _watch(self) -> None:
        """Shows a line also while nothing moves on: a single build may take a minute."""
        while not self._over.wait(_EVERY):
            self._update()

    def _update(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now >= self._due and self._text != self._shown and not self._over.is_set():
                self._write(f"{self._text:<{len(self._shown)}}")
                self._shown = self._text
                self._due = now + _EVERY

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a terminal that is gone
            print(f"\r{text}", end="", file=sys.stderr, flush=True)


def _delay() -> float:
    try:
        return float(os.environ["GIT_PROGRESS_DELAY"])
    except (KeyError, ValueError):
        return _DELAY
