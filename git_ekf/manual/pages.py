"""The manual: where its pages are, where man looks for them, one of them shown, with man or without; and the JSON schemas."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
from difflib import get_close_matches
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.installation import shipped
from git_ekf.manual import roff


def pages() -> dict[str, Traversable]:
    """File name (git-ekf-upgrade.1) -> page. Raises CallFailed when this installation has none."""
    found = shipped("man", "the manual is").iterdir()
    return {page.name: page for page in sorted(found, key=lambda page: page.name)}


def find(name: str) -> Traversable:
    """The page of a command or topic, named with or without git-ekf-; "" is the overview. Raises UsageError."""
    by_topic = {_topic(page.rpartition(".")[0]): file for page, file in pages().items()}
    topic = _topic(name)
    if topic not in by_topic:
        close = get_close_matches(topic, by_topic, n=1)
        raise UsageError(
            f"there is no page {name}",
            f"git ekf man {close[0]}" if close else "git ekf man lists the commands",
        )
    return by_topic[topic]


def _topic(name: str) -> str:
    return name.removeprefix("git-").removeprefix("ekf").removeprefix("-")


def schema(name: str) -> str:
    """The JSON schema of what a command prints with --json: status, hooks-status. Raises UsageError."""
    schemas = {
        file.name.removesuffix(".json"): file
        for file in files("git_ekf").joinpath("schemas").iterdir()
    }
    topic = _topic(name)
    if topic not in schemas:
        raise UsageError(
            f"there is no schema {name}" if name else "of which command?",
            f"there are {', '.join(sorted(schemas))}",
        )
    return schemas[topic].read_text(encoding="utf-8")


# --- showing a page ---


def show(page: Traversable) -> None:
    """Shows a page with man, else with mandoc, else as plain text in the pager. Raises CallFailed."""
    with as_file(page) as path:
        if _ask_man(str(path)) == [str(path)]:
            _view(["man", str(path)])
        elif shutil.which("mandoc"):
            _view(["mandoc", "-a", str(path)])
        else:
            import pydoc

            pydoc.pager(
                roff.text(
                    page.read_text(encoding="utf-8"), min(shutil.get_terminal_size().columns, 100)
                )
            )


def _view(command: list[str]) -> None:
    sys.stdout.flush()
    # ^C belongs to the pager. A handler, as the pager would inherit that it is ignored.
    ours = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        code = subprocess.Popen(command).wait()
    finally:
        signal.signal(signal.SIGINT, ours)
    if code > 0:
        raise CallFailed(f"{command[0]} ended with code {code}")


# --- where man looks ---


def found_by_man() -> bool:
    """Whether man finds all pages by their names, and those of this version: `git ekf --help` is `man git-ekf`."""
    return all(path is not None and _content(path) == page.read_bytes() for page, path in _found())


def _found() -> list[tuple[Traversable, str | None]]:
    """Each page, and the file that man finds by its name."""
    ours = pages()
    found = {
        os.path.basename(path).removesuffix(".gz"): path
        for path in _ask_man(*(name.rpartition(".")[0] for name in ours))
    }
    return [(page, found.get(name)) for name, page in ours.items()]


def obstacle(directory: str) -> str:
    """Why man does not show the pages in a directory, and what helps; "" when it does."""
    if found_by_man():
        return ""
    looked = _ask_man()
    if not looked:
        return "There is no man on this machine. This shows a page all the same: git ekf man"
    if os.path.realpath(directory) not in [
        os.path.realpath(place) for place in looked[0].split(":")
    ]:
        return f'man does not look there. Put this into your ~/.profile: export MANPATH="{directory}:$MANPATH"'
    other = {
        os.path.dirname(os.path.dirname(path))
        for page, path in _found()
        if path and _content(path) != page.read_bytes()
    }
    if not other:
        return "man looks there and does not find all of them: man -w git-ekf"
    return f"man finds other pages first. Replace them: {' && '.join(f'git ekf man --install {place}' for place in sorted(other))}"


def _ask_man(*names: str) -> list[str]:
    """Where man finds each of the pages; without names, in one line with colons, where it looks. Empty without man."""
    try:
        done = subprocess.run(
            ["man", "-w", *names], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError:
        return []
    # The `man` of some containers only says how to get the real one.
    return [line for line in os.fsdecode(done.stdout).splitlines() if line.startswith(os.sep)]


def _content(path: str) -> bytes:
    try:
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


# --- folders for man ---


def folder() -> str:
    """The folder with man1, man5 and man7 that was installed with this program. Raises Refused when there is none."""
    # Both `pip` in its several ways and distributions put share/man beside the lib that has the package.
    above = [str(place) for place in Path(__file__).resolve().parents]
    for place in [
        *(os.path.join(place, "share", "man") for place in (*above, sys.prefix)),
        default_folder(),
    ]:
        overview = os.path.join(place, "man1", "git-ekf.1")
        if os.path.isfile(overview) or os.path.isfile(overview + ".gz"):  # distributions pack them
            return place
    raise Refused("this installation has no folder of pages for man", "git ekf man --install")


def default_folder() -> str:
    """The user's own."""
    return os.path.join(os.path.expanduser("~"), ".local", "share", "man")


def install(directory: str) -> tuple[int, int]:
    """Puts the pages into man1, man5 and man7 of a directory. How many are new, and how many took the place of others."""
    new = changed = 0
    for name, page in pages().items():
        path = os.path.join(directory, f"man{name[-1]}", name)
        there, content = os.path.lexists(path), page.read_bytes()
        if there and _content(path) == content:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        new, changed = new + (not there), changed + there
    return new, changed
