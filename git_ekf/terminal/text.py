"""Text for people and scripts: made safe for a terminal, without credentials, counted and dated; and the JSON document."""

from __future__ import annotations

from typing import Any


def escape(text: str) -> str:
    """Repository text for a terminal: control characters and undecodable bytes become visible escapes."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _visible(char) for char in text)


def unicode_text(text: str) -> str:
    """Text for a document: only bytes that are no UTF-8 become escapes, as no JSON parser has to take them."""
    return "".join(_visible(char) if 0xDC80 <= ord(char) <= 0xDCFF else char for char in text)


def _visible(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def scrub(text: str) -> str:
    """The text with the credentials in URLs left out."""
    from git_ekf.names import without_credentials

    return (
        " ".join(_scrub_word(word, without_credentials) for word in text.split(" "))
        if "://" in text
        else text
    )


def _scrub_word(word: str, clean: Any) -> str:
    at = word.find("://")
    if at < 0 or "@" not in word:
        return word
    begin = at
    while begin > 0 and (word[begin - 1].isalnum() or word[begin - 1] in "+-."):
        begin -= 1
    return word[:begin] + str(clean(word[begin:]))


def say(text: str = "") -> None:
    print(escape(text))


def document(command: str, content: dict[str, Any]) -> str:
    """The one JSON document of a command with --json."""
    import json  # 2 ms of every other command

    return json.dumps({"version": 1, "command": command, **content}, indent=2, ensure_ascii=True)


def counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def shortened(text: str, width: int) -> str:
    """The text in at most so many characters."""
    return text if len(text) <= width else text[: width - 3] + "..."


def with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def age(seconds: float) -> str:
    """A length of time as git says it: "2 hours ago"."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"
