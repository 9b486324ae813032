"""Text for people, and the JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from git_ekf.shown import escape, is_byte, scrub

# What is shown of a line that a server says, in characters: it may say megabytes.
MOST_WORDS = 400


def unicode_text(text: str) -> str:
    """Text for a document: bytes that are not UTF-8 become escapes, so that any parser takes it."""
    return "".join(escape(char) if is_byte(char) else char for char in text)


def say(*lines: str, stream: TextIO | None = None) -> None:
    """Prints lines for a person (to stdout), each on one line and safe for a terminal.

    An empty one where there are none.
    """
    for line in lines or [""]:
        print(escape(line), file=stream, flush=stream is not None)


def document(command: str, content: dict[str, Any]) -> str:
    """The one JSON document of a command with --json: valid Unicode, no credentials in URLs.

    A NamedTuple becomes an object.
    """
    import json  # 2 ms of every other command

    whole = {"version": 1, "command": command, **content}
    return json.dumps(_valid(whole), indent=2, ensure_ascii=True)


def nullable(row: Any) -> dict[str, Any]:
    """A NamedTuple for a document: what is "" in it becomes null."""
    return {key: None if value == "" else value for key, value in row._asdict().items()}


def _valid(value: Any) -> Any:
    match value:
        case str():
            return unicode_text(scrub(value))
        case dict():
            return {key: _valid(one) for key, one in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return _valid(value._asdict())
        case list() | tuple():
            return [_valid(one) for one in value]
    return value


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 commit", "2 commits"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def counted_each(*counts: tuple[int | None, str]) -> str:
    """Numbers with their nouns, those that are not 0: "2 commits, 1 deploy record"."""
    return ", ".join(counted(number, noun) for number, noun in counts if number)


def the_first(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def shortened(text: str, width: int) -> str:
    """The text in at most so many characters.

    Without credentials in URLs: where one is cut, nothing tells them any more.
    """
    text = scrub(text)
    return text if len(text) <= width else text[: width - 3] + "..."


def first_line(text: str) -> str:
    """All before the first line end."""
    return text.partition("\n")[0]


def with_article(noun: str) -> str:
    """A noun behind "a" or "an"."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def age(seconds: float) -> str:
    """A length of time as git says it: "2 hours ago"; "just now" below a minute, and below 0."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"


def iso(seconds: float | None) -> str | None:
    """A time as documents have it (ISO 8601), to the second; None for none, and for one that no
    calendar has.
    """
    from datetime import UTC, datetime  # 2 ms of every other command

    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat() if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def since(seconds: float) -> str:
    """A time by the clock here: the hour of today, the day of this week, else the date."""
    from datetime import datetime  # 2 ms of every other command

    then = datetime.fromtimestamp(seconds)
    days = (datetime.now().date() - then.date()).days
    if days <= 0:
        return f"since {then:%H:%M}"
    return f"since {then:%A}" if days < 7 else f"since {then:%Y-%m-%d}"
