"""What became of the resources from one build to another. No repository, no processes."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from git_ekf.manifests.fields import FieldChange, compare
from git_ekf.manifests.resources import Identity, Unreadable, documents, identity, parse

_Resources = dict[Identity, list[dict[str, Any]]]


class ChangedResource(NamedTuple):
    """A resource of both builds, and the fields in which it differs."""

    resource: Identity
    fields: list[FieldChange]


class Difference(NamedTuple):
    """The resources that a build gained, lost and changed, each list in order of kind and name."""

    added: list[Identity]
    removed: list[Identity]
    changed: list[ChangedResource]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(old: bytes, new: bytes) -> Difference:
    """Compares the output for two commits. Raises Unreadable, Refused without PyYAML."""
    before, after = Counter(documents(old)), Counter(documents(new))
    # A document that is the same text on both sides need not be parsed: most are, and some have
    # megabytes.
    try:
        return _compare_all(_resources(before - after), _resources(after - before))
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def _resources(documents: Counter[str]) -> _Resources:
    found: _Resources = {}
    for document in documents.elements():
        for resource in parse(document):
            found.setdefault(identity(resource), []).append(resource)
    return found


def _compare_all(before: _Resources, after: _Resources) -> Difference:
    added, removed, changed = [], [], []
    for one in sorted(before.keys() | after.keys()):
        olds, news = before.get(one, []), after.get(one, [])
        for old, new in zip(olds, news, strict=False):  # one of each, unless a build repeats itself
            fields = compare(old, new)
            if fields:
                changed.append(ChangedResource(one, fields))
        removed += [one] * (len(olds) - len(news))
        added += [one] * (len(news) - len(olds))
    return Difference(added, removed, changed)
