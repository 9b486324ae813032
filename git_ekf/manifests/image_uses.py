"""Where a resource names images: in containers, and where the configuration says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate
from typing import Any, NamedTuple

from git_ekf.config import Config
from git_ekf.manifests.resources import Identity, as_list, as_map, as_text, identity

# Lists of containers, wherever in a resource: in a pod, in the pod template of a kind that
# Kubernetes has, and in one of a custom resource.
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")

# Its schema has fields of these names, and no images (kustomize leaves it out as well).
_SCHEMA = "CustomResourceDefinition"


class Use(NamedTuple):
    """The place of an image.

    `text` is what stands there. `source` is container, volume, field, argument or variable, of
    which the last three are found by patterns of the configuration.
    """

    text: str
    resource: Identity
    field: str
    source: str


class Patterns:
    """The further places that the configuration names: see images.* in ekf.toml(5)."""

    def __init__(self, config: Config) -> None:
        self.fields = _any_of(config.images_fields)
        self.variables = _any_of(config.images_variables)
        joined = [one for one in config.images_arguments if one.endswith("=")]
        self.joined = _any_of(tuple(one.removesuffix("=") for one in joined))
        self.apart = _any_of(tuple(one for one in config.images_arguments if one not in joined))


def _any_of(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def uses(resource: dict[str, Any], patterns: Patterns) -> Iterator[Use]:
    """The images that a resource names, each place once."""
    one = identity(resource)
    if one.kind == _SCHEMA:
        return
    seen = set()
    found = list(_in_containers(resource, "", patterns))
    # The values of a Secret are encoded, and nobody's to print.
    if patterns.fields and one.kind != "Secret":
        found += _by_path(resource, "", "", patterns.fields)
    for text, field, source in found:
        if field not in seen:
            seen.add(field)
            yield Use(text, one, field, source)


_Place = tuple[str, str, str]  # text, field and source, as in Use


def _in_containers(value: Any, field: str, patterns: Patterns) -> Iterator[_Place]:
    """Those of all containers and volumes in a value."""
    if isinstance(value, list):
        for label, item in _labelled(value):
            yield from _in_containers(item, f"{field}{label}", patterns)
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        below = f"{field}.{key}".removeprefix(".")
        if key in _CONTAINERS:
            for label, item in _labelled(as_list(inner)):
                yield from _of_container(as_map(item), f"{below}{label}", patterns)
        elif key == "volumes":
            for label, item in _labelled(as_list(inner)):
                reference = as_map(as_map(item).get("image")).get("reference")
                if isinstance(reference, str):
                    yield reference, f"{below}{label}.image.reference", "volume"
        yield from _in_containers(inner, below, patterns)


def _labelled(items: list[Any]) -> Iterator[tuple[str, Any]]:
    """The items of a list, each with what stands for it in the path of a field."""
    for number, item in enumerate(items):
        name = as_text(as_map(item).get("name"))
        yield (f"[name={name}]" if name else f"[{number}]"), item


def _of_container(container: dict[str, Any], field: str, patterns: Patterns) -> Iterator[_Place]:
    image = container.get("image")
    if isinstance(image, str | int | float):
        yield str(image), f"{field}.image", "container"
    for key in ("command", "args"):
        words = list(map(str, as_list(container.get(key))))
        yield from _of_arguments(words, f"{field}.{key}", patterns)
    for variable in map(as_map, as_list(container.get("env"))):
        name, value = str(variable.get("name")), str(variable.get("value") or "")
        if value and patterns.variables and patterns.variables.match(name):
            yield value, f"{field}.env[name={name}].value", "variable"


def _of_arguments(words: list[str], field: str, patterns: Patterns) -> Iterator[_Place]:
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if equals and patterns.joined and patterns.joined.match(name):
            yield value, f"{field}[{number}]", "argument"
        elif patterns.apart and patterns.apart.match(word) and number + 1 < len(words):
            yield words[number + 1], f"{field}[{number + 1}]", "argument"


def _by_path(value: Any, field: str, path: str, wanted: re.Pattern[str]) -> Iterator[_Place]:
    """The texts in a value whose path is wanted; in `path` the items of lists have no part."""
    if isinstance(value, dict):
        for key, inner in value.items():
            below = f"{path}.{key}".removeprefix(".")
            yield from _by_path(inner, f"{field}.{key}".removeprefix("."), below, wanted)
    elif isinstance(value, list):
        for label, item in _labelled(value):
            yield from _by_path(item, f"{field}{label}", path, wanted)
    elif isinstance(value, str) and value and wanted.match(path):
        yield value, field, "field"
