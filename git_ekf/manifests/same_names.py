"""The resources of a build, found again in another one although they are called otherwise there.

The namespace may be other, and so may the hash that kustomize puts behind the name of a ConfigMap
or Secret that it has generated. No repository, no processes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from git_ekf.manifests.metadata import Resource, resources_of
from git_ekf.manifests.resources import Identity, Unreadable, identity, parse

# The digits of a hash as kustomize writes it (api/hasher, encode).
_HASH = re.compile(r"(.+)-[bcdfghkmt2456789]{10}")
_GENERATED = ("ConfigMap", "Secret")


class Indexed:
    """The resources of a build by what they are called. They are parsed when they are asked for."""

    def __init__(self, output: bytes) -> None:
        """Raises Unreadable, Refused without PyYAML."""
        resources = resources_of(output)
        self._resources: dict[Identity, Resource] = {}
        self._loosely: dict[tuple[str, str, str], list[Identity]] = {}
        self._unhashed: dict[str, str] = {}
        self._texts = Counter(resource.text for resource in resources)
        times: Counter[Identity] = Counter()
        for resource in resources:
            one = self._called(resource)
            times[one] += 1
            if times[one] > 1:  # a build that repeats itself
                one = one._replace(name=f"{one.name} ({times[one]})")
            self._resources[one] = resource
            self._loosely.setdefault((one.group, one.kind, one.name), []).append(one)

    def _called(self, resource: Resource) -> Identity:
        name, namespace = resource.ids[0]
        if resource.kind in _GENERATED and not resource.group:
            hashed = _HASH.fullmatch(name)
            if hashed:
                self._unhashed[name] = hashed[1]
                name = hashed[1]
        return Identity(resource.group, resource.kind, namespace, name)

    def has(self, one: Identity) -> bool:
        """Whether there is a resource of exactly that name."""
        return one in self._resources

    def partner(self, one: Identity) -> Identity | None:
        """The resource that is called so, or is the only one so called but for the namespace."""
        if one in self._resources:
            return one
        found = self._loosely.get((one.group, one.kind, one.name), [])
        return found[0] if len(found) == 1 else None

    def different_from(self, other: Indexed) -> Iterator[Identity]:
        """The resources whose text the other build has not; most are the same, and some large."""
        left = Counter(other._texts)
        for one, resource in self._resources.items():
            if left[resource.text] > 0:
                left[resource.text] -= 1
            else:
                yield one

    def value(self, one: Identity) -> dict[str, Any]:
        """A resource in full. Raises Unreadable."""
        resource = self._resources[one]
        for value in [resource.value] if resource.value else parse(resource.text):
            found = identity(value)
            if (found.name, found.namespace) == resource.ids[0] and found.kind == resource.kind:
                return self._without_hashes(value) if self._unhashed else value
        raise Unreadable(f"it has no {one}")

    def _without_hashes(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._without_hashes(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._without_hashes(inner) for inner in value]
        return self._unhashed.get(value, value) if isinstance(value, str) else value
