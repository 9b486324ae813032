"""What a bundle says of itself, and the receipt that the other side gives for it: to and from JSON, with every value checked.

Both cross the gap, perhaps through many hands, so nothing is taken for granted. A bundle is known by the SHA-256 digest of its manifest,
which has the digest of everything else.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any, NamedTuple

from git_ekf import __version__
from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, TAGS
from git_ekf.names import valid_branch, without_credentials
from git_ekf.vendor import AHEAD

VERSION = 1
TOOL = f"git-ekf {__version__}"
BUNDLE_FORMAT, RECEIPT_FORMAT = "git-ekf-bundle", "git-ekf-receipt"

HASHES = {"sha1": 40, "sha256": 64}  # object format -> digits of an object id

_MOST = 2**53  # the largest number that every reader of JSON takes


class Manifest(NamedTuple):
    """`refs` and `previous` are ref -> object id: what the channels and tags are, and what they were on the other side, when it gave the
    receipt that this bundle follows. `after` is the digest of the bundle which that receipt is for, "" for none. `complete`: a channel
    or tag that is not in `refs` is one that the vendor has withdrawn. Times are in seconds since the epoch: `updated` is when the
    vendor was last heard.
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
    commits: int
    objects: int
    size: int
    sha256: str

    def text(self) -> bytes:
        return _text({"format": BUNDLE_FORMAT, "version": VERSION, **self.as_json()})

    def is_ahead(self, now: int) -> bool:
        """Whether it has a time that the clock here has not reached by far."""
        return max(self.created, self.updated) > now + AHEAD

    def as_json(self) -> dict[str, Any]:
        return {
            "tool": self.tool,
            "created": as_time(self.created),
            "updated": as_time(self.updated),
            "primary": self.primary,
            "object_format": self.object_format,
            "sequence": self.sequence,
            "after": self.after or None,
            "complete": self.complete,
            "channels": _listed(HEADS, self.refs, self.previous),
            "tags": _listed(TAGS, self.refs, self.previous),
            "prerequisites": list(self.prerequisites),
            "commits": self.commits,
            "objects": self.objects,
            "size": self.size,
            "sha256": self.sha256,
        }


class Receipt(NamedTuple):
    """What the other side has: `refs` is ref -> object id, `digest` and `sequence` those of the last bundle applied."""

    tool: str
    applied: int
    primary: str
    object_format: str
    sequence: int
    digest: str
    refs: dict[str, str]

    def text(self) -> bytes:
        return _text(
            {
                "format": RECEIPT_FORMAT,
                "version": VERSION,
                "tool": self.tool,
                "applied": as_time(self.applied),
                "primary": self.primary,
                "object_format": self.object_format,
                "sequence": self.sequence,
                "digest": self.digest,
                "channels": _listed(HEADS, self.refs),
                "tags": _listed(TAGS, self.refs),
            }
        )


def parse_manifest(raw: bytes, path: str) -> Manifest:
    """Raises Refused when it is not one that this version has written; `path` is for the message."""
    fields = _Fields(raw, f"the manifest of {path}", BUNDLE_FORMAT)
    object_format = fields.object_format()
    refs, previous = fields.refs(object_format)
    manifest = Manifest(
        fields.text("tool"),
        fields.time("created"),
        fields.time("updated"),
        without_credentials(fields.text("primary")),
        object_format,
        fields.number("sequence", 1),
        fields.digest("after", may_lack=True),
        fields.flag("complete"),
        refs,
        previous,
        fields.object_ids("prerequisites", object_format),
        fields.number("commits"),
        fields.number("objects"),
        fields.number("size"),
        fields.digest("sha256"),
    )
    if bool(manifest.after) != (manifest.sequence > 1):
        raise fields.wrong("after")
    return manifest


def parse_receipt(raw: bytes, path: str) -> Receipt:
    """Raises Refused when it is not one that this version has written."""
    fields = _Fields(raw, path, RECEIPT_FORMAT)
    object_format = fields.object_format()
    return Receipt(
        fields.text("tool"),
        fields.time("applied"),
        without_credentials(fields.text("primary")),
        object_format,
        fields.number("sequence", 1),
        fields.digest("digest"),
        fields.refs(object_format)[0],
    )


def as_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=True).encode() + b"\n"


def _listed(
    prefix: str, refs: dict[str, str], previous: dict[str, str] | None = None
) -> list[dict[str, str | None]]:
    names = sorted(ref for ref in refs if ref.startswith(prefix))
    rows: list[dict[str, str | None]] = [
        {"name": ref.removeprefix(prefix), "tip": refs[ref]} for ref in names
    ]
    if previous is not None:
        rows = [
            {**row, "previous": previous.get(ref)} for row, ref in zip(rows, names, strict=True)
        ]
    return rows


class _Fields:
    """The values of a document, each as it has to be. Raises Refused."""

    def __init__(self, raw: bytes, what: str, form: str) -> None:
        self._what = what
        try:
            self._values: Any = json.loads(raw.decode(), object_pairs_hook=_without_doubles)
        except (ValueError, RecursionError):  # UnicodeDecodeError is one
            raise Refused(f"{what} is no JSON document of git-ekf") from None
        if not isinstance(self._values, dict) or self._values.get("format") != form:
            raise Refused(f'{what} is no JSON document of git-ekf with the format "{form}"')
        version = self.number("version", 1)
        if version != VERSION:
            raise Refused(
                f"{what} has version {version} of its format, and this git-ekf knows version {VERSION}",
                "install a newer git-ekf",
            )

    def wrong(self, key: str) -> Refused:
        return Refused(f'{self._what} is wrong: "{key}" is missing, or is not what belongs there')

    def number(self, key: str, least: int = 0) -> int:
        value = self._values.get(key)
        if type(value) is not int or not least <= value <= _MOST:
            raise self.wrong(key)
        return value

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value or not value.isprintable():
            raise self.wrong(key)
        return value

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise self.wrong(key)
        return value

    def time(self, key: str) -> int:
        try:
            value = datetime.fromisoformat(self.text(key))
            if value.tzinfo:
                return int(value.timestamp())
        except (ValueError, OverflowError):
            pass
        raise self.wrong(key)

    def digest(self, key: str, *, may_lack: bool = False) -> str:
        value = self._values.get(key)
        if may_lack and value is None:
            return ""
        if not _is_hex(value, 64):
            raise self.wrong(key)
        return str(value)

    def object_format(self) -> str:
        value = self._values.get("object_format")
        if not isinstance(value, str) or value not in HASHES:
            raise self.wrong("object_format")
        return value

    def object_ids(self, key: str, object_format: str) -> tuple[str, ...]:
        values = self._values.get(key)
        if not isinstance(values, list) or not all(
            _is_hex(value, HASHES[object_format]) for value in values
        ):
            raise self.wrong(key)
        return tuple(values)

    def refs(self, object_format: str) -> tuple[dict[str, str], dict[str, str]]:
        """ref -> object id: as it is, and as it was."""
        tips: dict[str, str] = {}
        previous: dict[str, str] = {}
        for key, prefix in (("channels", HEADS), ("tags", TAGS)):
            rows = self._values.get(key)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self.wrong(key)
            for row in rows:
                name, ids = (
                    row.get("name"),
                    [oid for oid in (row.get("tip"), row.get("previous")) if oid is not None],
                )
                if not _is_name(name) or prefix + name in tips or not row.get("tip"):
                    raise self.wrong(key)
                if not all(_is_hex(oid, HASHES[object_format]) for oid in ids):
                    raise self.wrong(key)
                tips[prefix + name], *before = ids
                previous.update((prefix + name, oid) for oid in before)
        return tips, previous


def _is_hex(value: object, digits: int) -> bool:
    return (
        isinstance(value, str)
        and len(value) == digits
        and not value.strip("0123456789abcdef")
        and value.strip("0") != ""
    )


def _is_name(name: object) -> bool:
    """Whether git can have a branch of this name: JSON may also hold halves of characters, which stand for no byte."""
    try:
        return isinstance(name, str) and valid_branch(name) and bool(os.fsencode(name))
    except UnicodeEncodeError:
        return False


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which of two equal keys counts. Raises ValueError."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError
    return values
