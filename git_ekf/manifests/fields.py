"""Two versions of a resource compared field by field, as Kubernetes reads them.

Maps have no order, nor have the lists that it merges by a key (containers by name, ports by number and protocol …)
or takes as sets. `args` and `command` keep theirs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

from git_ekf.manifests.resources import identity


class Special(Enum):
    """Stands in for a value: there is none on this side, or it is a secret."""

    ABSENT = "absent"
    HIDDEN = "hidden"


class FieldChange(NamedTuple):
    """A field that differs. `path` reads spec.containers[name=istio].image; values are JSON values or Special."""

    path: str
    old: Any
    new: Any


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[FieldChange]:
    """The fields in which two versions of a resource differ, sorted by path. Values in a Secret are HIDDEN."""
    if _is_secret(old) or _is_secret(new):
        hidden = [
            change
            for field in ("data", "stringData")
            for change in _hidden(field, old.get(field), new.get(field))
        ]
        rest = _differences("", _without_secrets(old), _without_secrets(new), _NOWHERE)
        return sorted([*hidden, *rest], key=_order)
    rbac = identity(new).group == "rbac.authorization.k8s.io"
    return sorted(_differences("", old, new, ListField("", rbac)), key=_order)


def _order(change: FieldChange) -> tuple[str, str, str]:
    return change.path, str(change.old), str(change.new)


# --- secrets ---

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # an annotation that repeats the whole resource


def _is_secret(resource: dict[str, Any]) -> bool:
    one = identity(resource)
    return one.kind == "Secret" and not one.group


def _hidden(field: str, old: Any, new: Any) -> Iterator[FieldChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _hidden_value(f"{field}{_step(key)}", _value(old, key), _value(new, key))
    else:
        yield from _hidden_value(
            field, *(Special.ABSENT if value is None else value for value in (old, new))
        )


def _hidden_value(path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    if _differ(old, new, _NOWHERE):
        yield FieldChange(
            path, *(value if value is Special.ABSENT else Special.HIDDEN for value in (old, new))
        )


def _without_secrets(resource: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in resource.items() if key not in ("data", "stringData")}
    metadata = rest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(metadata, dict) and isinstance(annotations, dict) and _APPLIED in annotations:
        rest["metadata"] = {
            **metadata,
            "annotations": {key: value for key, value in annotations.items() if key != _APPLIED},
        }
    return rest


# --- fields ---

# The patch merge keys and list map keys of Kubernetes' API, by the name of the list. Of several the first that fits counts.
_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(
        ("containers", "initContainers", "ephemeralContainers", "volumes", "env"), (("name",),)
    ),
    **dict.fromkeys(
        ("imagePullSecrets", "secrets", "resourceClaims", "schedulingGates"), (("name",),)
    ),
    **dict.fromkeys(("webhooks", "matchConditions"), (("name",),)),
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
    """Where a list stands: the name of its field, and whether the resource is one of RBAC, whose lists are sets."""

    field: str
    rbac: bool = False

    @property
    def is_set(self) -> bool:
        return self.field in _SETS or (self.rbac and self.field in _RBAC_SETS)

    def at(self, field: str) -> ListField:
        return ListField(field, self.rbac)


_NOWHERE = ListField("")


def canonical(value: Any, place: ListField = _NOWHERE) -> str:
    """A text that is the same for two values exactly when Kubernetes takes them for the same."""
    if isinstance(value, dict):
        inner = (
            f"{json.dumps(key)}:{canonical(value[key], place.at(key))}"
            for key in sorted(value)
            if value[key] is not None
        )
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        items = [canonical(item, place.at("")) for item in value]
        if place.is_set:
            items = sorted(set(items))
        elif _keyed(place.field, value) and not _in_sequence(place.field, value):
            items.sort()
        return "[" + ",".join(items) + "]"
    return json.dumps(value)


def _differences(path: str, old: Any, new: Any, place: ListField) -> Iterator[FieldChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences(
                path + _step(key), _value(old, key), _value(new, key), place.at(key)
            )
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(path, old, new, place)
    elif _differ(old, new, place):
        yield FieldChange(path.removeprefix("."), old, new)


def _value(of: dict[str, Any], key: str) -> Any:
    value = of.get(key)
    return (
        Special.ABSENT if value is None else value
    )  # to Kubernetes null is as good as nothing there


def _differ(old: Any, new: Any, place: ListField) -> bool:
    if isinstance(old, Special) or isinstance(new, Special):
        return old is not new
    return canonical(old, place) != canonical(new, place)


def _list_differences(
    path: str, old: list[Any], new: list[Any], place: ListField
) -> Iterator[FieldChange]:
    olds, news = _keyed(place.field, old), _keyed(place.field, new)
    if place.is_set:
        before, after = (
            {canonical(item, place.at("")): item for item in items} for items in (old, new)
        )
        for item in before.keys() ^ after.keys():
            yield from _differences(
                f"{path}[]",
                before.get(item, Special.ABSENT),
                after.get(item, Special.ABSENT),
                place.at(""),
            )
    elif olds is not None and news is not None:
        for key in olds.keys() | news.keys():
            yield from _differences(
                f"{path}[{key}]",
                olds.get(key, Special.ABSENT),
                news.get(key, Special.ABSENT),
                place.at(""),
            )
        both = [key for key in olds if key in news]
        if both != [key for key in news if key in olds] and (
            _in_sequence(place.field, old) or _in_sequence(place.field, new)
        ):
            yield FieldChange(
                f"{path}[*].name".removeprefix("."),
                [item["name"] for item in old],
                [item["name"] for item in new],
            )
    else:
        yield from _ordered(path, old, new, place.at(""))


def _ordered(path: str, old: list[Any], new: list[Any], place: ListField) -> Iterator[FieldChange]:
    """By position, between what is the same at the beginning and at the end of both."""
    before, after = ([canonical(item, place) for item in items] for items in (old, new))
    shorter = min(len(old), len(new))
    begin = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    end = next(
        (at for at in range(shorter - begin) if before[-1 - at] != after[-1 - at]), shorter - begin
    )
    for at in range(begin, max(len(old), len(new)) - end):
        one = old[at] if at < len(old) - end else Special.ABSENT
        other = new[at] if at < len(new) - end else Special.ABSENT
        yield from _differences(f"{path}[{at}]", one, other, place)


def _keyed(field: str, items: list[Any]) -> dict[str, Any] | None:
    """key=value -> item of a list that Kubernetes merges; None for another list, or one whose items have no such key each."""
    for keys in _KEYS.get(field, ()):
        found: dict[str, Any] = {}
        for item in items:
            values = [
                item.get(key, _DEFAULTS.get(key)) if isinstance(item, dict) else None
                for key in keys
            ]
            if not all(isinstance(value, (str, int)) for value in values):
                break
            shown = [
                f"{key}={value}"
                for key, value in zip(keys, values, strict=True)
                if value != _DEFAULTS.get(key)
            ]
            found[",".join(shown)] = item
        else:
            if len(found) == len(items):
                return found
    return None


def _in_sequence(field: str, items: list[Any]) -> bool:
    """Whether a list has an order although it is merged by name: init containers run in turn, $(A) refers to an earlier variable."""
    return field == "initContainers" or (
        field == "env"
        and any("$(" in str(item.get("value")) for item in items if isinstance(item, dict))
    )


def _step(key: str) -> str:
    return (
        f".{key}"
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key)
        else f"[{json.dumps(key, ensure_ascii=False)}]"
    )
