"""Which resources a target of a kustomization matches. No repository, no processes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from git_ekf.manifests.metadata import Resource, split_image
from git_ekf.manifests.resources import as_text
from git_ekf.manifests.selectors import Selector, Unfollowed, expression, labels_fit

# What `replicas` counts (kustomize's default configuration).
REPLICAS = ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")

_TAG = r"(?::[a-zA-Z0-9_.{}-]*)?(?:@sha256:[a-zA-Z0-9_.{}-]*)?"


class FieldTarget(NamedTuple):
    """A target of the kustomization in `folder`: its field, and `what` it is to match.

    `path` is the patch's file where it is in one, "" where it is not.
    """

    folder: str
    field: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.field} {f'{self.path}: ' if self.path else ''}{self.what}"


def is_patched(resource: Resource, selector: Selector) -> bool:
    """Whether a patch's target selects it: by the original name or the current one.

    Raises Unfollowed.
    """
    return _fits(resource, selector, (resource.ids[0], resource.ids[-1]))


def is_replaced(resource: Resource, selector: Selector) -> bool:
    """Whether a replacement selects it: by any name that it has had. Raises Unfollowed."""
    return _fits(resource, selector, resource.ids)


def _fits(resource: Resource, selector: Selector, ids: Sequence[tuple[str, str]]) -> bool:
    for field in ("kind", "group", "version"):
        if not expression(getattr(selector, field))(getattr(resource, field)):
            return False
    name, namespace = expression(selector.name), expression(selector.namespace)
    if not any(name(own) for own, _ in ids):
        return False
    insides = [inside for _, own in ids for inside in _effective(resource, own)]
    if not any(map(namespace, insides)):
        return False
    return labels_fit(selector.labels, resource.labels) and labels_fit(
        selector.annotations, resource.annotations
    )


def _effective(resource: Resource, namespace: str) -> Iterator[str]:
    """The namespace by which it is found (kyaml/resid, EffectiveNamespace).

    Both where it depends on the version of kustomize whether it knows the type.
    """
    if resource.is_cluster_wide:
        yield "_non_namespaceable_"
    if not resource.is_cluster_wide or resource.version != "v1":
        yield namespace or "default"


def is_same(resource: Resource, wanted: Resource) -> bool:
    """Whether a strategic merge patch is for the resource (kyaml/resid, ResId.Equals)."""
    type_ = resource.group, resource.version, resource.kind
    if type_ != (wanted.group, wanted.version, wanted.kind):
        return False
    name, namespace = wanted.ids[0]
    inside = namespace or "default"
    for own, at in resource.ids:
        if own == name and (resource.is_cluster_wide or (at or "default") == inside):
            return True
    return False


@cache
def _image_pattern(name: str) -> re.Pattern[str]:
    """Raises Unfollowed."""
    expression(name)  # whether it may be tried
    try:
        return re.compile(f"^{name}{_TAG}$")
    except re.error:
        raise Unfollowed(f"the image name {name}") from None


def image_fits(name: str, image: str) -> bool:
    """Whether an entry of `images` is for an image (api/internal/image). Raises Unfollowed."""
    return split_image(image)[0] == name or _image_pattern(name).match(image) is not None


def retagged(item: dict[str, Any], image: str) -> str:
    """The image that an entry of `images` makes of one that it is for."""
    name, tag = split_image(image)
    if item.get("newTag") not in (None, ""):
        tag = f":{item['newTag']}"
    if digest := as_text(item.get("digest")):
        tag = f"@{digest}"
    return (as_text(item.get("newName")) or name) + tag
