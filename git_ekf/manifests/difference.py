"""What became of the resources from one build to another. No repository, no processes."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from git_ekf.manifests.fields import FieldChange, compare
from git_ekf.manifests.resources import Identity, Unreadable, documents, identity, parse


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
    found = Difference([], [], [])
    try:
        # A document that is the same text on both sides need not be parsed: most are, and some
        # have megabytes.
        gone, come = _resources(before - after), _resources(after - before)
        for one in sorted(gone.keys() | come.keys()):
            olds, news = gone.get(one, []), come.get(one, [])
            # One of each, unless a build repeats itself.
            for versions in zip(olds, news, strict=False):
                if fields := compare(*versions):
                    found.changed.append(ChangedResource(one, fields))
            found.removed.extend([one] * (len(olds) - len(news)))
            found.added.extend([one] * (len(news) - len(olds)))
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    return found


def _resources(documents: Counter[str]) -> dict[Identity, list[dict[str, Any]]]:
    found: dict[Identity, list[dict[str, Any]]] = {}
    for document in documents.elements():
        for resource in parse(document):
            found.setdefault(identity(resource), []).append(resource)
    return found
