"""Built manifests: taken apart into resources, and compared field by field. No repository, no processes.

Two builds are compared as Kubernetes reads them: maps have no order, nor have the lists that it merges by
a key (containers by name, ports by number and protocol …) or takes as sets. `args` and `command` keep theirs.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

from git_ekf.errors import Refused

# Deeper nesting than this is no manifest; libyaml's C stack overflows at some ten thousand levels.
MAX_DEPTH = 200


class Unreadable(Exception):
    """What a builder printed is no list of resources; why, without a word of it, as it may hold a secret."""


class Special(Enum):
    """Stands in for a value: there is none on this side, or it is a secret."""

    ABSENT = "absent"
    HIDDEN = "hidden"


class Identity(NamedTuple):
    """What makes it the same resource in two builds; the version of its API does not count."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.group}/{self.kind}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


class Change(NamedTuple):
    """A field that differs. `path` reads spec.containers[name=istio].image; values are JSON values or Special."""

    path: str
    old: Any
    new: Any


class Changed(NamedTuple):
    resource: Identity
    fields: list[Change]


class Difference(NamedTuple):
    """What became of the resources of a build, each list in order of kind and name."""

    added: list[Identity]
    removed: list[Identity]
    changed: list[Changed]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(old: bytes, new: bytes) -> Difference:
    """Compares what a builder printed for two commits. Raises Unreadable, Refused without PyYAML."""
    before, after = Counter(_documents(old)), Counter(_documents(new))
    # A document that is the same text on both sides need not be parsed: most are, and some have megabytes.
    try:
        return _compare_all(_resources(before - after), _resources(after - before))
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """The fields in which two versions of a resource differ, sorted by path. Values in a Secret are HIDDEN."""
    if _is_secret(old) or _is_secret(new):
        hidden = [change for field in ("data", "stringData") for change in _hidden(field, old.get(field), new.get(field))]
        rest = _differences("", _without_secrets(old), _without_secrets(new), _NOWHERE)
        return sorted([*hidden, *rest], key=_order)
    rbac = identity(new).group == "rbac.authorization.k8s.io"
    return sorted(_differences("", old, new, Place("", rbac)), key=_order)


def _order(change: Change) -> tuple[str, str, str]:
    return change.path, str(change.old), str(change.new)


def identity(resource: dict[str, Any]) -> Identity:
    metadata = resource.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    group, slash, _ = str(resource.get("apiVersion") or "").rpartition("/")
    name = names.get("name") or names.get("generateName") or ""
    return Identity(group if slash else "", str(resource.get("kind") or ""), str(names.get("namespace") or ""), str(name))


def parse(document: str) -> list[dict[str, Any]]:
    """The resources in a YAML text, Lists taken apart. Raises Unreadable, Refused without PyYAML."""
    import_yaml()
    import yaml

    if _depth_at_most(document) > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise Unreadable("it is nested too deeply")
    try:
        loaded = [_plain(value) for value in yaml.load_all(document, _loader())]  # a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1} of a document" if error.problem_mark else ""
        raise Unreadable(f"it is no YAML{line}") from None
    except (yaml.YAMLError, ValueError):  # a control character; a number of thousands of digits
        raise Unreadable("it is no YAML") from None
    found = []
    for value in loaded:
        items = value.get("items") if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") else None
        found += items if isinstance(items, list) else [] if value is None else [value]
    if not all(isinstance(value, dict) for value in found):
        raise Unreadable("it is YAML, but no list of resources")
    return found


def import_yaml() -> None:
    """Raises Refused when PyYAML is not installed."""
    try:
        import yaml  # noqa: F401
    except ImportError:
        raise Refused("comparing manifests needs PyYAML, which is not installed", "pip install 'git-ekf[render]'") from None


# --- documents and resources ---


def _documents(text: bytes) -> list[str]:
    """A stream of YAML cut at its `---` lines, which cannot be inside a value: that would be indented."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    return [part.lstrip("\r\n") for part in re.split(r"^---(?=\s)", decoded, flags=re.MULTILINE) if part.strip()]


def _resources(documents: Counter[str]) -> dict[Identity, list[dict[str, Any]]]:
    found: dict[Identity, list[dict[str, Any]]] = {}
    for document in documents.elements():
        for resource in parse(document):
            found.setdefault(identity(resource), []).append(resource)
    return found


def _compare_all(before: dict[Identity, list[dict[str, Any]]], after: dict[Identity, list[dict[str, Any]]]) -> Difference:
    added, removed, changed = [], [], []
    for one in sorted(before.keys() | after.keys()):
        olds, news = before.get(one, []), after.get(one, [])
        for old, new in zip(olds, news, strict=False):  # one of each, unless a build repeats itself
            fields = compare(old, new)
            if fields:
                changed.append(Changed(one, fields))
        removed += [one] * (len(olds) - len(news))
        added += [one] * (len(news) - len(olds))
    return Difference(added, removed, changed)


@cache
def _loader() -> Any:
    """A safe loader that reads scalars as Kubernetes does: no dates, no base 60, no `yes`, and `=` is a text."""
    import yaml

    loader: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {"yaml_implicit_resolvers": {}})
    for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?(?:0|[1-9][0-9]*|0o?[0-7]+|0x[0-9a-fA-F]+)", "-+0123456789"),
        ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("merge", "<<", "<"),
    ):
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))
    return loader


def _depth_at_most(document: str) -> int:
    """A bound on the nesting that costs no parsing: brackets, and two levels a column of the deepest indentation."""
    indentation = max((len(run) for run in re.findall(r"^[ \-?]*", document, re.MULTILINE)), default=0)
    return document.count("[") + document.count("{") + 2 * indentation


def _depth(document: str) -> int:
    import yaml

    depth = deepest = 0
    try:
        for event in yaml.parse(document, _loader()):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                deepest = max(deepest, depth)
                if depth > MAX_DEPTH:
                    break
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:  # the loader will say so as well
        pass
    return deepest


def _plain(value: Any) -> Any:
    """The value in JSON's types."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key, default=str): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, set, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


# --- secrets ---

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # an annotation that repeats the whole resource


def _is_secret(resource: dict[str, Any]) -> bool:
    one = identity(resource)
    return one.kind == "Secret" and not one.group


def _hidden(field: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _hidden_value(f"{field}{_step(key)}", _value(old, key), _value(new, key))
    else:
        yield from _hidden_value(field, *(Special.ABSENT if value is None else value for value in (old, new)))


def _hidden_value(path: str, old: Any, new: Any) -> Iterator[Change]:
    if _differ(old, new, _NOWHERE):
        yield Change(path, *(value if value is Special.ABSENT else Special.HIDDEN for value in (old, new)))


def _without_secrets(resource: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in resource.items() if key not in ("data", "stringData")}
    metadata = rest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(metadata, dict) and isinstance(annotations, dict) and _APPLIED in annotations:
        rest["metadata"] = {**metadata, "annotations": {key: value for key, value in annotations.items() if key != _APPLIED}}
    return rest


# --- fields ---

# The patch merge keys and list map keys of Kubernetes' API, by the name of the list. Of several the first that fits counts.
_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "volumes", "env"), (("name",),)),
    **dict.fromkeys(("imagePullSecrets", "secrets", "resourceClaims", "schedulingGates"), (("name",),)),
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
_RBAC_SETS = {"rules", "subjects", "verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"}


class Place(NamedTuple):
    """Where a list stands: the name of its field, and whether the resource is one of RBAC, whose lists are sets."""

    field: str
    rbac: bool = False

    @property
    def is_set(self) -> bool:
        return self.field in _SETS or (self.rbac and self.field in _RBAC_SETS)

    def at(self, field: str) -> Place:
        return Place(field, self.rbac)


_NOWHERE = Place("")


def canonical(value: Any, place: Place = _NOWHERE) -> str:
    """A text that is the same for two values exactly when Kubernetes takes them for the same."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(key)}:{canonical(value[key], place.at(key))}" for key in sorted(value) if value[key] is not None)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        items = [canonical(item, place.at("")) for item in value]
        if place.is_set:
            items = sorted(set(items))
        elif _keyed(place.field, value) and not _in_sequence(place.field, value):
            items.sort()
        return "[" + ",".join(items) + "]"
    return json.dumps(value)


def _differences(path: str, old: Any, new: Any, place: Place) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences(path + _step(key), _value(old, key), _value(new, key), place.at(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(path, old, new, place)
    elif _differ(old, new, place):
        yield Change(path.removeprefix("."), old, new)


def _value(of: dict[str, Any], key: str) -> Any:
    value = of.get(key)
    return Special.ABSENT if value is None else value  # to Kubernetes null is as good as nothing there


def _differ(old: Any, new: Any, place: Place) -> bool:
    if isinstance(old, Special) or isinstance(new, Special):
        return old is not new
    return canonical(old, place) != canonical(new, place)


def _list_differences(path: str, old: list[Any], new: list[Any], place: Place) -> Iterator[Change]:
    olds, news = _keyed(place.field, old), _keyed(place.field, new)
    if place.is_set:
        before, after = ({canonical(item, place.at("")): item for item in items} for items in (old, new))
        for item in before.keys() ^ after.keys():
            yield from _differences(f"{path}[]", before.get(item, Special.ABSENT), after.get(item, Special.ABSENT), place.at(""))
    elif olds is not None and news is not None:
        for key in olds.keys() | news.keys():
            yield from _differences(f"{path}[{key}]", olds.get(key, Special.ABSENT), news.get(key, Special.ABSENT), place.at(""))
        both = [key for key in olds if key in news]
        if both != [key for key in news if key in olds] and (_in_sequence(place.field, old) or _in_sequence(place.field, new)):
            yield Change(f"{path}[*].name".removeprefix("."), [item["name"] for item in old], [item["name"] for item in new])
    else:
        yield from _ordered(path, old, new, place.at(""))


def _ordered(path: str, old: list[Any], new: list[Any], place: Place) -> Iterator[Change]:
    """By position, between what is the same at the beginning and at the end of both."""
    before, after = ([canonical(item, place) for item in items] for items in (old, new))
    shorter = min(len(old), len(new))
    begin = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    end = next((at for at in range(shorter - begin) if before[-1 - at] != after[-1 - at]), shorter - begin)
    for at in range(begin, max(len(old), len(new)) - end):
        one = old[at] if at < len(old) - end else Special.ABSENT
        other = new[at] if at < len(new) - end else Special.ABSENT
        yield from _differences(f"{path}[{at}]", one, other, place)


def _keyed(field: str, items: list[Any]) -> dict[str, Any] | None:
    """key=value -> item of a list that Kubernetes merges; None for another list, or one whose items have no such key each."""
    for keys in _KEYS.get(field, ()):
        found: dict[str, Any] = {}
        for item in items:
            values = [item.get(key, _DEFAULTS.get(key)) if isinstance(item, dict) else None for key in keys]
            if not all(isinstance(value, (str, int)) for value in values):
                break
            shown = [f"{key}={value}" for key, value in zip(keys, values, strict=True) if value != _DEFAULTS.get(key)]
            found[",".join(shown)] = item
        else:
            if len(found) == len(items):
                return found
    return None


def _in_sequence(field: str, items: list[Any]) -> bool:
    """Whether a list has an order although it is merged by name: init containers run in turn, $(A) refers to an earlier variable."""
    return field == "initContainers" or (field == "env" and any("$(" in str(item.get("value")) for item in items if isinstance(item, dict)))


def _step(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key) else f"[{json.dumps(key, ensure_ascii=False)}]"
