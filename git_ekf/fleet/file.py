"""The fleet file: a vendor, the clusters on its releases, and the waves they are upgraded in.

It says which repositories git is to ask, so everything in it is strict: a key that is not known,
a URL that would run a program, a cluster that is there twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from git_ekf.config import parse
from git_ekf.config_values import WrongValue, as_amount, as_path, as_scheme
from git_ekf.errors import Refused, UsageError
from git_ekf.fleet import values
from git_ekf.fleet.places import WrongEntry, discovered, line_of, whole_url
from git_ekf.names import Scheme, normalise_url, without_credentials
from git_ekf.shown import shell
from git_ekf.smallfile import read_small

FILE = "fleet.toml"
# The most that it may have (bytes): some 50,000 clusters.
_LARGEST = 1 << 23


class Member(NamedTuple):
    """A cluster of the fleet: its name, its internal repository, its wave ("" for none), labels.

    `internal` is a URL or an absolute path; it may have credentials.
    """

    name: str
    internal: str
    wave: str
    labels: dict[str, str]


class Fleet(NamedTuple):
    """The fleet as its file has it; see ekf-fleet.toml(5).

    `jobs` are connections at a time, `per_host` those to one host, `seconds` the time that one
    question to a repository may take. `store` is "" for the usual place. `resolutions` is the
    repository of the team's answers to conflicts, "" for none; `signers` a file of those whose
    answers are used, "" for git's own.
    """

    path: str
    vendor: str
    members: tuple[Member, ...]
    waves: tuple[str, ...] = ()
    scheme: Scheme = Scheme()
    jobs: int = 16
    per_host: int = 4
    seconds: int = 60
    store: str = ""
    resolutions: str = ""
    signers: str = ""


# key -> field of Fleet, the reader of its value
_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "vendor": ("vendor", values.as_url),
    "release": ("scheme", as_scheme),
    "waves": ("waves", values.as_waves),
    "jobs": ("jobs", as_amount),
    "per-host": ("per_host", as_amount),
    "timeout": ("seconds", as_amount),
    "store": ("store", as_path),
    "resolutions": ("resolutions", values.as_url),
    "allowed-signers": ("signers", as_path),
}
_OF_BOTH: dict[str, Callable[[Any], Any]] = {"wave": values.as_line, "labels": values.as_labels}
_TABLES: dict[str, Mapping[str, Callable[[Any], Any]]] = {
    "cluster": {"name": values.as_name, "internal": values.as_url, **_OF_BOTH},
    "discover": {
        "file": values.as_line,
        "glob": values.as_line,
        "name": values.as_pattern,
        **_OF_BOTH,
    },
}


def other_file(file: str) -> list[str]:
    """The option for another fleet file than the usual one."""
    return [] if file == FILE else ["--file", file]


def command_of(file: str, command: str, *words: str) -> str:
    """A command of git ekf fleet for the fleet of a file, as it is typed; `words` are any text."""
    return shell("git", "ekf", "fleet", *command.split(), *words, *other_file(file))


def read_given(path: str, limit: int) -> bytes | None:
    """A file that somebody has named, of at most `limit` bytes; None where there is none.

    Raises UsageError.
    """
    try:
        return read_small(path, limit, follow=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", f"ls -l {shell(path)}"
        ) from None


def read_fleet(path: str) -> Fleet:
    """The fleet that a file describes, what is to be discovered too.

    Raises Refused where there is no such file, UsageError for what is wrong in it.
    """
    content = read_given(path, _LARGEST)
    if content is None:
        raise Refused(
            f"there is no fleet file {path}", "git ekf man fleet.toml describes it, with an example"
        )
    return _Reader(path, content).fleet()


class _Reader:
    """A fleet file that is read."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path = path
        self._folder = os.path.dirname(os.path.abspath(path))
        self._text, self._document = parse(content, path, _correct(path))
        self._waves: tuple[str, ...] = ()
        # The repositories that clusters have an entry for.
        self._listed_urls: set[str] = set()
        # What tells a repository or a name that is there already: where it is.
        self._known: dict[str, str] = {}

    def fleet(self) -> Fleet:
        """The whole of it. Raises UsageError."""
        try:
            return self._fleet()
        except WrongEntry as wrong:
            line = line_of(self._text, wrong.table, wrong.number, wrong.key)
            where = f"{self._path}:{line}" if line else self._path
            raise UsageError(f"{where}: {wrong}", _correct(self._path)) from None

    def _fleet(self) -> Fleet:
        fields: dict[str, Any] = {}
        for key, value in self._document.items():
            if key in _TABLES:
                continue
            if key not in _KEYS:
                raise WrongEntry(f"{key} {_unknown(key, [*_KEYS, *_TABLES])}", key)
            field, reader = _KEYS[key]
            fields[field] = _read(reader, value, key, key)
        if "vendor" not in fields:
            raise WrongEntry("vendor is missing: the URL of the vendor's repository")
        for key in ("vendor", "resolutions"):
            if key in fields:
                fields[key] = whole_url(fields[key], self._folder)
                self._claim(fields[key], f"the {key}", key)
        self._waves = fields.get("waves", ())
        members = self._members("cluster", self._listed)
        self._listed_urls.update(map(_normalised, (one.internal for one in members)))
        members += self._members("discover", self._discovered)
        if not members:
            raise WrongEntry("it names no cluster: [[cluster]] and [[discover]] do")
        return Fleet(self._path, members=tuple(members), **fields)

    def _members(
        self, name: str, of_table: Callable[[dict[str, Any]], Iterator[Member]]
    ) -> list[Member]:
        """Those of all tables of a name."""
        found = self._document.get(name, [])
        if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
            raise WrongEntry(f"{name} must be tables: [[{name}]]", table=name)
        members: list[Member] = []
        for number, table in enumerate(found):
            try:
                members += of_table(self._table(name, table))
            except WrongEntry as wrong:
                raise WrongEntry(str(wrong), wrong.key, name, number) from None
        return members

    def _table(self, name: str, table: dict[str, Any]) -> dict[str, Any]:
        read = {}
        for key, value in table.items():
            whole = f"{name}.{key}"
            if key not in _TABLES[name]:
                raise WrongEntry(f"{whole} {_unknown(key, _TABLES[name])}", key)
            read[key] = _read(_TABLES[name][key], value, whole, key)
        wave = read.get("wave")
        if wave is not None and wave not in self._waves:
            meant = _meant(wave, self._waves)
            raise WrongEntry(f'{name}.wave is "{wave}", which is none of waves{meant}', "wave")
        return read

    def _listed(self, read: dict[str, Any]) -> Iterator[Member]:
        for key in ("name", "internal"):
            if key not in read:
                raise WrongEntry(f"a cluster has no {key}")
        yield self._member(read["name"], whole_url(read["internal"], self._folder), read)

    def _discovered(self, read: dict[str, Any]) -> Iterator[Member]:
        """Those that are found, but for the ones that have an entry of their own."""
        for name, url in discovered(self._folder, read):
            if _normalised(url) not in self._listed_urls:
                yield self._member(name, url, read)

    def _member(self, name: str, url: str, read: dict[str, Any]) -> Member:
        """Raises WrongEntry for a name or a repository that another cluster has."""
        if f"name {name}" in self._known:
            raise WrongEntry(f"two clusters are called {name}", "name")
        self._known[f"name {name}"] = name
        self._claim(url, name, "internal")
        return Member(name, url, read.get("wave", ""), read.get("labels", {}))

    def _claim(self, url: str, whose: str, key: str) -> None:
        other = self._known.setdefault(_normalised(url), whose)
        if other != whose:
            shown = without_credentials(url)
            raise WrongEntry(f"{shown} is the repository of {other}, and of {whose}", key)


def _normalised(url: str) -> str:
    return normalise_url(url, os.path.realpath)


def _read(reader: Callable[[Any], Any], value: Any, name: str, key: str) -> Any:
    try:
        return reader(value)
    except WrongValue as wrong:
        raise WrongEntry(f"{name} {wrong}", key) from None


def _unknown(key: str, known: Any) -> str:
    return f"is not a key of a fleet file{_meant(key, known)}"


def _meant(word: str, known: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _correct(path: str) -> str:
    return f"correct {shell(path)}; its keys are in: git ekf man fleet.toml"
