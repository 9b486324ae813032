"""Text for people, safe for a terminal and without credentials; and the JSON document."""

from __future__ import annotations

from typing import Any


def escape(text: str) -> str:
    """Repository text for a terminal: visible escapes for control characters and stray bytes."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _visible(char) for char in text)


def one_line(text: str) -> str:
    """A name for a sentence: its line ends are visible."""
    return text.replace("\n", _visible("\n"))


def unicode_text(text: str) -> str:
    """Text for a document: bytes that are not UTF-8 become escapes, so that any parser takes it."""
    return "".join(_visible(char) if _is_byte(char) else char for char in text)


def _is_byte(char: str) -> bool:
    """Whether os.fsdecode made the character of a byte that is not UTF-8 (PEP 383)."""
    return "\udc80" <= char <= "\udcff"


def _visible(char: str) -> str:
    code = ord(char)
    if _is_byte(char):
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def scrub(text: str) -> str:
    """The text with the credentials in URLs left out."""
    if "://" not in text:
        return text
    return " ".join(map(_without_credentials, text.split(" ")))


def _without_credentials(word: str) -> str:
    from git_ekf.names import without_credentials

    scheme, _, rest = word.partition("://")
    if "@" not in rest:
        return word
    # Something may stand before the URL: a quote, a bracket, the name of an option.
    begin = len(scheme)
    while begin > 0 and (scheme[begin - 1].isalnum() or scheme[begin - 1] in "+-."):
        begin -= 1
    return word[:begin] + without_credentials(word[begin:])


def say(text: str = "") -> None:
    """Prints a line for a person, safe for a terminal."""
    print(escape(text))


def document(command: str, content: dict[str, Any]) -> str:
    """The one JSON document of a command with --json; all text in it is made valid Unicode."""
    import json  # 2 ms of every other command

    whole = {"version": 1, "command": command, **content}
    return json.dumps(_valid(whole), indent=2, ensure_ascii=True)


def nullable(row: Any) -> dict[str, Any]:
    """A NamedTuple for a document: what is "" in it becomes null."""
    return {key: None if value == "" else value for key, value in row._asdict().items()}


def _valid(value: Any) -> Any:
    match value:
        case str():
            return unicode_text(value)
        case dict():
            return {key: _valid(one) for key, one in value.items()}
        case list() | tuple():
            return [_valid(one) for one in value]
    return value


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 commit", "2 commits"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortened(text: str, width: int) -> str:
    """The text in at most so many characters."""
    return text if len(text) <= width else text[: width - 3] + "..."


def first_line(text: str) -> str:
    """All before the first line end."""
    return text.partition("\n")[0]


def with_article(noun: str) -> str:
    """A noun behind "a" or "an"."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def age(seconds: float) -> str:
    """A length of time as git says it: "2 hours ago"."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"
