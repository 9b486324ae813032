"""Where the repositories of a fleet are: their URLs made whole, found in lists and by globs."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from git_ekf.config_values import WrongValue
from git_ekf.fleet.values import as_name, as_url
from git_ekf.names import without_credentials
from git_ekf.smallfile import read_small

# The most that a list of URLs may have (bytes).
_LARGEST = 1 << 23
_LAST_PART = re.compile(r"([^/:]+?)(?:\.git)?/*$")


class WrongEntry(Exception):
    """A fault of a fleet file, in a sentence; `key` says it, "" for none.

    `table` is the name of the tables that it is in, "" for none, and `number` tells which of these,
    from 0.
    """

    def __init__(self, message: str, key: str = "", table: str = "", number: int = 0) -> None:
        super().__init__(message)
        self.key = key
        self.table = table
        self.number = number


def is_path(url: str) -> bool:
    """Whether git takes it for a path on this machine (git-clone(1), GIT URLS)."""
    return "://" not in url and ":" not in url.partition("/")[0]


def whole_url(url: str, folder: str) -> str:
    """The URL; of a path the absolute one, where it is relative to a folder."""
    return os.path.normpath(os.path.join(folder, url)) if is_path(url) else url


def host_of(url: str) -> str:
    """The host that is asked, with its port; "" for this machine."""
    if is_path(url) or url.lower().startswith("file:"):
        return ""
    scheme, sep, rest = url.partition("://")
    authority = rest.partition("/")[0] if sep else scheme.partition("/")[0].partition(":")[0]
    return authority.rpartition("@")[2].lower()


def discovered(folder: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, URL) of each repository that a [[discover]] finds. Raises WrongEntry."""
    if ("file" in table) == ("glob" in table):
        raise WrongEntry("a [[discover]] has either a file or a glob", "file")
    key = "file" if "file" in table else "glob"
    urls = _from_file(folder, table["file"]) if key == "file" else _from_glob(folder, table["glob"])
    pattern = table.get("name", _LAST_PART)
    for where, url in urls:
        try:
            whole = whole_url(as_url(url), folder)
        except WrongValue as wrong:
            raise WrongEntry(f"discover.{key}: {where} {wrong}", key) from None
        shown = without_credentials(whole)
        match = pattern.search(whole)
        if not match or not match[1]:
            raise WrongEntry(f"discover.name finds no name in {shown}", "name")
        try:
            yield as_name(match[1]), whole
        except WrongValue as wrong:
            raise WrongEntry(f"discover.name: the name found in {shown} {wrong}", "name") from None


def _from_file(folder: str, name: str) -> Iterator[tuple[str, str]]:
    """Each URL, and the line it is in."""
    path = os.path.join(folder, name)
    try:
        content = read_small(path, _LARGEST, follow=True)
    except OSError as error:
        raise WrongEntry(
            f"discover.file: {path} cannot be read: {error.strerror}", "file"
        ) from None
    if content is None:
        raise WrongEntry(f"discover.file: there is no {path}", "file")
    for number, line in enumerate(os.fsdecode(content).split("\n"), 1):
        url = line.strip(" \t\r")
        if url and not url.startswith("#"):
            yield f"{path}:{number}", url


def _from_glob(folder: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Each directory, by name."""
    found = sorted(filter(os.path.isdir, glob.glob(os.path.join(folder, pattern))))
    if not found:
        raise WrongEntry(f"discover.glob finds no directory: {pattern}", "glob")
    for path in found:
        yield path, path


def line_of(text: str, table: str, number: int, key: str) -> int:
    """The line of a key, in the table of that name and number (from 0); 0 where it is not seen.

    tomli keeps no positions.
    """
    here, seen, begin = "", -1, 0
    for at, line in enumerate(text.split("\n"), 1):
        words = line.strip()
        if words.startswith("["):
            here = words.partition("#")[0].strip("[] \t\r")
            if here == table:
                seen += 1
                begin = at if seen == number else begin
        elif here == table and seen == (number if table else -1):
            name = words.partition("=")[0].strip(" \t\"'").partition(".")[0]
            if key and name == key:
                return at
        if here == f"{table}.{key}" and seen == number:
            return at
    return begin
