"""Keys that stand twice in one map of a YAML text. No repository, no processes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from git_ekf.manifests.resources import Unreadable, documents, loader, require_shallow


class Twice(NamedTuple):
    """A key that a map has again: the map's place and the key, and the line of the second one."""

    path: str
    line: int


def keys_twice(content: bytes, known: Collection[str] = ()) -> list[Twice] | None:
    """The keys that a map of the text has more than once; None where it is not YAML.

    Of a key that is there three times there are two. `known` are documents that are passed over.
    As in JSON, to which Kubernetes brings it, the key 1 and the key "1" are the same.
    """
    import yaml

    text = content.decode("utf-8", "replace")
    found: list[Twice] = []
    try:
        for document in documents(content):
            if document in known:
                continue
            require_shallow(document)
            line = text.count("\n", 0, text.find(document))
            found += [Twice(path, line + at + 1) for path, at in _again(document)]
    except (Unreadable, yaml.YAMLError):
        return None
    return found


class _Collection:
    """A map or list that is being read, and where: at which key, or which item."""

    def __init__(self, *, is_map: bool) -> None:
        self._is_map = is_map
        self._keys: set[str] = set()
        self._read = 0  # items, or keys and values
        self._key = ""

    def goes_on(self, key: str | None) -> bool:
        """Goes to what comes next in it; whether that is a key which it had before.

        `key` is that, where it is a key: None for one that is no text.
        """
        self._read += 1
        if not self._is_map or self._read % 2 == 0:
            return False
        self._key = "?" if key is None else key
        again = key in self._keys and key != "<<"
        if key is not None:
            self._keys.add(key)
        return again

    def __str__(self) -> str:
        return f".{self._key}" if self._is_map else f"[{self._read - 1}]"


def _again(document: str) -> Iterator[tuple[str, int]]:
    """(place and key, line from 0) of the keys that a map has again.

    Raises yaml.YAMLError, Unreadable. It goes by what the parser tells as it reads: to make nodes
    of that takes four times as long.
    """
    import yaml

    around: list[_Collection] = []
    anchors: set[str | None] = set()
    for event in yaml.parse(document, loader()):
        if isinstance(event, yaml.DocumentStartEvent):
            anchors.clear()
        elif isinstance(event, yaml.CollectionEndEvent):
            around.pop()
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.AliasEvent) and event.anchor not in anchors:
                raise Unreadable("it has an alias of nothing")
            anchors.add(event.anchor)
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if around and around[-1].goes_on(key):
                place = "".join(map(str, around)).removeprefix(".")
                yield place, event.start_mark.line if event.start_mark else 0
            if isinstance(event, yaml.CollectionStartEvent):
                is_map = isinstance(event, yaml.MappingStartEvent)
                around.append(_Collection(is_map=is_map))
