"""What has become of customised fields: four builds compared, field by field.

A field is customised where the branch has another value than the old vendor. It is kept where the
result has the branch's value. No repository, no processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from git_ekf.manifests.fields import (
    ListField,
    Special,
    canonical,
    differ,
    hidden,
    is_secret_place,
    keyed,
    list_place,
    step,
)
from git_ekf.manifests.resources import Identity, as_list, as_map
from git_ekf.manifests.same_names import Indexed

KEPT, OWN, CHANGED, LOST = "kept", "vendor's own", "changed", "lost"

_ABSENT = Special.ABSENT


class Values(NamedTuple):
    """A value on the four sides."""

    old_vendor: Any
    branch: Any
    new_vendor: Any
    result: Any


class Field(NamedTuple):
    """A customised field and its state: kept, vendor's own (it has the same now), changed or lost.

    Changed: the vendor has changed it as well, and the result has the branch's value or something
    of both. Lost: the result has the vendor's. Values of a Secret are HIDDEN.
    """

    resource: Identity
    path: str
    state: str
    values: Values


def customised(old_vendor: bytes, branch: bytes, new_vendor: bytes, result: bytes) -> list[Field]:
    """The customised fields of four builds. Raises Unreadable, Refused without PyYAML."""
    sides = [Indexed(output) for output in (old_vendor, branch, new_vendor, result)]
    found: list[Field] = []
    for own in sides[1].different_from(sides[0]):
        found += _resource(own, _partner(sides[0], own, sides[1]), sides)
    for gone in sides[0].different_from(sides[1]):
        if sides[1].partner(gone) is None:
            found += _resource(gone, gone, sides)
    return found


def _resource(one: Identity, before: Identity | None, sides: list[Indexed]) -> Iterator[Field]:
    """The customised fields of a resource; `before` is what it was called at the old vendor."""
    names = (before, one if sides[1].has(one) else None)
    later = []
    for side in sides[2:]:
        there = _partner(side, one, sides[1])
        later.append(there or (before and _partner(side, before, sides[1])))
    pairs = zip(sides, (*names, *later), strict=True)
    values = Values(*(side.value(name) if name else _ABSENT for side, name in pairs))
    for path, state, leaf in _fields("", values, list_place(one)):
        shown = Values(*map(hidden, leaf)) if is_secret_place(one, path) else leaf
        yield Field(one, path.removeprefix("."), state, shown)


def _partner(side: Indexed, one: Identity, branch: Indexed) -> Identity | None:
    """The resource on another side; not one that is still there on the branch beside it."""
    found = side.partner(one)
    return None if found and found != one and branch.has(found) else found


# --- one value on four sides ---

_Found = Iterator[tuple[str, str, Values]]


def _fields(path: str, values: Values, place: ListField) -> _Found:
    values = Values(*(_ABSENT if value is None else value for value in values))
    present = [value for value in values if value is not _ABSENT]
    types = {type(value) for value in present}
    if types == {dict}:
        yield from _of_maps(path, values, place)
    elif types == {list}:
        yield from _of_lists(path, values, place)
    elif types == {str} and any("\n" in value for value in present):
        yield from _of_texts(path, values)
    else:
        yield from _leaf(path, values)


def _of_maps(path: str, values: Values, place: ListField) -> _Found:
    maps = list(map(as_map, values))
    keys = maps[0].keys() | maps[1].keys()
    if not keys:
        yield from _leaf(path, values)
    for key in sorted(keys):
        inner = Values(*(one.get(key) for one in maps))
        yield from _fields(path + step(key), inner, place.at(key))


def _leaf(path: str, values: Values) -> _Found:
    state = _state(values, _same)
    if state:
        yield path, state, values


def _same(one: Any, other: Any) -> bool:
    if one is other or (type(one) is type(other) and one == other):
        return True  # which most are, and which costs less to see
    return not differ(one, other)


def _state(values: Values, same: Callable[[Any, Any], bool]) -> str:
    """The state of a value, "" where it is not customised."""
    old, own, new, now = values
    if same(old, own):
        return ""
    if same(own, now):
        if same(own, new):
            return OWN
        return KEPT if same(old, new) else CHANGED
    return LOST if same(new, now) else CHANGED


# --- lists: by key, by place, or by what is in them ---


def _of_lists(path: str, values: Values, place: ListField) -> _Found:
    lists = list(map(as_list, values))
    inner = place.at()
    by_key = [_by_key(place.field, one) for one in lists]
    if not place.is_set and all(one is not None for one in by_key):
        maps = [one or {} for one in by_key]
        for key in sorted(maps[0].keys() | maps[1].keys()):
            items = Values(*(one.get(key) for one in maps))
            yield from _fields(f"{path}[{key}]", items, inner)
    elif len(set(map(len, lists))) == 1 and any(isinstance(one, dict) for one in lists[0]):
        for at, row in enumerate(zip(*lists, strict=True)):
            yield from _fields(f"{path}[{at}]", Values(*row), inner)
    else:
        yield from _by_content(path, lists, inner)


def _by_key(field: str, items: list[Any]) -> dict[str, Any] | None:
    """Items by the key that Kubernetes merges them by, or by their names; None for no such list."""
    found = keyed(field, items)
    if found is None and all(isinstance(item, dict) for item in items):
        named = [item["name"] for item in items if isinstance(item.get("name"), str)]
        if len(set(named)) == len(items):
            return dict(zip((f"name={name}" for name in named), items, strict=True))
    return found


def _by_content(path: str, lists: list[list[Any]], place: ListField) -> _Found:
    """Each item that one of the first two has and the other has not."""
    keys = [list(map(partial(canonical, place=place), one)) for one in lists]
    texts = list(map(Counter, keys))
    known = dict(zip(keys[0] + keys[1], lists[0] + lists[1], strict=True))
    for text, counts, state in _counted(texts):
        adapted = state == LOST and counts.branch and texts[3] - texts[2]
        item = known[text]
        shown = Values(*(item if count else _ABSENT for count in counts))
        yield f"{path}[]", CHANGED if adapted else state, shown


def _counted(sides: list[Counter[str]]) -> Iterator[tuple[str, Values, str]]:
    """What one of the first two has more often than the other: how often each has it, its state."""
    for item in (sides[0] - sides[1]) + (sides[1] - sides[0]):
        counts = Values(*(side[item] for side in sides))
        yield item, counts, _state(counts, int.__eq__)


def _of_texts(path: str, values: Values) -> _Found:
    """A text of several lines is one field, and lost where a line of ours is."""
    state = _state(values, _same)
    if state == CHANGED and not _same(values.branch, values.result):
        lines = [Counter(value.split("\n") if value is not _ABSENT else ()) for value in values]
        if any(of_line == LOST for _, _, of_line in _counted(lines)):
            state = LOST
    if state:
        yield path, state, values
