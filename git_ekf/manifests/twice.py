"""Keys that stand twice in one map of a YAML text. No repository, no processes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from git_ekf.manifests.resources import Unreadable, documents, loader, require_shallow


class Twice(NamedTuple):
    """A key that a map has again: the map's place and the key, and the line of the second one."""

    path: str
    line: int


def keys_twice(content: bytes, known: Collection[str] = ()) -> list[Twice]:
    """The keys that a map of the text has more than once. Raises Unreadable.

    Of a key that is there three times there are two. `known` are documents that are passed over:
    to look at one of a megabyte takes a second.
    """
    import yaml

    text = content.decode("utf-8", "replace")
    found: list[Twice] = []
    for document in documents(content):
        if document in known:
            continue
        require_shallow(document)
        start = text.find(document)
        line = text.count("\n", 0, start)
        try:
            nodes = list(yaml.compose_all(document, loader()))
        except yaml.YAMLError:
            raise Unreadable("it is no YAML") from None
        for node in nodes:
            found += [Twice(path, line + at + 1) for path, at in _in_node(node, "", set())]
    return found


def _in_node(node: Any, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    if id(node) in seen:  # an alias: its map was looked at
        return
    seen.add(id(node))
    if node.id == "sequence":
        for number, item in enumerate(node.value):
            yield from _in_node(item, f"{path}[{number}]", seen)
    elif node.id == "mapping":
        keys = set()
        for key, value in node.value:
            name = str(key.value) if key.id == "scalar" else "?"
            inner = f"{path}.{name}" if path else name
            if key.id == "scalar" and (key.tag, key.value) in keys and name != "<<":
                yield inner, key.start_mark.line
            keys.add((key.tag, str(key.value)))
            yield from _in_node(value, inner, seen)
