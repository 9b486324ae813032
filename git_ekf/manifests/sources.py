"""The files of one tree, and a kustomization read from them. No repository, no processes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.manifests.resources import Unreadable, as_list, as_map, as_text, values_of
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.replay.divergence import add_above, folders_above

_REMOTE = re.compile(r"://|^git@|^git::|^github\.com[/:]|\?ref=|[?&]version=|\.git(?:/|$)")

# The fields that name what it stands on, which may be other kustomizations.
BELOW = ("resources", "bases", "components")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_SELECTING = ("components", *_PATCHES, "images", "replicas", "replacements")


class Files:
    """The files of a tree. Directories are written without a slash, the top as ""."""

    def __init__(
        self,
        entries: Mapping[str, Entry],
        content: Callable[[Entry], bytes | None],
        has_folder: Callable[[str], bool] | None = None,
    ) -> None:
        """`content` reads a blob; None for one that is too large.

        `has_folder` tells directories where that is known without going through all entries.
        """
        self.entries = entries
        self._content = content
        if has_folder is None:
            folders = {""}
            for path in entries:
                add_above(path, folders)
            has_folder = folders.__contains__
        self._has_folder = has_folder

    def what_is(self, path: str) -> str:
        """The kind of thing at a path: file, kustomization, folder, nothing, or unfollowed.

        That is a link, a submodule, or outside of the repository.
        """
        if path == ".." or path.startswith(("../", "/")):
            return "unfollowed"
        if self._has_folder(path):
            return "kustomization" if self.kustomization_in(path) else "folder"
        for there in (path, *folders_above(path)):
            entry = self.entries.get(there)
            if entry and not entry.is_file:
                return "unfollowed"
            if entry and there == path:
                return "file"
        return "nothing"

    def kustomization_in(self, folder: str) -> str:
        """The file that makes a directory a kustomization, "" for none."""
        names = (posixpath.join(folder, name) for name in KUSTOMIZATIONS)
        return next((name for name in names if name in self.entries), "")

    def nearest(self, path: str) -> str | None:
        """The nearest directory above a file that is a kustomization."""
        return next(filter(self.kustomization_in, (*folders_above(path), "")), None)

    def read(self, path: str) -> bytes:
        """The content of a file. Raises Unfollowed for what is none, or is too large."""
        entry = self.entries.get(path)
        content = self._content(entry) if entry and entry.is_file else None
        if content is None:
            raise Unfollowed(f"{path}, which is not a file that can be read")
        return content


def joined(folder: str, path: str) -> str:
    """A path of a kustomization, from the top of the tree."""
    whole = posixpath.normpath(posixpath.join("/" if path.startswith("/") else folder, path))
    return "" if whole == "." else whole


def is_remote(path: str) -> bool:
    """Whether kustomize would fetch it, where no file is called so."""
    return _REMOTE.search(path) is not None


class Patch(NamedTuple):
    """A patch: in a file (`path`) or in the kustomization (`text`), with a target or without."""

    field: str
    path: str
    text: str
    target: Any


class KustomizationFile:
    """The file of a kustomization, read. Raises Unfollowed where it cannot be read."""

    def __init__(self, files: Files, folder: str) -> None:
        self.folder = folder
        path = files.kustomization_in(folder)
        if not path:
            raise Unfollowed(f"{folder or '.'} is not a kustomization")
        try:
            values = values_of(files.read(path))
        except Unreadable as error:
            raise Unfollowed(f"{path}: {error}") from None
        if len(values) > 1 or not all(isinstance(value, dict) for value in values):
            raise Unfollowed(f"{path} is not a kustomization")
        self.value: dict[str, Any] = values[0] if values else {}

    def text(self, field: str) -> str:
        """A field that is a text, "" where it is none."""
        return as_text(self.value.get(field))

    def items(self, field: str) -> list[Any]:
        """A field that is a list, empty where it is none."""
        return as_list(self.value.get(field))

    def texts(self, field: str) -> list[str]:
        """The texts of a list."""
        return [item for item in self.items(field) if isinstance(item, str)]

    def tables(self, field: str) -> list[dict[str, Any]]:
        """The maps of a list."""
        return [item for item in self.items(field) if isinstance(item, dict)]

    def patches(self, field: str) -> Iterator[Patch]:
        """The patches of one of the three fields that have some."""
        for item in self.items(field):
            if isinstance(item, str):
                inline = "\n" in item
                yield Patch(field, "" if inline else item, item if inline else "", None)
            elif isinstance(item, dict):
                path, text = as_text(item.get("path")), as_text(item.get("patch"))
                yield Patch(field, path, text, item.get("target"))

    @property
    def has_targets(self) -> bool:
        """Whether it, or a component that it has, selects resources."""
        return any(self.value.get(field) for field in _SELECTING)

    def stands_on(self) -> list[str]:
        """The paths of its resources and components, from the top of the tree."""
        return [joined(self.folder, path) for field in BELOW for path in self.texts(field)]

    def named(self) -> Iterator[tuple[str, str]]:
        """(field, path) of every file and directory that it names, and of texts in their place."""
        for field in (*BELOW, "crds", "configurations"):
            yield from ((field, path) for path in self.texts(field))
        for field in _PATCHES:
            yield from ((field, patch.path) for patch in self.patches(field))
        for field in ("transformers", "generators", "validators"):
            yield from ((field, path) for path in self.texts(field))
        for item in self.tables("replacements"):
            yield "replacements", as_text(item.get("path"))
        for field in ("configMapGenerator", "secretGenerator"):
            for item in self.tables(field):
                yield from ((field, path) for path in _generated_from(item))
        yield "openapi", as_text(as_map(self.value.get("openapi")).get("path"))
        for chart in self.tables("helmCharts"):
            yield "helmCharts", as_text(chart.get("valuesFile"))


def _generated_from(item: dict[str, Any]) -> Iterator[str]:
    """The files of a generator; of NAME=FILE it is the file."""
    yield as_text(item.get("env"))
    for file in as_list(item.get("files")):
        yield as_text(file).split("=", 1)[-1]
    yield from map(as_text, as_list(item.get("envs")))
