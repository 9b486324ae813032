"""Digests of objects, without OpenSSL: to load that takes as long as four questions to git."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module


def digest(algorithm: str, content: bytes) -> bytes:
    """The digest of some bytes by sha1 or sha256."""
    for module in (f"_{algorithm}", "_sha2"):  # Python's own, under a name of each version's
        with suppress(ImportError, AttributeError):
            made: bytes = getattr(import_module(module), algorithm)(content).digest()
            return made
    import hashlib

    return hashlib.new(algorithm, content, usedforsecurity=False).digest()
