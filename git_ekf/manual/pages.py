"""The manual: its pages, where man looks for them, and one shown; and the JSON schemas."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.installation import shipped
from git_ekf.manual import roff
from git_ekf.shown import shell


def pages() -> dict[str, Traversable]:
    """File name (git-ekf-upgrade.1) -> page. Raises CallFailed when this installation has none."""
    found = shipped("man", "the manual is").iterdir()
    return {page.name: page for page in sorted(found, key=lambda page: page.name)}


def find(name: str) -> Traversable:
    """The page of a command or topic, named with or without git-ekf-; "" is the overview.

    Raises UsageError.
    """
    by_topic = {_topic(Path(page).stem): file for page, file in pages().items()}
    topic = _topic(name)
    if topic not in by_topic:
        close = get_close_matches(topic, by_topic, n=1)
        hint = f"git ekf man {close[0]}" if close else "git ekf man lists the commands"
        raise UsageError(f"there is no page {name}", hint)
    return by_topic[topic]


def _topic(name: str) -> str:
    name = name.removeprefix("git-")
    return "" if name == "ekf" else name.removeprefix("ekf-")


def schema(name: str) -> str:
    """The JSON schema of what a command prints with --json: status, hooks-status.

    Raises UsageError.
    """
    folder = files("git_ekf").joinpath("schemas")
    schemas = {file.name.removesuffix(".json"): file for file in folder.iterdir()}
    topic = _topic(name)
    if topic not in schemas:
        raise UsageError(
            f"there is no schema {name}" if name else "of which command?",
            f"there are {', '.join(sorted(schemas))}",
        )
    return schemas[topic].read_text(encoding="utf-8")


# --- showing a page ---


def show(page: Traversable) -> None:
    """Shows a page with man or mandoc, else as plain text in the pager. Raises CallFailed."""
    with as_file(page) as path:
        if _ask_man(str(path)) == [str(path)]:
            _view(["man", str(path)])
        elif shutil.which("mandoc"):
            _view(["mandoc", "-a", str(path)])
        else:
            import pydoc

            width = min(shutil.get_terminal_size().columns, 100)
            pydoc.pager(roff.text(page.read_text(encoding="utf-8"), width))


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
    """Whether man finds all pages by name, in this version: `git ekf --help` is `man git-ekf`."""
    return all(is_ours for _, is_ours in _found())


def _found() -> Iterator[tuple[str, bool]]:
    """For each page the file that man finds by its name ("": none), and whether it is that page."""
    ours = pages()
    paths = _ask_man(*(Path(name).stem for name in ours))
    found = {os.path.basename(path).removesuffix(".gz"): path for path in paths}
    for name, page in ours.items():
        path = found.get(name, "")
        yield path, _content(path) == page.read_bytes()


def obstacle(directory: str) -> str:
    """Why man does not show the pages in a directory, and what helps; "" when it does."""
    found = list(_found())
    if all(is_ours for _, is_ours in found):
        return ""
    looked = _ask_man()
    if not looked:
        return "There is no man on this machine. This shows a page all the same: git ekf man"
    if os.path.realpath(directory) not in map(os.path.realpath, looked[0].split(":")):
        variable = f'export MANPATH={shell(directory)}:"$MANPATH"'
        return f"man does not look there. Put this into your ~/.profile: {variable}"
    others = {str(Path(path).parents[1]) for path, is_ours in found if path and not is_ours}
    if not others:
        return "man looks there and does not find all of them: man -w git-ekf"
    commands = [f"git ekf man --install {shell(other)}" for other in sorted(others)]
    return f"man finds other pages first. Replace them: {' && '.join(commands)}"


def _ask_man(*names: str) -> list[str]:
    """Where man finds each of the pages; without names, in one line with colons, where it looks.

    Empty without man.
    """
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
    """The folder with man1, man5 and man7 that was installed with this program.

    Raises Refused when there is none.
    """
    # Both `pip` in its several ways and distributions put share/man beside the lib that has the
    # package.
    above = [*Path(__file__).resolve().parents, Path(sys.prefix)]
    for place in [*(str(parent / "share" / "man") for parent in above), default_folder()]:
        overview = os.path.join(place, "man1", "git-ekf.1")
        if os.path.isfile(overview) or os.path.isfile(overview + ".gz"):  # distributions pack them
            return place
    raise Refused("this installation has no folder of pages for man", "git ekf man --install")


def default_folder() -> str:
    """The user's own."""
    return os.path.join(os.path.expanduser("~"), ".local", "share", "man")


def install(directory: str) -> tuple[int, int]:
    """Puts the pages into man1, man5 and man7 of a directory.

    How many are new, and how many took the place of others.
    """
    new = changed = 0
    for name, page in sorted(pages().items(), key=lambda found: found[0][-1]):
        path = Path(directory, f"man{name[-1]}", name)
        content = page.read_bytes()
        existed = os.path.lexists(path)
        if existed and _content(str(path)) == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if existed:
            changed += 1
        else:
            new += 1
    return new, changed
