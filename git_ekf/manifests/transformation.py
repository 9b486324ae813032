"""What a kustomization changes in its resources, and what its targets match while it does.

No repository, no processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from git_ekf.manifests.matching import (
    REPLICAS,
    FieldTarget,
    image_fits,
    is_same,
    is_selected,
    retagged,
    selected,
)
from git_ekf.manifests.metadata import Resource, images_in
from git_ekf.manifests.resources import Unreadable, documents, load
from git_ekf.manifests.selectors import Unfollowed, read_selector
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
        self._built = built
        self._tell = note

    def apply(self) -> None:
        """All of it, in kustomize's order. Raises Unfollowed."""
        one = self._from
        for field in ("patchesStrategicMerge", "patches"):
            for patch in one.patches(field):
                self._patch(patch)
        prefix, suffix, namespace = map(one.text, ("namePrefix", "nameSuffix", "namespace"))
        for resource in self._built.resources if prefix or suffix or namespace else ():
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

    def _note(
        self, target: FieldTarget, item: object, matched: Iterable[object], *, may: bool = False
    ) -> None:
        """`may`: it could match what cannot be followed."""
        fits = any(True for _ in matched)
        open_ = may or self._built.gaps or any(one.unsure for one in self._built.resources)
        self._tell(target, item, None if not fits and open_ else fits)

    # --- patches ---

    def _patch(self, patch: Patch) -> None:
        try:
            values = self._contents(patch)
        except (Unreadable, Unfollowed) as error:
            values = None
            self._built.gaps.append(f"{patch.path or patch.field}: {error}")
        if patch.target is not None:
            self._selected_patch(patch, values)
        for value in values or () if patch.target is None else ():
            if isinstance(value, dict) and value.get("kind"):
                self._merge_patch(patch, value)

    def _contents(self, patch: Patch) -> list[Any]:
        """The documents of a patch. Raises Unfollowed, Unreadable."""
        if not patch.path:
            texts = documents(patch.text.encode())
        else:
            texts = documents(self._files.read(joined(self._from.folder, patch.path)))
        values: list[Any] = []
        for text in texts:
            values += [value for value in load(text) if value is not None]
        return values

    def _selected_patch(self, patch: Patch, values: list[Any] | None) -> None:
        target = FieldTarget(patch.field, patch.path, "")
        try:
            selector = read_selector(patch.target)
            target = target._replace(what=str(selector))
            matched = selected(self._built.resources, selector)
        except Unfollowed as error:
            self._built.gaps.append(str(error))
            self._note(target, patch, (), may=True)
            return
        self._note(target, patch, matched)
        for value in values or ():
            if isinstance(value, list):
                self._apply_operations(matched, value)
            elif isinstance(value, dict):
                self._merge(matched, value)

    def _merge_patch(self, patch: Patch, value: dict[str, Any]) -> None:
        wanted = Resource(value, "")
        matched = [one for one in self._built.resources if is_same(one, wanted)]
        api = "/".join(filter(None, (wanted.group, wanted.version)))
        name, namespace = wanted.ids[0]
        what = f"{api} {wanted.kind} {'/'.join(filter(None, (namespace, name)))}"
        self._note(FieldTarget(patch.field, patch.path, what), patch, matched)
        self._merge(matched, value)

    def _merge(self, matched: list[Resource], value: dict[str, Any]) -> None:
        if value.get("$patch") == "delete":
            gone = set(map(id, matched))
            self._built.resources[:] = [r for r in self._built.resources if id(r) not in gone]
            return
        metadata = value.get("metadata")
        images = images_in(value)
        for resource in matched:
            for field in ("labels", "annotations"):
                more = metadata.get(field) if isinstance(metadata, dict) else None
                if isinstance(more, dict):
                    getattr(resource, field).update({key: str(one) for key, one in more.items()})
            if images:
                self._more_images(resource, images)

    def _apply_operations(self, matched: list[Resource], operations: list[Any]) -> None:
        for operation in operations:
            path = operation.get("path") if isinstance(operation, dict) else None
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
        texts = getattr(resource, parts[2])
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
            self._built.gaps.append(str(error))

    # --- labels, replicas, images, replacements ---

    def _label(self) -> None:
        pairs: dict[str, str] = {}
        given = [item.get("pairs") for item in self._from.tables("labels")]
        for value in [self._from.value.get("commonLabels"), *given]:
            if isinstance(value, dict):
                pairs |= {key: str(one) for key, one in value.items()}
        notes: dict[str, str] = {}
        value = self._from.value.get("commonAnnotations")
        if isinstance(value, dict):
            notes = {key: str(one) for key, one in value.items()}
        for resource in self._built.resources if pairs or notes else ():
            resource.labels.update(pairs)
            resource.annotations.update(notes)

    def _replicas(self, item: dict[str, Any]) -> None:
        name = item.get("name")
        if not isinstance(name, str):
            return
        counted = [one for one in self._built.resources if one.kind in REPLICAS]
        matched = [one for one in counted if name in dict(one.ids)]
        own_fields = bool(self._from.value.get("configurations"))
        self._note(FieldTarget("replicas", "", name), item, matched, may=own_fields)

    def _image(self, item: dict[str, Any]) -> None:
        name = item.get("name")
        if not isinstance(name, str) or not name:
            return
        target = FieldTarget("images", "", name)
        may = bool(self._from.value.get("configurations"))
        matched = False
        try:
            for resource in self._built.resources:
                if resource.images is None and name not in resource.text:
                    continue
                images = resource.all_images()
                fitting = [image for image in images if image_fits(name, image)]
                if fitting:
                    matched = True
                    resource.images = [
                        retagged(item, image) if image in fitting else image for image in images
                    ]
        except (Unreadable, Unfollowed) as error:
            self._built.gaps.append(str(error))
        self._note(target, item, [1] * matched, may=may)

    def _replacement(self, item: Any) -> None:
        """One that stands here, or all that stand in a file."""
        if not isinstance(item, dict):
            return
        if isinstance(item.get("path"), str):
            try:
                content = self._files.read(joined(self._from.folder, item["path"]))
                for document in documents(content):
                    for value in load(document):
                        for inner in value if isinstance(value, list) else [value]:
                            self._replace(inner, item["path"])
            except (Unreadable, Unfollowed) as error:
                self._built.gaps.append(f"{item['path']}: {error}")
        else:
            self._replace(item, "")

    def _replace(self, item: Any, path: str) -> None:
        if not isinstance(item, dict):
            return
        selectors = [("source", item.get("source"))]
        targets = item.get("targets")
        for target in targets if isinstance(targets, list) else ():
            selectors.append(("target", target.get("select") if isinstance(target, dict) else None))
        for which, value in selectors:
            if value is None:
                continue
            what = which
            try:
                selector = read_selector(value)
                what = f"{which} {selector}"
                resources = self._built.resources
                matched = [one for one in resources if is_selected(one, selector)]
                self._note(FieldTarget("replacements", path, what), item, matched)
            except Unfollowed as error:
                self._built.gaps.append(str(error))
                self._note(FieldTarget("replacements", path, what), item, (), may=True)
