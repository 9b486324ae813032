"""Two versions of a resource compared field by field, as Kubernetes reads them.

Maps have no order, nor have the lists that it merges by a key (containers by name, ports by number
and protocol …) or takes as sets. `args` and `command` keep theirs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple, cast

from git_ekf.manifests.resources import Identity, as_map, identity


class Special(Enum):
    """Stands in for a value: there is none on this side, or it is a secret."""

    ABSENT = "absent"
    HIDDEN = "hidden"


class FieldChange(NamedTuple):
    """A field that differs. `path` reads spec.containers[name=istio].image.

    Values are JSON values or Special.
    """

    path: str
    old: Any
    new: Any


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[FieldChange]:
    """The fields in which two versions of a resource differ, sorted by path.

    Values in a Secret are HIDDEN.
    """
    one = identity(new)
    if _is_secret(one):
        old, new = _without_fields(old), _without_fields(new)
    changes = []
    for change in _differences("", old, new, list_place(one)):
        path, before, after = change
        secret = is_secret_place(one, path)
        changes.append(FieldChange(path, hidden(before), hidden(after)) if secret else change)
    return sorted(changes, key=lambda change: (change.path, str(change.old), str(change.new)))


def list_place(one: Identity) -> ListField:
    """The place at the top of a resource."""
    return ListField("", one.group == "rbac.authorization.k8s.io")


# --- secrets ---

_SECRET_FIELDS = ("data", "stringData")
# An annotation that repeats the whole resource.
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _is_secret(one: Identity) -> bool:
    return one.kind == "Secret" and not one.group


def is_secret_place(one: Identity, path: str) -> bool:
    """Whether a field of a resource is not to be shown."""
    inside = path.removeprefix(".").partition(".")[0].partition("[")[0]
    return _is_secret(one) and (inside in _SECRET_FIELDS or _APPLIED in path)


def hidden(value: Any) -> Special:
    """A value that is secret as it is shown: whether there is one."""
    return Special.ABSENT if value is Special.ABSENT else Special.HIDDEN


def _without_fields(secret: dict[str, Any]) -> dict[str, Any]:
    """A Secret whose values have no fields of their own, without the annotation that repeats it."""
    flat = dict(secret)
    for field in _SECRET_FIELDS:
        value = secret.get(field)
        if isinstance(value, dict):
            present = {key: inner for key, inner in value.items() if inner is not None}
            flat[field] = {key: canonical(inner) for key, inner in present.items()}
        elif value is not None:
            flat[field] = canonical(value)
    metadata = as_map(secret.get("metadata"))
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        kept = {key: value for key, value in annotations.items() if key != _APPLIED}
        flat["metadata"] = {**metadata, "annotations": kept}
    return flat


# --- fields ---

_BY_NAME = (
    *("containers", "initContainers", "ephemeralContainers", "volumes", "env"),
    *("imagePullSecrets", "secrets", "resourceClaims", "schedulingGates"),
    *("webhooks", "matchConditions"),
)
# The patch merge keys and list map keys of Kubernetes' API, by the name of the list. Of several the
# first that fits counts.
_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(_BY_NAME, (("name",),)),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "conditions": (("type",),),
    "ownerReferences": (("uid",),),
    "items": (("key",),),
}
_DEFAULTS = {"protocol": "TCP"}

_SETS = {"finalizers", "accessModes", "tolerations"}
_RBAC_SETS = {
    "rules",
    "subjects",
    "verbs",
    "apiGroups",
    "resources",
    "resourceNames",
    "nonResourceURLs",
}


class ListField(NamedTuple):
    """Where a list stands: the name of its field, and whether the resource is one of RBAC.

    Lists of RBAC are sets.
    """

    field: str
    rbac: bool = False

    @property
    def is_set(self) -> bool:
        """Whether the order of the list, and how often it has an item, do not count."""
        return self.field in _SETS or (self.rbac and self.field in _RBAC_SETS)

    def at(self, field: str = "") -> ListField:
        """The place of a field, or of an item, below this one."""
        return ListField(field, self.rbac)


_NOWHERE = ListField("")


def canonical(value: Any, place: ListField = _NOWHERE) -> str:
    """A text that is the same for two values exactly when Kubernetes takes them for the same."""
    if isinstance(value, dict):
        present = [key for key in sorted(value) if value[key] is not None]
        inner = [f"{json.dumps(key)}:{canonical(value[key], place.at(key))}" for key in present]
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        items = [canonical(item, place.at()) for item in value]
        if place.is_set:
            items = sorted(set(items))
        elif keyed(place.field, value) and not _in_sequence(place.field, value):
            items.sort()
        return "[" + ",".join(items) + "]"
    return json.dumps(value)


def _differences(path: str, old: Any, new: Any, place: ListField) -> Iterator[FieldChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences(
                path + step(key), _value(old, key), _value(new, key), place.at(key)
            )
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(path, old, new, place)
    elif differ(old, new, place):
        yield FieldChange(path.removeprefix("."), old, new)


def _value(of: dict[str, Any], key: str) -> Any:
    # To Kubernetes null is as good as nothing there.
    value = of.get(key)
    return Special.ABSENT if value is None else value


def differ(old: Any, new: Any, place: ListField = _NOWHERE) -> bool:
    """Whether two values, or none, are not the same to Kubernetes."""
    if isinstance(old, Special) or isinstance(new, Special):
        return old is not new
    return canonical(old, place) != canonical(new, place)


def _list_differences(
    path: str, old: list[Any], new: list[Any], place: ListField
) -> Iterator[FieldChange]:
    item = place.at()
    olds, news = keyed(place.field, old), keyed(place.field, new)
    if place.is_set:
        before, after = _by_content(old, item), _by_content(new, item)
        for content in before.keys() ^ after.keys():
            values = _value(before, content), _value(after, content)
            yield from _differences(f"{path}[]", *values, item)
    elif olds is not None and news is not None:
        for key in olds.keys() | news.keys():
            yield from _differences(f"{path}[{key}]", _value(olds, key), _value(news, key), item)
        in_sequence = _in_sequence(place.field, old) or _in_sequence(place.field, new)
        if in_sequence and not _same_order(olds, news):
            old_names = [item["name"] for item in old]
            new_names = [item["name"] for item in new]
            yield FieldChange(f"{path}[*].name".removeprefix("."), old_names, new_names)
    else:
        yield from _ordered(path, old, new, item)


def _by_content(items: list[Any], place: ListField) -> dict[str, Any]:
    return {canonical(item, place): item for item in items}


def _same_order(olds: dict[str, Any], news: dict[str, Any]) -> bool:
    """Whether the items of both lists follow one another in the same order."""
    common = [key for key in olds if key in news]
    return common == [key for key in news if key in olds]


def _ordered(path: str, old: list[Any], new: list[Any], place: ListField) -> Iterator[FieldChange]:
    """By position, between what is the same at the beginning and at the end of both."""
    before = [canonical(item, place) for item in old]
    after = [canonical(item, place) for item in new]
    begin = common_start(before, after)
    end = common_start(before[begin:][::-1], after[begin:][::-1])
    for at in range(begin, max(len(old), len(new)) - end):
        one = old[at] if at < len(old) - end else Special.ABSENT
        other = new[at] if at < len(new) - end else Special.ABSENT
        yield from _differences(f"{path}[{at}]", one, other, place)


def common_start(one: list[str], other: list[str]) -> int:
    """How many items at the beginning of two lists are the same."""
    pairs = list(zip(one, other, strict=False))
    return next((at for at, (a, b) in enumerate(pairs) if a != b), len(pairs))


def keyed(field: str, items: list[Any]) -> dict[str, Any] | None:
    """key=value -> item of a list that Kubernetes merges.

    None for another list, or one whose items have no such key each.
    """
    for keys in _KEYS.get(field, ()):
        found = {_item_key(keys, item): item for item in items}
        if None not in found and len(found) == len(items):
            return cast("dict[str, Any]", found)
    return None


def _item_key(keys: tuple[str, ...], item: Any) -> str | None:
    """The values by which a list is merged, but for the default ones; None where one is missing."""
    if not isinstance(item, dict):
        return None
    shown = []
    for key in keys:
        value = item.get(key, _DEFAULTS.get(key))
        if not isinstance(value, (str, int)):
            return None
        if value != _DEFAULTS.get(key):
            shown.append(f"{key}={value}")
    return ",".join(shown)


def _in_sequence(field: str, items: list[Any]) -> bool:
    """Whether a list has an order although it is merged by name.

    Init containers run in turn, and $(A) refers to an earlier variable.
    """
    if field == "env":
        values = [str(item.get("value")) for item in items if isinstance(item, dict)]
        return any("$(" in value for value in values)
    return field == "initContainers"


def step(key: str) -> str:
    """The part of a path that leads to a key of a map."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key):
        return f".{key}"
    return f"[{json.dumps(key, ensure_ascii=False)}]"
