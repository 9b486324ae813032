"""A tag object taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from git_ekf.git.encodings import decoded

# As git writes it (ident.c). Of any other line some programs, of git's too, make other times.
_TAGGER = re.compile(rb"tagger [^<>\n]*<[^<>\n]*> (?:0|[1-9][0-9]{0,17}) [+-][0-9]{4}")
# What comes before it (git-mktag(1)).
_BEFORE = (b"object ", b"type ", b"tag ")


class TagObject(NamedTuple):
    """An annotated tag as git stores it (git-mktag(1))."""

    object: str
    type: str
    tag: str
    tagger: str
    message: str

    @property
    def time(self) -> int:
        """When it was made, by the tagger's clock, in seconds since the epoch; 0 where it does not
        say.
        """
        return tagger_time(self.tagger)


def tagger_time(line: str) -> int:
    """The seconds since the epoch in "NAME <EMAIL> SECONDS ZONE"; 0 where there are none."""
    seconds = line.partition("> ")[2].partition(" ")[0]
    return int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 19 else 0


def is_dated(raw: bytes) -> bool:
    """Whether a tag object says when it was made, once, so that all read the same time."""
    lines = raw.partition(b"\n\n")[0].split(b"\n")
    before, taggers = lines[:3], [line for line in lines[3:] if line.startswith(b"tagger")]
    if not all(map(bytes.startswith, before, _BEFORE)) or taggers != lines[3:4]:
        return False
    return _TAGGER.fullmatch(taggers[0]) is not None


def parse_tag(raw: bytes) -> TagObject:
    """A tag object taken apart.

    Its `encoding` header is followed; without one it is UTF-8. Of a repeated header git reads the
    first.
    """
    head, _, body = raw.partition(b"\n\n")
    header = head.decode("utf-8", "surrogateescape").split("\n")
    values = dict(line.split(" ", 1) for line in reversed(header) if " " in line)
    message = _decoded(body, values.get("encoding", "utf-8"))
    return TagObject(
        values.get("object", ""),
        values.get("type", ""),
        values.get("tag", ""),
        values.get("tagger", ""),
        message,
    )


def _decoded(body: bytes, encoding: str) -> str:
    """The text, as UTF-8 where the encoding is none or does not fit."""
    try:
        text = decoded(body, encoding, "surrogateescape")
        if encoding != "utf-8":
            # No halves of surrogate pairs, which UTF-7 among others can name.
            text.encode("utf-8", "surrogateescape")
    except (LookupError, ValueError):
        return body.decode("utf-8", "surrogateescape")
    return text
