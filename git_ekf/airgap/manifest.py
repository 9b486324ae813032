"""What a bundle says of itself, and the receipt that the other side gives for it.

They are JSON, and every value is checked: both cross the gap, perhaps through many hands, so
nothing is taken for granted. A bundle is known by the SHA-256 digest of its manifest, which has the
digest of everything else.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from git_ekf import __version__
from git_ekf.airgap.ref_names import can_carry, clash, is_name
from git_ekf.errors import Refused, UsageError
from git_ekf.git.refs import HEADS, TAGS
from git_ekf.names import AHEAD, without_credentials
from git_ekf.vendor import LATEST

VERSION = 1
TOOL = f"git-ekf {__version__}"
BUNDLE_FORMAT, RECEIPT_FORMAT = "git-ekf-bundle", "git-ekf-receipt"

HASHES = {"sha1": 40, "sha256": 64}  # object format -> digits of an object id

_MOST = 2**53  # the largest number that every reader of JSON takes


class Manifest(NamedTuple):
    """All that a bundle says of itself; times are in seconds since the epoch.

    `refs` and `previous` are ref -> object id: what the channels and tags are, and what they were
    on the other side, when it gave the receipt that this bundle follows. `after` is the digest of
    the bundle which that receipt is for, "" for none. `complete`: a channel or tag that is not in
    `refs` is one that the vendor has withdrawn. `updated` is when the vendor was last fetched.
    """

    tool: str
    created: int
    updated: int
    primary: str
    object_format: str
    sequence: int
    after: str
    complete: bool
    refs: dict[str, str]
    previous: dict[str, str]
    prerequisites: tuple[str, ...]
    commits: int = 0
    objects: int = 0
    size: int = 0
    sha256: str = ""

    def text(self) -> bytes:
        """The content of manifest.json."""
        return _text(BUNDLE_FORMAT, self.as_json())

    def is_ahead(self, now: int) -> bool:
        """Whether it has a time that the clock here has not reached by far."""
        return max(self.created, self.updated) > now + AHEAD

    def as_json(self) -> dict[str, Any]:
        """Its values for a document."""
        values = self._asdict()
        values["created"] = as_time(self.created)
        values["updated"] = as_time(self.updated)
        values["after"] = self.after or None
        previous = values.pop("previous")
        return _with_refs(values, previous)


class Receipt(NamedTuple):
    """All that the other side has.

    `refs` is ref -> object id, `digest` and `sequence` those of the last bundle applied, `applied`
    the seconds since the epoch.
    """

    tool: str
    applied: int
    primary: str
    object_format: str
    sequence: int
    digest: str
    refs: dict[str, str]

    def text(self) -> bytes:
        """The content of a file for it."""
        return _text(
            RECEIPT_FORMAT, _with_refs({**self._asdict(), "applied": as_time(self.applied)})
        )


def _text(form: str, values: dict[str, Any]) -> bytes:
    document = {"format": form, "version": VERSION, **values}
    return json.dumps(document, indent=2, ensure_ascii=True).encode() + b"\n"


def _with_refs(values: dict[str, Any], previous: dict[str, str] | None = None) -> dict[str, Any]:
    """The values with lists of channels and tags where the refs stand."""
    document: dict[str, Any] = {}
    for key, value in values.items():
        if key == "refs":
            document["channels"] = _listed(HEADS, value, previous)
            document["tags"] = _listed(TAGS, value, previous)
        else:
            document[key] = value
    return document


def _listed(
    prefix: str, refs: dict[str, str], previous: dict[str, str] | None
) -> list[dict[str, str | None]]:
    rows = []
    for ref in sorted(refs):
        if ref.startswith(prefix):
            row: dict[str, str | None] = {"name": ref.removeprefix(prefix), "tip": refs[ref]}
            if previous is not None:
                row["previous"] = previous.get(ref)
            rows.append(row)
    return rows


# --- times ---


def now() -> int:
    """The time, or what SOURCE_DATE_EPOCH says instead (reproducible-builds.org, in seconds).

    Raises UsageError where that is not a valid time.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given:
        return int(time.time())
    if not (given.isascii() and given.isdigit()) or len(given) > 20 or int(given) > LATEST:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {given}, which is not a valid time in seconds",
            "unset SOURCE_DATE_EPOCH",
        )
    return int(given)


def as_time(seconds: float) -> str:
    """A time as documents and people get it, to the second (ISO 8601)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


# --- read ---


def parse_manifest(raw: bytes, path: str) -> Manifest:
    """The manifest of the bundle at a path.

    Raises Refused when it is not one that this version has written.
    """
    fields = _Fields(raw, f"the manifest of {path}", BUNDLE_FORMAT)
    refs, previous = fields.refs()
    manifest = Manifest(
        tool=fields.text("tool"),
        created=fields.time("created"),
        updated=fields.time("updated"),
        primary=without_credentials(fields.text("primary")),
        object_format=fields.object_format,
        sequence=fields.number("sequence", 1),
        after=fields.digest("after", may_lack=True),
        complete=fields.flag("complete"),
        refs=refs,
        previous=previous,
        prerequisites=fields.object_ids("prerequisites"),
        commits=fields.number("commits"),
        objects=fields.number("objects"),
        size=fields.number("size"),
        sha256=fields.digest("sha256"),
    )
    fields.require("after", bool(manifest.after) == (manifest.sequence > 1))
    return manifest


def parse_receipt(raw: bytes, path: str) -> Receipt:
    """The receipt in a file. Raises Refused when it is not one that this version has written."""
    fields = _Fields(raw, path, RECEIPT_FORMAT)
    return Receipt(
        tool=fields.text("tool"),
        applied=fields.time("applied"),
        primary=without_credentials(fields.text("primary")),
        object_format=fields.object_format,
        sequence=fields.number("sequence", 1),
        digest=fields.digest("digest"),
        refs=fields.refs()[0],
    )


class _Fields:
    """The values of a document, each as it has to be. Raises Refused."""

    def __init__(self, raw: bytes, name: str, form: str) -> None:
        self._name = name
        try:
            self._values: Any = json.loads(raw.decode(), object_pairs_hook=_without_doubles)
        except (ValueError, RecursionError):  # UnicodeDecodeError is one
            raise Refused(f"{name} is not a JSON document of git-ekf") from None
        if not isinstance(self._values, dict) or self._values.get("format") != form:
            raise Refused(f'{name} is not a JSON document of git-ekf with the format "{form}"')
        version = self.number("version", 1)
        if version != VERSION:
            raise Refused(
                f"{name} has version {version} of its format, "
                f"and this git-ekf knows version {VERSION}",
                "install a newer git-ekf",
            )
        self.object_format = self.text("object_format")
        self.require("object_format", self.object_format in HASHES)

    def require(self, key: str, holds: bool) -> None:
        """Raises Refused, which names the key, where it does not hold."""
        if not holds:
            raise self._wrong(key)

    def _wrong(self, key: str) -> Refused:
        return Refused(f'{self._name} is wrong: "{key}" is missing, or is not what belongs there')

    def number(self, key: str, least: int = 0) -> int:
        """A whole number from `least` to 2**53. Raises Refused."""
        value = self._values.get(key)
        self.require(key, type(value) is int and least <= value <= _MOST)
        return int(value)

    def text(self, key: str) -> str:
        """A text that is not empty and can be printed. Raises Refused."""
        value = self._values.get(key)
        self.require(key, isinstance(value, str) and value != "" and value.isprintable())
        return str(value)

    def flag(self, key: str) -> bool:
        """True or false. Raises Refused."""
        value = self._values.get(key)
        self.require(key, isinstance(value, bool))
        return bool(value)

    def time(self, key: str) -> int:
        """Seconds since 1970 of a time with a time zone (ISO 8601). Raises Refused."""
        try:
            value = datetime.fromisoformat(self.text(key))
            seconds = int(value.timestamp())
            self.require(key, value.tzinfo is not None and 0 <= seconds <= LATEST)
            return seconds
        except (ValueError, OverflowError):
            raise self._wrong(key) from None

    def digest(self, key: str, *, may_lack: bool = False) -> str:
        """A SHA-256 in hex, "" where it lacks and may. Raises Refused."""
        value = self._values.get(key)
        if may_lack and value is None:
            return ""
        self.require(key, _is_hex(value, 64))
        return str(value)

    def object_ids(self, key: str) -> tuple[str, ...]:
        """Object ids in hex, of the length that the format of objects has. Raises Refused."""
        values = self._list(key)
        self.require(key, all(map(self._is_object_id, values)))
        return tuple(values)

    def refs(self) -> tuple[dict[str, str], dict[str, str]]:
        """ref -> object id: as it is, and as it was."""
        tips: dict[str, str] = {}
        previous: dict[str, str] = {}
        for key, prefix in (("channels", HEADS), ("tags", TAGS)):
            for row in self._list(key):
                self.require(key, isinstance(row, dict) and is_name(row.get("name")))
                ref = prefix + row["name"]
                self.require(key, can_carry(ref) and ref not in tips)
                self.require(key, self._is_object_id(row.get("tip")))
                tips[ref] = row["tip"]
                if row.get("previous") is not None:
                    self.require(key, self._is_object_id(row["previous"]))
                    previous[ref] = row["previous"]
            self.require(key, not clash(tips))
        return tips, previous

    def _list(self, key: str) -> list[Any]:
        value = self._values.get(key)
        self.require(key, isinstance(value, list))
        return list(value)

    def _is_object_id(self, value: object) -> bool:
        return _is_hex(value, HASHES[self.object_format])


def _is_hex(value: object, digits: int) -> bool:
    if not isinstance(value, str) or len(value) != digits:
        return False
    return not value.strip("0123456789abcdef") and value.strip("0") != ""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which of two equal keys counts. Raises ValueError."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError
    return values
