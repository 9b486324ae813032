"""The fleet file: a vendor, the clusters on its releases, and the waves they are upgraded in.

It says which repositories git is to ask, so everything in it is strict: a key that is not known,
a URL that would run a program, a cluster that is there twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from git_ekf.config import parse
from git_ekf.config_values import WrongValue, as_amount, as_path, as_scheme
from git_ekf.errors import Refused, UsageError
from git_ekf.fleet import values
from git_ekf.fleet.places import UrlError, discovered, line_of, whole_url
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
_CLUSTER = {"name": values.as_name, "internal": values.as_url, **_OF_BOTH}
_DISCOVER = {
    "file": values.as_line,
    "glob": values.as_line,
    "name": values.as_pattern,
    **_OF_BOTH,
}
_TABLES: dict[str, Mapping[str, Callable[[Any], Any]]] = {
    "cluster": _CLUSTER,
    "discover": _DISCOVER,
}


def other_file(file: str) -> list[str]:
    """The option for another fleet file than the usual one."""
    return [] if file == FILE else ["--file", file]


def read_fleet(path: str) -> Fleet:
    """The fleet that a file describes, what is to be discovered too.

    Raises Refused where there is no such file, UsageError for what is wrong in it.
    """
    try:
        content = read_small(path, _LARGEST, follow=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", f"ls -l {shell(path)}"
        ) from None
    if content is None:
        raise Refused(
            f"there is no fleet file {path}", "git ekf man fleet.toml describes it, with an example"
        )
    return _Reader(path, content).fleet()


class _Wrong(Exception):
    """A wrong value: its sentence, the table it is in and which one of these, and its key."""

    def __init__(self, message: str, table: str = "", number: int = 0, key: str = "") -> None:
        super().__init__(message)
        self.where = table, number, key


class _Reader:
    """A fleet file that is read."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path = path
        self._folder = os.path.dirname(os.path.abspath(path))
        self._text, self._document = parse(content, path, _correct(path))
        # What tells a repository or a name that is there already: where it is.
        self._known: dict[str, str] = {}

    def fleet(self) -> Fleet:
        """The whole of it. Raises UsageError."""
        try:
            return self._fleet()
        except _Wrong as wrong:
            line = line_of(self._text, *wrong.where)
            where = f"{self._path}:{line}" if line else self._path
            raise UsageError(f"{where}: {wrong}", _correct(self._path)) from None

    def _fleet(self) -> Fleet:
        fields: dict[str, Any] = {}
        for key, value in self._document.items():
            if key in _TABLES:
                continue
            if key not in _KEYS:
                raise _Wrong(f"{key} {_unknown(key, [*_KEYS, *_TABLES])}", key=key)
            field, reader = _KEYS[key]
            fields[field] = _read(reader, value, key, key=key)
        if "vendor" not in fields:
            raise _Wrong("vendor is missing: the URL of the vendor's repository")
        fields["vendor"] = whole_url(fields["vendor"], self._folder)
        self._claim_url(fields["vendor"], "the vendor")
        if "resolutions" in fields:
            fields["resolutions"] = whole_url(fields["resolutions"], self._folder)
            try:
                self._claim_url(fields["resolutions"], "the resolutions")
            except UrlError as error:
                raise _Wrong(str(error), key="resolutions") from None
        waves = fields.get("waves", ())
        members = self._listed(waves)
        members += self._discovered(waves, {self._normalised(one.internal) for one in members})
        if not members:
            raise _Wrong("it names no cluster: [[cluster]] and [[discover]] do")
        return Fleet(self._path, members=tuple(members), **fields)

    def _listed(self, waves: tuple[str, ...]) -> list[Member]:
        members = []
        for number, table in enumerate(self._tables("cluster")):
            read = self._table("cluster", number, table, waves)
            for key in ("name", "internal"):
                if key not in read:
                    raise _Wrong(f"a cluster has no {key}", "cluster", number)
            url = whole_url(read["internal"], self._folder)
            member = Member(read["name"], url, read.get("wave", ""), read.get("labels", {}))
            try:
                self._claim(member)
            except UrlError as error:
                raise _Wrong(str(error), "cluster", number, error.key) from None
            members.append(member)
        return members

    def _discovered(self, waves: tuple[str, ...], listed: set[str]) -> list[Member]:
        """Those that are found, but for the ones that have an entry of their own."""
        members = []
        for number, table in enumerate(self._tables("discover")):
            read = self._table("discover", number, table, waves)
            try:
                for name, url in discovered(self._folder, read):
                    if self._normalised(url) in listed:
                        continue
                    member = Member(name, url, read.get("wave", ""), read.get("labels", {}))
                    self._claim(member)
                    members.append(member)
            except UrlError as error:
                raise _Wrong(str(error), "discover", number, error.key) from None
        return members

    def _tables(self, name: str) -> list[Any]:
        found = self._document.get(name, [])
        if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
            raise _Wrong(f"{name} must be tables: [[{name}]]", name)
        return found

    def _table(
        self, name: str, number: int, table: dict[str, Any], waves: tuple[str, ...]
    ) -> dict[str, Any]:
        read = {}
        for key, value in table.items():
            whole = f"{name}.{key}"
            if key not in _TABLES[name]:
                raise _Wrong(f"{whole} {_unknown(key, _TABLES[name])}", name, number, key)
            read[key] = _read(_TABLES[name][key], value, whole, name, number, key)
        wave = read.get("wave")
        if wave is not None and wave not in waves:
            sentence = f'{name}.wave is "{wave}", which is none of waves{_meant(wave, waves)}'
            raise _Wrong(sentence, name, number, "wave")
        return read

    def _claim(self, member: Member) -> None:
        """Raises UrlError for a name or a repository that another cluster has."""
        if f"name {member.name}" in self._known:
            raise UrlError(f"two clusters are called {member.name}", "name")
        self._known[f"name {member.name}"] = member.name
        self._claim_url(member.internal, member.name)

    def _claim_url(self, url: str, whose: str) -> None:
        other = self._known.setdefault(self._normalised(url), whose)
        if other != whose:
            shown = without_credentials(url)
            raise UrlError(f"{shown} is the repository of {other}, and of {whose}", "internal")

    def _normalised(self, url: str) -> str:
        return normalise_url(url, os.path.realpath)


def _read(
    reader: Callable[[Any], Any],
    value: Any,
    name: str,
    table: str = "",
    number: int = 0,
    key: str = "",
) -> Any:
    try:
        return reader(value)
    except WrongValue as wrong:
        raise _Wrong(f"{name} {wrong}", table, number, key) from None


def _unknown(key: str, known: Any) -> str:
    return f"is not a key of a fleet file{_meant(key, known)}"


def _meant(word: str, known: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _correct(path: str) -> str:
    return f"correct {shell(path)}; its keys are in: git ekf man fleet.toml"
