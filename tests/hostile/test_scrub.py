"""Credentials in URLs are never shown, wherever in a text the URLs stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_ekf.shown import scrub

_BETWEEN = [
    " ",
    ",",
    "\t",
    "\n",
    "\r\n",
    "'",
    '"',
    ";",
    "|",
    "(",
    "url=",
    "1",
    "é",
    "-> ",
    ".",
    "+",
    "-",
]


@pytest.mark.parametrize("between", _BETWEEN)
def test_second_url(between: str) -> None:
    """The second URL of a word is cleaned as the first is."""
    text = f"https://u:p@h/x{between}https://token@g/y"
    assert scrub(text) == f"https://h/x{between}https://g/y"


@given(st.lists(st.tuples(st.sampled_from(_BETWEEN), st.text("ab@:,'\"=", max_size=8))))
def test_no_secret_is_left(parts: list[tuple[str, str]]) -> None:
    """However many URLs there are, and with whatever signs in their passwords."""
    text = "".join(f"{before}https://user:{word}SECRET@host/path" for before, word in parts)
    assert "SECRET" not in scrub(text)
    assert scrub(text).count("https://host/path") == len(parts)
    assert scrub(scrub(text)) == scrub(text)


def test_login_names_stay() -> None:
    """The user of an ssh URL is needed to read it."""
    assert scrub("ssh://git@h/x,https://u:p@g") == "ssh://git@h/x,https://g"


def test_long_word() -> None:
    """A word of a megabyte costs no more than its length."""
    text = "a" * 1_000_000 + "://u:p@h"
    assert scrub(text).endswith("a://h")
