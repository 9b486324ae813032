"""Deploy records to and from the message of an annotated tag.

Read leniently: keys in any case and order, blank lines between, CRLF, quotes round the context.
`Context` runs to the end of the message, before a signature. Written strictly, see `write`.
"""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.names import RECORD_FIELDS

CONTEXT = "Context"

_SIGNATURES = (
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN PGP MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
    "-----BEGIN SIGNED MESSAGE-----",
)


class Record(NamedTuple):
    """The fields in the order they stand in the message, unknown ones too; values are stripped."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value of a field, by name in any case; None when it is absent."""
        values = self.values(name)
        return values[0] if values else None

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.casefold() == name.casefold()]


class TagObject(NamedTuple):
    """An annotated tag as git stores it (git-mktag(1))."""

    object: str
    type: str
    tag: str
    tagger: str
    message: str


def parse(message: str, expected: tuple[str, ...] = RECORD_FIELDS) -> Record:
    """The fields of a message. `expected` are recognised even behind the context."""
    names = {name.casefold() for name in (*RECORD_FIELDS, *expected)}
    fields: list[tuple[str, str]] = []
    seen: set[str] = set()
    context: list[str] | None = None
    for line in _unsigned(message).replace("\r\n", "\n").split("\n"):
        key, colon, value = line.partition(":")
        key = " ".join(key.split())
        named = bool(colon) and _is_key(key)
        folded = key.casefold()
        if context is not None and not (named and folded in names and folded not in seen):
            context.append(line)
            continue
        if not named:
            continue
        seen.add(folded)
        if folded == CONTEXT.casefold():
            context = [value]
        else:
            fields.append((key, value.strip()))
    if context is not None:
        fields.append((CONTEXT, _unquoted("\n".join(context).strip())))
    return Record(tuple(fields))


def write(record: Record) -> str:
    """The message of a record: known fields in the contract's order, unknown ones, the context last."""
    known = [name for name in RECORD_FIELDS if name != CONTEXT]
    folded = {name.casefold() for name in RECORD_FIELDS}
    lines = [f"{name}: {record.get(name) or ''}" for name in known]
    lines += [f"{key}: {value}" for key, value in record.fields if key.casefold() not in folded]
    lines.append(f"{CONTEXT}: {record.get(CONTEXT) or ''}")
    return "".join(f"{line}\n" for line in lines)


def parse_tag(raw: bytes) -> TagObject:
    """A tag object taken apart. Its `encoding` header is followed; without one it is UTF-8."""
    header, _, body = raw.partition(b"\n\n")
    values = {}
    for line in header.split(b"\n"):
        key, _, value = line.partition(b" ")
        values[key.decode("ascii", "replace")] = value.decode("utf-8", "surrogateescape")
    try:
        message = body.decode(values.get("encoding", "utf-8"), "surrogateescape")
    except LookupError:
        message = body.decode("utf-8", "surrogateescape")
    return TagObject(values.get("object", ""), values.get("type", ""), values.get("tag", ""), values.get("tagger", ""), message)


def _unsigned(message: str) -> str:
    for begin in _SIGNATURES:
        if message.startswith(begin):
            return ""
        found = message.find("\n" + begin)
        if found >= 0:
            return message[: found + 1]
    return message


def _is_key(key: str) -> bool:
    return bool(key) and len(key) <= 60 and key[0].isalpha() and all(char.isalnum() or char in " -_" for char in key)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].strip()
    return text
