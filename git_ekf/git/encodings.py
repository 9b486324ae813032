"""Text in the encodings of messages: those that iconv(3), which git goes by, knows as well."""

from __future__ import annotations

import codecs

# Python's own, which are no encodings elsewhere.
_PYTHONS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}


def decoded(raw: bytes, encoding: str, errors: str = "strict") -> str:
    """The text.

    Raises LookupError for an encoding that git could not read either, ValueError for bytes that
    are none of it.
    """
    if codecs.lookup(encoding).name in _PYTHONS:
        raise LookupError(encoding)
    return raw.decode(encoding, errors)
