"""Built manifests taken apart into resources, with YAML read as Kubernetes reads it."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any, NamedTuple

from git_ekf.errors import Refused

# Deeper nesting than this is no manifest; libyaml's C stack overflows at some ten thousand levels.
MAX_DEPTH = 200

# More values than this no document has; a few lines of aliases make any number of them.
MAX_VALUES = 1_000_000


class Unreadable(Exception):
    """The output is not a list of resources; why, without a word of it: it may hold a secret."""


class Identity(NamedTuple):
    """That by which a resource of two builds is the same; the version of its API does not count."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.group}/{self.kind}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def as_map(value: Any) -> dict[str, Any]:
    """The value where it is a map, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def identity(resource: dict[str, Any]) -> Identity:
    """The identity of a resource; what it lacks is ""."""
    names = as_map(resource.get("metadata"))
    return Identity(
        str(resource.get("apiVersion") or "").rpartition("/")[0],
        str(resource.get("kind") or ""),
        str(names.get("namespace") or ""),
        str(names.get("name") or names.get("generateName") or ""),
    )


def documents(text: bytes) -> list[str]:
    """A stream of YAML cut at its `---` lines. Raises Unreadable.

    Such a line cannot be inside a value: that would be indented.
    """
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    parts = re.split(r"^---(?=\s)", decoded, flags=re.MULTILINE)
    return [part.lstrip("\r\n") for part in parts if part.strip()]


def parse(document: str) -> list[dict[str, Any]]:
    """The resources in a YAML text, Lists taken apart. Raises Unreadable, Refused (no PyYAML)."""
    import_yaml()
    found: list[Any] = []
    for value in load(document):
        is_list = isinstance(value, dict) and str(value.get("kind", "")).endswith("List")
        items = value.get("items") if is_list else None
        if isinstance(items, list):
            found += items
        elif value is not None:
            found.append(value)
    if not all(isinstance(value, dict) for value in found):
        raise Unreadable("it is YAML, but no list of resources")
    return found


def values_of(content: bytes) -> list[Any]:
    """The values of a stream of YAML in JSON's types, but for empty ones. Raises Unreadable."""
    values: list[Any] = []
    for document in documents(content):
        values += [value for value in load(document) if value is not None]
    return values


def load(document: str) -> list[Any]:
    """The values of a YAML text in JSON's types. Raises Unreadable."""
    import yaml

    require_shallow(document)
    try:
        values = list(yaml.load_all(document, loader()))
        if "*" in document:
            _require_small(values)
        return [_plain(value) for value in values]
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in (error.problem or ""):
            # libyaml 0.2.6 looks at brackets before it tells of them.
            raise Unreadable("it is nested too deeply") from None
        line = f" in line {error.problem_mark.line + 1} of a document" if error.problem_mark else ""
        raise Unreadable(f"it is not YAML{line}") from None
    except (yaml.YAMLError, ValueError):  # a control character; a number of thousands of digits
        raise Unreadable("it is not YAML") from None


def require_shallow(document: str) -> None:
    """Raises Unreadable for a YAML text that is nested too deeply to be given to a parser."""
    if _depth_at_most(document) > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise Unreadable("it is nested too deeply")


def _require_small(values: list[Any]) -> None:
    """Raises Unreadable where aliases make much more of a text than what is written in it."""
    sizes: dict[int, int] = {}
    if sum(_size(value, sizes, 0) for value in values) > MAX_VALUES:
        raise Unreadable("its aliases make too much of it")


def _size(value: Any, sizes: dict[int, int], depth: int) -> int:
    """How many values there are in one, each alias written out; each is looked at once."""
    if not isinstance(value, (dict, list)):
        return 1
    if depth > MAX_DEPTH:
        raise Unreadable("it is nested too deeply")  # or it is inside of itself
    if id(value) not in sizes:
        inner = value.values() if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(_size(one, sizes, depth + 1) for one in inner)
    return sizes[id(value)]


def import_yaml(what: str = "comparing manifests") -> None:
    """Raises Refused when PyYAML is not installed; `what` needs it."""
    try:
        import yaml  # noqa: F401
    except ImportError:
        raise Refused(
            f"{what} needs PyYAML, which is not installed",
            "pip install 'git-ekf[render]'",
        ) from None


@cache
def loader() -> Any:
    """A safe loader that reads scalars as Kubernetes does.

    There are no dates, no numbers of base 60 and no `yes`, and `=` is a text.
    """
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {"yaml_implicit_resolvers": {}})
    for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?(?:0|[1-9][0-9]*|0o?[0-7]+|0x[0-9a-fA-F]+)", "-+0123456789"),
        (
            "float",
            r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
            "-+.0123456789",
        ),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("merge", "<<", "<"),
    ):
        loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first)
        )
    return loader


# What a line of YAML 1.1 begins behind, beside the line end of Unix.
_BREAKS = "\r\x85\u2028\u2029\ufeff"
_INDENTED = f"(?:^|[{_BREAKS}])[ \\-?]*"
_OPENED = f"(?:^|[\\[{{\\]}},:?\\-{_BREAKS}])[ \\t]*(?=[\\[{{])"


def _depth_at_most(document: str) -> int:
    """A bound on the nesting that costs no parsing.

    It counts brackets where a collection can begin, not those of a text (behind tags and anchors,
    all), twice, for [a: b] has a map inside; and two levels a column of the deepest indentation.
    """
    indentation = max(map(len, re.findall(_INDENTED, document, re.MULTILINE)), default=0)
    if "!" in document or "&" in document:
        brackets = document.count("[") + document.count("{")
    else:
        brackets = len(re.findall(_OPENED, document, re.MULTILINE))
    return 2 * (brackets + indentation + 1)


def _depth(document: str) -> int:
    import yaml

    depth = deepest = 0
    try:
        for event in yaml.parse(document, loader()):
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
        return {_key(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, set, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    import json  # 2 ms, which hardly a key needs

    return json.dumps(key, default=str)
