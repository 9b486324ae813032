"""What kustomize selects resources by: expressions for names and types, and label selectors.

From kustomize's api/types/selector.go and api/resmap/reswrangler.go (Select); label selectors from
k8s.io/apimachinery/pkg/labels. No repository, no processes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

_FIELDS = ("group", "version", "kind", "name", "namespace")

# Go's expressions take linear time, Python's do not: one with more than this is not tried.
_REPEATS = 3
_LONGEST = 500


class Unfollowed(Exception):
    """It cannot be told without kustomize; why, as half a sentence."""


class Selector(NamedTuple):
    """A selector as it is written; what it leaves out is "", and selects anything."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    labels: str = ""
    annotations: str = ""

    def __str__(self) -> str:
        """Another text for each: targets are told apart by it."""
        words = []
        named = self._asdict()
        if self.kind:
            api = "/".join(filter(None, (self.group, self.version)))
            words += [api, self.kind, self.name and "/".join(filter(None, self[4:2:-1]))]
            used = ("group", "version", "kind", "name", "namespace" if self.name else "")
            named = {field: value for field, value in named.items() if field not in used}
        words += [f"{field} {value}" for field, value in named.items() if value]
        return " ".join(filter(None, words)) or "anything"


def read_selector(value: Any) -> Selector:
    """A selector of a kustomization. Raises Unfollowed where it is none."""
    if not isinstance(value, dict):
        raise Unfollowed("a selector that cannot be read")
    words = [value.get(field) for field in (*_FIELDS, "labelSelector", "annotationSelector")]
    if not all(word is None or isinstance(word, str) for word in words):
        raise Unfollowed("a selector that cannot be read")
    return Selector(*(word or "" for word in words))


@cache
def expression(text: str) -> Callable[[str], bool]:
    """Whether a value fits an expression as a whole, as kustomize anchors it; "" fits any.

    Raises Unfollowed for one that Go or Python does not take, or that could take too long.
    """
    if not text:
        return lambda value: True
    if re.fullmatch(r"[\w-]+", text):
        return text.__eq__
    repeats = len(re.findall(r"[*+{]", text))
    is_long = len(text) > _LONGEST or repeats > _REPEATS
    if not (is_long or re.search(r"\)[*+{?]|\(\?", text)):
        with suppress(re.error, OverflowError):
            compiled = re.compile(text)
            return lambda value: compiled.fullmatch(value) is not None
    raise Unfollowed(f"the expression {text}")


# --- label selectors ---

_WORD = r"[^\s,!=()]"
_SET = re.compile(rf"\s*({_WORD}+)\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*({_WORD}+)\s*(==|=|!=)\s*({_WORD}*)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_WORD}+)\s*")


def labels_fit(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels (or annotations) fit a selector; "" fits any. Raises Unfollowed."""
    for key, values, negated in _requirements(selector):
        has = key in labels and (values is None or labels[key] in values)
        if has == negated:
            return False
    return True


class _Requirement(NamedTuple):
    """That there is a key with one of some values (None: any), or that there is not (`negated`)."""

    key: str
    values: frozenset[str] | None
    negated: bool


@cache
def _requirements(selector: str) -> tuple[_Requirement, ...]:
    """Raises Unfollowed."""
    found = []
    at = 0
    while at < len(selector.rstrip()):
        for pattern in (_SET, _EQUAL, _EXISTS):
            match = pattern.match(selector, at)
            if match and selector[match.end() : match.end() + 1] in ("", ","):
                break
        else:
            raise Unfollowed(f"the selector {selector}")
        at = match.end() + 1
        if pattern is _EXISTS:
            sign, key = match.groups()
            found.append(_Requirement(key, None, bool(sign)))
        else:
            key, operator, text = match.groups()
            values = frozenset(map(str.strip, text.split(",") if pattern is _SET else [text]))
            found.append(_Requirement(key, values, operator in ("notin", "!=")))
    return tuple(found)
