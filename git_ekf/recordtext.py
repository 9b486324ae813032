"""Whether a deploy record reads the same for everybody.

git shows a tag's message as its `encoding` header says, a terminal acts on control characters, and
a person takes what looks like a field for one. Where any of that differs from what git-ekf reads,
the record says two things.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from operator import eq

from git_ekf.git.encodings import decoded
from git_ekf.git.tagobject import parse_tag
from git_ekf.record import ADOPTS, CONTEXT, SIGNATURES, parse

# Colours (ECMA-48, SGR, but for "conceal") hide nothing.
_COLOUR = re.compile(r"\x1b\[(?:(?!8[;m])[0-9]*[;m])*(?<=m)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Letters that look like those of ASCII, the commonest of Unicode's confusables
# (https://www.unicode.org/reports/tr39/): of Cyrillic, Greek, Latin itself, Cherokee and Lisu.
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеорсухіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανıɑɡℓᎪᏴᏟᎠᎬᎻᏦᏞᎷᏢᏚᎢꓮꓐꓚꓓꓰꓧꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓫ",
    "ABESIJKMHOPCTYXaeopcyxijshdqwABEZHIKMNOPTYXoaviaglABCDEHKLMPSTABCDEHKLMNOPRSTUX",
)
# What looks like a colon.
_COLONS = str.maketrans(dict.fromkeys("ː˸։׃܃܄᛬᠃᠉⁚∶⍠︓︰﹕：꞉", ":"))
_DIGITS = str.maketrans("01|", "oll")

# RFC 4880, 6.2, and the same without headers: ssh-keygen(1), gpgsm(1).
_ARMOUR_HEADER = re.compile(r"(?:Version|Comment|Hash|Charset|MessageID): .*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}|=[A-Za-z0-9+/]{4}")


def misleading(raw: bytes, expected: tuple[str, ...]) -> str:
    """Why a tag object does not read the same for everybody, as the end of a sentence.

    It is "" where it does. `expected` are the names of its fields. A signature that nothing follows
    is left out.
    """
    head, _, body = raw.partition(b"\n\n")
    message = parse_tag(raw).message
    if b"\0" in raw:
        return "has a NUL, and git shows what is before it only"
    control = _CONTROL.search(_COLOUR.sub("", message.replace("\r\n", "\n")))
    if control:
        return f"has a control character (U+{ord(control[0]):04X})"
    otherwise = _otherwise_decoded(head, body, message, expected)
    names = frozenset(name.lower() for name in (*expected, CONTEXT, ADOPTS))
    if otherwise or _has_hidden_field(message, names):
        return otherwise or "has a field behind a character that ends a line on some pages only"
    unsigned, problem = _without_signature(message)
    return problem or _lookalike(unsigned, names)


def _otherwise_decoded(head: bytes, body: bytes, message: str, expected: tuple[str, ...]) -> str:
    """What is wrong with the encoding that a header names; "" where there is none."""
    for line in head.split(b"\n"):
        key, _, encoding = line.partition(b" ")
        if key != b"encoding":
            continue
        try:
            decoded(body, encoding.decode("ascii"), "surrogateescape")
        except (LookupError, ValueError):  # iconv(3), which git goes by, may know it
            return "has a header that names an encoding in which it cannot be read"
        plain = parse_tag(b"\n\n" + body).message
        if _shape(plain, expected) != _shape(message, expected):
            return "reads otherwise without the encoding that its header names"
    return ""


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
    inside = [line.rstrip("\r") for line in signature[1:-1]]
    headers = inside.index("") if "" in inside else 0
    matches = [bool(_ARMOUR_HEADER.fullmatch(line)) for line in inside[:headers]]
    matches += [bool(_BASE64.fullmatch(line)) for line in inside[headers:]]
    if not all(matches):
        return "", "has words inside its signature"
    return "\n".join(before), ""


def _has_hidden_field(message: str, names: frozenset[str]) -> bool:
    """Whether what a page shows as a line looks like a field, and is in the middle of one to git.

    Unicode's line and paragraph separator; others are control characters.
    """
    for behind in re.split("[\u2028\u2029]", message)[1:]:
        before, colon, _ = behind.partition("\n")[0].translate(_COLONS).partition(":")
        if colon and _seen_as_one(" ".join(before.split())[:100], names):
            return True
    return False


def _lookalike(message: str, names: frozenset[str]) -> str:
    """What looks like a field and is none."""
    in_context = False
    for line in message.split("\n"):
        as_shown = line if line.isascii() else line.translate(_COLONS)
        before, colon, _ = as_shown.partition(":")
        if not colon:
            continue
        key = " ".join(before.split())
        is_plain = before.isascii() and line.startswith(f"{before}:")
        is_odd = not before.isascii() and ":" in line and not in_context
        if not (is_plain and key.lower() in names) and (is_odd or _seen_as_one(key[:100], names)):
            return f'has a field whose name is not of plain letters ("{key[:60]}")'
        in_context = in_context or key.lower() == CONTEXT.lower()
    return ""


@lru_cache(maxsize=256)
def _seen_as_one(key: str, names: frozenset[str]) -> bool:
    """Whether a person may take it for one of the names."""
    normal = unicodedata.normalize("NFKC", key)
    visible = [char for char in normal if unicodedata.category(char) not in ("Cf", "Mn", "Me")]
    seen = _skeleton(" ".join("".join(visible).split()))
    return any(_fits(seen, _skeleton(name)) for name in names)


def _skeleton(text: str) -> str:
    return text.translate(_ALIKE).replace("I", "l").lower().translate(_DIGITS)


def _fits(seen: str, name: str) -> bool:
    """Whether the letters are those of the name, but for some of another script."""
    if len(seen) != len(name) or not any(map(eq, seen, name)):
        return False
    pairs = zip(seen, name, strict=True)
    return all(one == other or _is_foreign(one) for one, other in pairs)


def _is_foreign(char: str) -> bool:
    return not char.isascii() and not unicodedata.name(char, "").startswith("LATIN ")
