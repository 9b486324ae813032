"""Whether a deploy record reads the same for everybody.

git shows a tag's message as its `encoding` header says, a terminal acts on control characters, and
a person takes what looks like a field for one. Where any of that differs from what git-ekf reads,
the record says two things.
"""

from __future__ import annotations

import re
import unicodedata

from git_ekf.git.tagobject import parse_tag
from git_ekf.record import CONTEXT, SIGNATURES, parse

# Colours (ECMA-48, SGR, but for "conceal") hide nothing.
_COLOUR = re.compile(r"\x1b\[(?:(?!8[;m])[0-9]*[;m])*(?<=m)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Letters that look like those of ASCII, the commonest of Unicode's confusables
# (https://www.unicode.org/reports/tr39/): of Cyrillic, Greek and Latin itself.
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеорсухіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανıɑɡℓ",
    "ABESIJKMHOPCTYXaeopcyxijshdqwABEZHIKMNOPTYXoaviagl",
)


def misleading(raw: bytes, expected: tuple[str, ...]) -> str:
    """Why a tag object does not read the same for everybody, as the end of a sentence.

    It is "" where it does. `expected` are the names of its fields. A signature that nothing follows
    is left out.
    """
    head, _, body = raw.partition(b"\n\n")
    message = parse_tag(raw).message
    if b"\0" in body:
        return "has a NUL, and git shows what is before it only"
    control = _CONTROL.search(_COLOUR.sub("", message.replace("\r\n", "\n")))
    if control:
        return f"has a control character (U+{ord(control[0]):04X})"
    if any(line.startswith(b"encoding ") for line in head.split(b"\n")):
        plain = parse_tag(b"\n\n" + body).message
        if _shape(plain, expected) != _shape(message, expected):
            return "reads otherwise without the encoding that its header names"
    unsigned, problem = _without_signature(message)
    return problem or _lookalike(unsigned, expected)


def _shape(message: str, expected: tuple[str, ...]) -> list[tuple[str, str]]:
    """The fields, without the words of the context, which may be in any language."""
    fields = parse(message, expected).fields
    return [(key, "" if key == CONTEXT else value) for key, value in fields]


def _without_signature(message: str) -> tuple[str, str]:
    """The message before a signature, and what is wrong with that."""
    lines = message.rstrip("\n").split("\n")
    begins = [number for number, line in enumerate(lines) if line.startswith(SIGNATURES)]
    if not begins:
        return message, ""
    before, signature = lines[: begins[0]], lines[begins[0] :]
    end = signature[0].replace("BEGIN", "END")
    if len(begins) > 1 or end not in signature:
        return "", "has a line that begins a signature, and none follows"
    if signature.index(end) != len(signature) - 1:
        return "", "goes on behind its signature"
    # The headers of an armour end with an empty line; what follows is base64.
    armour = signature[signature.index("") :] if "" in signature else signature
    if any(" " in line for line in armour[1:-1]):
        return "", "has words inside its signature"
    return "\n".join(before), ""


def _lookalike(message: str, expected: tuple[str, ...]) -> str:
    """What looks like a field and is none."""
    names = {name.lower() for name in (*expected, CONTEXT)}
    in_context = False
    for line in message.split("\n"):
        before, colon, _ = line.partition(":")
        key = " ".join(before.split())
        if colon and not key.isascii():
            seen = "".join(char for char in key if unicodedata.category(char) != "Cf")
            folded = unicodedata.normalize("NFKC", seen).translate(_ALIKE).lower()
            if " ".join(folded.split()) in names or not in_context:
                return f'has a field whose name is not of plain letters ("{key[:60]}")'
        in_context = in_context or key.lower() == CONTEXT.lower()
    return ""
