"""Kustomizations followed as kustomize puts them together, to see what their targets match.

The order is that of kustomize: resources, components, generators, then patches, namespace, names,
labels, JSON patches, replicas, images and replacements (api/internal/target). No repository, no
processes.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import NamedTuple

from git_ekf.manifests.matching import FieldTarget
from git_ekf.manifests.metadata import Resource, resources_of
from git_ekf.manifests.resources import Unreadable
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.manifests.sources import BELOW, Files, KustomizationFile, is_remote, joined
from git_ekf.manifests.transformation import Built, Transformation

# More than this many resources nobody follows; a few bases that name each other make any number.
_MOST = 50_000

_PLUGINS = ("transformers", "generators", "helmCharts", "helmChartInflationGenerator")


class Missing(NamedTuple):
    """A file or directory that a kustomization names, as it is written there, and is not there."""

    folder: str
    field: str
    path: str


class Walk:
    """Follows kustomizations of one tree.

    `targets` has of each whether it matches something, None where that cannot be told;
    `written` what is written there, by which those of two trees are the same or not. `missing` is
    named and not there; `gaps` are a directory's reasons why something cannot be told.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.targets: dict[FieldTarget, bool | None] = {}
        self.written: dict[FieldTarget, object] = {}
        self.missing: list[Missing] = []
        self.gaps: dict[str, list[str]] = {}
        self._built: dict[str, Built] = {}
        self._read: dict[str, KustomizationFile] = {}
        self._open: list[str] = []
        self._copied = 0

    def follow(self, folder: str) -> None:
        """Looks at a directory that is a kustomization, and at what its targets may match."""
        try:
            kustomization = self._kustomization(folder)
        except Unfollowed as error:
            self.gaps[folder] = [str(error)]
            return
        if kustomization.has_targets:
            self._build(folder)

    def _kustomization(self, folder: str) -> KustomizationFile:
        """The kustomization in a directory; what it lacks is noted. Raises Unfollowed."""
        if folder not in self._read:
            kustomization = KustomizationFile(self.files, folder)
            self._read[folder] = kustomization
            for field, path in kustomization.named():
                there = self.files.what_is(joined(folder, path))
                is_missing = there == "nothing" or (there == "folder" and field in BELOW)
                if is_missing and not is_remote(path) and "\n" not in path:
                    self.missing.append(Missing(folder, field, path))
        return self._read[folder]

    def lacks(self, one: Missing) -> bool:
        """Whether the directory names it, and it is missing; no where it cannot be read."""
        with suppress(Unfollowed):
            self._kustomization(one.folder)
        return one in self.missing

    def has_components(self, folder: str) -> bool:
        """Whether a directory that was followed names components."""
        return folder in self._read and bool(self._read[folder].items("components"))

    def _build(self, folder: str) -> Built:
        if folder not in self._built:
            built = Built([], [])
            self._add(folder, built)
            self._built[folder] = built
        return self._built[folder]

    def _add(self, folder: str, built: Built) -> None:
        """What a kustomization makes of what is there already (of a component, all of it)."""
        gaps_before = len(built.gaps)
        if folder in self._open or len(self._open) > 100:
            built.gaps.append(f"{folder or '.'}, which leads to itself")
            return
        self._open.append(folder)
        try:
            self._put_together(self._kustomization(folder), built)
        except Unfollowed as error:
            built.gaps.append(str(error))
        finally:
            self._open.pop()
        if built.gaps[gaps_before:]:
            known = self.gaps.setdefault(folder, [])
            known += [gap for gap in built.gaps[gaps_before:] if gap not in known]

    def _put_together(self, kustomization: KustomizationFile, built: Built) -> None:
        folder = kustomization.folder
        for field in ("resources", "bases"):
            for path in kustomization.texts(field):
                self._add_resource(folder, path, built)
        for path in kustomization.texts("components"):
            whole = joined(folder, path)
            if self.files.what_is(whole) == "kustomization":
                self._add(whole, built)
            else:
                built.gaps.append(_why_not(path))
        built.gaps.extend(field for field in _PLUGINS if kustomization.value.get(field))
        for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for item in kustomization.tables(field):
                if item.get("behavior") not in ("merge", "replace"):
                    metadata = {"name": item.get("name"), "namespace": item.get("namespace")}
                    value = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
                    built.resources.append(Resource(value, ""))
        Transformation(self.files, kustomization, built, self._note).apply()

    def _add_resource(self, folder: str, path: str, built: Built) -> None:
        whole = joined(folder, path)
        there = self.files.what_is(whole)
        try:
            if there == "file":
                built.resources.extend(resources_of(self.files.read(whole)))
            elif there == "kustomization":
                base = self._build(whole) if whole not in self._open else Built([], [whole])
                self._copied += len(base.resources)
                if self._copied > _MOST:
                    raise Unfollowed(f"{path}, which makes too many resources")
                built.resources.extend(map(copy, base.resources))
                built.gaps.extend(gap for gap in base.gaps if gap not in built.gaps)
            else:
                built.gaps.append(_why_not(path))
        except (Unreadable, Unfollowed) as error:
            built.gaps.append(f"{path}: {error}" if isinstance(error, Unreadable) else str(error))

    def _note(self, target: FieldTarget, item: object, fits: bool | None) -> None:
        """A target matches where it does for one of those that stand on it."""
        file = self.files.entries.get(joined(target.folder, target.path))
        self.written[target] = item, file
        known = self.targets.get(target, False)
        if fits or known:
            self.targets[target] = True
        else:
            self.targets[target] = None if None in (known, fits) else False


def _why_not(path: str) -> str:
    return f"{path}, which is not in the repository" if is_remote(path) else f"{path} is missing"
