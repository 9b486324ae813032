"""Entries of `images:` added to a kustomization, and every other byte of the file left as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from git_ekf.manifests.resources import Unreadable, load

# Bytes: a kustomization of more is none that a person has written.
LARGEST = 1 << 20

_KEY = "images"
# What YAML takes for a text without quotes, whichever version of it.
_PLAIN = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)$)[a-z][a-z0-9./_:-]*")


class ImageEntry(NamedTuple):
    """An entry of `images:`: the repository of an image, and the one it is taken from instead."""

    name: str
    new_name: str


class CannotEdit(Exception):
    """Why a kustomization cannot be edited safely, as the end of a sentence about it."""


def added(content: bytes, entries: list[ImageEntry]) -> bytes:
    """The kustomization with further entries behind those that it has. Raises CannotEdit.

    kustomize applies them in turn, so that the later ones find what the earlier ones have made.
    """
    if len(content) > LARGEST:
        raise CannotEdit("it has more than 1 MB")
    try:
        before = content.decode()
    except UnicodeDecodeError:
        raise CannotEdit("it is not UTF-8 text") from None
    text = _edited(before, entries)
    _require_same(before, text, entries)
    return text.encode()


def _edited(text: str, entries: list[ImageEntry]) -> str:
    found = [(key, value) for key, value in _root(text).value if key.value == _KEY]
    end = "\r\n" if "\r\n" in text else "\n"
    head, at, column = f"{_KEY}:{end}", len(text), 0
    if found:
        [(key, value)] = found
        _require_list(key, value)
        head, begin = "", value.start_mark.index
        if _is_empty(value):
            text = text[:begin] + text[value.end_mark.index :]
            at = _line_behind(text, begin)
        else:
            at, column = _line_behind(text, _last(value).end_mark.index), value.start_mark.column
    lead = "" if text[:at].endswith("\n") else end
    return f"{text[:at]}{lead}{head}{_lines(entries, column, end)}{text[at:]}"


def _require_list(key: Any, value: Any) -> None:
    """Raises CannotEdit for images that are no list with one on each line, nor empty."""
    if value.start_mark.index < key.end_mark.index:
        raise CannotEdit("its images are those of an anchor elsewhere in it")
    if _is_empty(value):
        return
    if value.id != "sequence":
        raise CannotEdit("its images are no list")
    if value.flow_style:
        raise CannotEdit("its images stand in brackets; with one on each line they can be added to")


def _root(text: str) -> Any:
    """The map that the file is. Raises CannotEdit."""
    import yaml

    try:
        # Not libyaml's: its marks have been wrong behind other characters than ASCII.
        nodes: list[Any] = list(yaml.compose_all(text, yaml.SafeLoader))
    except (yaml.YAMLError, ValueError):
        raise CannotEdit("it is not YAML") from None
    except RecursionError:
        raise CannotEdit("it is nested too deeply") from None
    if len(nodes) != 1:
        raise CannotEdit("it is not one YAML document")
    [root] = nodes
    if root.id != "mapping" or root.flow_style or root.start_mark.column:
        raise CannotEdit("it is no map with a key on each line")
    keys = [key.value if key.id == "scalar" else None for key, _ in root.value]
    if keys.count(_KEY) > 1 or "<<" in keys:
        raise CannotEdit("it has images twice, or takes keys from elsewhere in it (<<)")
    return root


def _is_empty(value: Any) -> bool:
    """Whether it is [], or nothing at all."""
    if value.id == "scalar":
        return bool(value.tag == "tag:yaml.org,2002:null")
    return value.id == "sequence" and not value.value


def _line_behind(text: str, at: int) -> int:
    """Where the next line begins; a comment may be before it."""
    if text[at - 1 : at] == "\n":  # behind a text of several lines
        return at
    found = text.find("\n", at)
    return found + 1 if found >= 0 else len(text)


def _last(node: Any) -> Any:
    """The last scalar, or empty list, in a node."""
    while node.id != "scalar" and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _lines(entries: Iterable[ImageEntry], column: int, end: str) -> str:
    indent = " " * column
    lines = []
    for entry in entries:
        lines.append(f"{indent}- name: {_scalar(entry.name)}{end}")
        lines.append(f"{indent}  newName: {_scalar(entry.new_name)}{end}")
    return "".join(lines)


def _scalar(text: str) -> str:
    """A name as YAML has a text: those that could be a number or a boolean in quotes."""
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


# --- that nothing else has changed ---


def _require_same(before: str, after: str, entries: list[ImageEntry]) -> None:
    """Raises CannotEdit where the edit has not done what it was to do, and that alone."""
    wanted = [{"name": entry.name, "newName": entry.new_name} for entry in entries]
    try:
        [old] = load(before)
        new = None
        with suppress(Unreadable):
            new = load(after)
    except Unreadable as error:
        raise CannotEdit(str(error)) from None
    if new != [{**old, _KEY: (old.get(_KEY) or []) + wanted}]:
        raise CannotEdit("an entry cannot be added without a change to something else in it")
