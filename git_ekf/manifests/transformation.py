"""What a kustomization changes in its resources, and what its targets match while it does.

No repository, no processes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from git_ekf.manifests.matching import (
    REPLICAS,
    FieldTarget,
    image_fits,
    is_patched,
    is_replaced,
    is_same,
    retagged,
)
from git_ekf.manifests.metadata import Resource, images_in, texts_in
from git_ekf.manifests.resources import Unreadable, as_list, as_map, as_text, values_of
from git_ekf.manifests.selectors import Selector, Unfollowed, read_selector
from git_ekf.manifests.sources import Files, KustomizationFile, Patch, joined

# Takes a target, what is written there, and whether it matches: None where that cannot be told.
Note = Callable[[FieldTarget, object, "bool | None"], None]

# Paths of a JSON patch behind which names and labels are others.
_TEXTS = ("labels", "annotations")
_NAMING = ("/metadata/name", "/metadata/labels", "/metadata/annotations", "/kind", "/api")


class Built(NamedTuple):
    """The resources of a kustomization, and why there may be others."""

    resources: list[Resource]
    gaps: list[str]


class Transformation:
    """The changes of a kustomization to the resources that it has, step by step."""

    def __init__(
        self, files: Files, kustomization: KustomizationFile, built: Built, note: Note
    ) -> None:
        self._files = files
        self._from = kustomization
        self._target = partial(FieldTarget, kustomization.folder)
        self._resources, self._gaps = built
        self._tell = note

    def apply(self) -> None:
        """All of it, in kustomize's order. Raises Unfollowed."""
        one = self._from
        for field in ("patchesStrategicMerge", "patches"):
            for patch in one.patches(field):
                self._patch(patch)
        prefix, suffix, namespace = map(one.text, ("namePrefix", "nameSuffix", "namespace"))
        for resource in self._resources if prefix or suffix or namespace else ():
            resource.rename(prefix, suffix, namespace)
        self._label()
        for patch in one.patches("patchesJson6902"):
            self._patch(patch)
        for item in one.tables("replicas"):
            self._replicas(item)
        for item in one.tables("images"):
            self._image(item)
        for item in one.items("replacements"):
            self._replacement(item)

    def _note(self, target: FieldTarget, item: object, *, fits: bool) -> None:
        """Where it does not fit, it could still match what cannot be followed."""
        unsure = bool(self._gaps) or any(one.unsure for one in self._resources)
        if target.field in ("replicas", "images") and self._from.value.get("configurations"):
            unsure = True  # these may be in other fields too
        self._tell(target, item, None if unsure and not fits else fits)

    def _values(self, path: str) -> list[Any]:
        """The values in a file that is named. Raises Unfollowed, Unreadable."""
        return values_of(self._files.read(joined(self._from.folder, path)))

    def _selected(
        self,
        value: Any,
        target: FieldTarget,
        item: object,
        selects: Callable[[Resource, Selector], bool],
    ) -> list[Resource]:
        """The resources of a selector, which are noted; none where that cannot be told."""
        try:
            selector = read_selector(value)
            words = filter(None, (target.what, str(selector)))
            target = target._replace(what=" ".join(words))
            matched = [one for one in self._resources if selects(one, selector)]
        except Unfollowed as error:
            matched = []
            self._gaps.append(str(error))
        self._note(target, item, fits=bool(matched))
        return matched

    # --- patches ---

    def _patch(self, patch: Patch) -> None:
        values: list[Any] = []
        try:
            values = self._values(patch.path) if patch.path else values_of(patch.text.encode())
        except (Unreadable, Unfollowed) as error:
            self._gaps.append(f"{patch.path or patch.field}: {error}")
        if patch.target is None:
            for value in values:
                if isinstance(value, dict) and value.get("kind"):
                    self._merge_patch(patch, value)
            return
        target = self._target(patch.field, patch.path, "")
        matched = self._selected(patch.target, target, patch, is_patched)
        for value in values:
            if isinstance(value, list):
                self._apply_operations(matched, value)
            elif isinstance(value, dict):
                self._merge(matched, value)

    def _merge_patch(self, patch: Patch, value: dict[str, Any]) -> None:
        wanted = Resource(value, "")
        matched = [one for one in self._resources if is_same(one, wanted)]
        what = str(Selector(wanted.group, wanted.version, wanted.kind, *wanted.ids[0]))
        self._note(self._target(patch.field, patch.path, what), patch, fits=bool(matched))
        self._merge(matched, value)

    def _merge(self, matched: list[Resource], value: dict[str, Any]) -> None:
        if value.get("$patch") == "delete":
            gone = set(map(id, matched))
            self._resources[:] = [r for r in self._resources if id(r) not in gone]
            return
        metadata = as_map(value.get("metadata"))
        images = images_in(value)
        for resource in matched:
            for field in _TEXTS:
                texts = getattr(resource, field) | texts_in(metadata.get(field))
                setattr(resource, field, texts)
            self._more_images(resource, images)

    def _apply_operations(self, matched: list[Resource], operations: list[Any]) -> None:
        for operation in operations:
            path = as_map(operation).get("path")
            if not isinstance(path, str):
                continue
            value = operation.get("value")
            images = [value] if path.endswith("/image") and isinstance(value, str) else []
            images += images_in({"containers": value if isinstance(value, list) else [value]})
            for resource in matched:
                self._rename(resource, path, operation)
                self._more_images(resource, images)

    def _rename(self, resource: Resource, path: str, operation: dict[str, Any]) -> None:
        """Follows an operation on a label or annotation; behind one on a name nothing is sure."""
        parts = path.split("/")
        if parts[1:2] != ["metadata"] or len(parts) != 4 or parts[2] not in _TEXTS:
            if path.startswith(_NAMING) or path in ("", "/metadata"):
                resource.unsure = f"a patch of {path}"
            return
        texts = dict(getattr(resource, parts[2]))
        setattr(resource, parts[2], texts)
        key = parts[3].replace("~1", "/").replace("~0", "~")
        if operation.get("op") in ("add", "replace"):
            texts[key] = str(operation.get("value"))
        elif operation.get("op") == "remove":
            texts.pop(key, None)
        elif operation.get("op") != "test":
            resource.unsure = f"a patch of {path}"

    def _more_images(self, resource: Resource, images: list[str]) -> None:
        if not images:
            return
        try:
            resource.images = resource.all_images() + images
        except Unreadable as error:
            self._gaps.append(str(error))

    # --- labels, replicas, images, replacements ---

    def _label(self) -> None:
        labels = texts_in(self._from.value.get("commonLabels"))
        for item in self._from.tables("labels"):
            labels |= texts_in(item.get("pairs"))
        annotations = texts_in(self._from.value.get("commonAnnotations"))
        for resource in self._resources:
            resource.labels = resource.labels | labels
            resource.annotations = resource.annotations | annotations

    def _replicas(self, item: dict[str, Any]) -> None:
        name = item.get("name")
        if not isinstance(name, str):
            return
        counted = [one for one in self._resources if one.kind in REPLICAS]
        fits = any(name in dict(one.ids) for one in counted)
        self._note(self._target("replicas", "", name), item, fits=fits)

    def _image(self, item: dict[str, Any]) -> None:
        name = as_text(item.get("name"))
        if not name:
            return
        fits = False
        try:
            for resource in self._resources:
                if resource.images is None and name not in resource.text:
                    continue
                images = resource.all_images()
                fitting = [image for image in images if image_fits(name, image)]
                if fitting:
                    fits = True
                    resource.images = [
                        retagged(item, image) if image in fitting else image for image in images
                    ]
        except (Unreadable, Unfollowed) as error:
            self._gaps.append(str(error))
        self._note(self._target("images", "", name), item, fits=fits)

    def _replacement(self, item: Any) -> None:
        """One that stands here, or all that stand in a file."""
        path = as_map(item).get("path")
        if not isinstance(path, str):
            self._replace(item, "")
            return
        try:
            for value in self._values(path):
                for inner in value if isinstance(value, list) else [value]:
                    self._replace(inner, path)
        except (Unreadable, Unfollowed) as error:
            self._gaps.append(f"{path}: {error}")

    def _replace(self, item: Any, path: str) -> None:
        selectors = [("source", as_map(item).get("source"))]
        for target in as_list(as_map(item).get("targets")):
            selectors.append(("target", as_map(target).get("select")))
        for which, value in selectors:
            if value is not None:
                self._selected(value, self._target("replacements", path, which), item, is_replaced)
