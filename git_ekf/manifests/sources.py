"""The files of one tree, and a kustomization read from them. No repository, no processes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from git_ekf.git.trees import Entry
from git_ekf.manifests.resources import Unreadable, documents, load
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.names import KUSTOMIZATIONS

_REMOTE = re.compile(r"://|^git@|^git::|^github\.com[/:]|\?ref=|[?&]version=|\.git(?:/|$)")

_SELECTING = (
    *("components", "patches", "patchesStrategicMerge", "patchesJson6902"),
    *("images", "replicas", "replacements"),
)


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
        self._has_folder = has_folder or _folders(entries).__contains__

    def what_is(self, path: str) -> str:
        """The kind of thing at a path: file, folder, nothing, or unfollowed.

        That is a link, a submodule, or outside of the repository.
        """
        if path == ".." or path.startswith(("../", "/")):
            return "unfollowed"
        if self._has_folder(path):
            return "folder"
        entry = self.entries.get(path)
        if entry:
            return "file" if entry.is_file else "unfollowed"
        above = posixpath.dirname(path)
        while above:
            entry = self.entries.get(above)
            if entry:
                return "nothing" if entry.is_file else "unfollowed"
            above = posixpath.dirname(above)
        return "nothing"

    def kustomization_in(self, folder: str) -> str:
        """The file that makes a directory a kustomization, "" for none."""
        names = (posixpath.join(folder, name) for name in KUSTOMIZATIONS)
        return next((name for name in names if name in self.entries), "")

    def nearest(self, path: str) -> str | None:
        """The nearest directory above a file that is a kustomization."""
        folder = posixpath.dirname(path)
        while not self.kustomization_in(folder):
            if not folder:
                return None
            folder = posixpath.dirname(folder)
        return folder

    def read(self, path: str) -> bytes:
        """The content of a file. Raises Unfollowed for what is none, or is too large."""
        entry = self.entries.get(path)
        content = self._content(entry) if entry and entry.is_file else None
        if content is None:
            raise Unfollowed(f"{path}, which is not a file that can be read")
        return content


def _folders(entries: Iterable[str]) -> set[str]:
    folders = {""}
    for path in entries:
        folder = posixpath.dirname(path)
        while folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return folders


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
            values: list[Any] = []
            for document in documents(files.read(path)):
                values += [value for value in load(document) if value is not None]
        except Unreadable as error:
            raise Unfollowed(f"{path}: {error}") from None
        if len(values) > 1 or not all(isinstance(value, dict) for value in values):
            raise Unfollowed(f"{path} is not a kustomization")
        self.value: dict[str, Any] = values[0] if values else {}

    def text(self, field: str) -> str:
        """A field that is a text, "" where it is none."""
        value = self.value.get(field)
        return value if isinstance(value, str) else ""

    def items(self, field: str) -> list[Any]:
        """A field that is a list, empty where it is none."""
        value = self.value.get(field)
        return value if isinstance(value, list) else []

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
                path, text = item.get("path"), item.get("patch")
                path = path if isinstance(path, str) else ""
                yield Patch(field, path, text if isinstance(text, str) else "", item.get("target"))

    @property
    def has_targets(self) -> bool:
        """Whether it, or a component that it has, selects resources."""
        return any(self.value.get(field) for field in _SELECTING)

    def named(self) -> Iterator[tuple[str, str]]:
        """(field, path) of every file and directory that it names."""
        for field in ("resources", "bases", "components", "crds", "configurations"):
            for path in self.texts(field):
                yield field, path
        for field in ("patches", "patchesStrategicMerge", "patchesJson6902"):
            for patch in self.patches(field):
                if patch.path:
                    yield field, patch.path
        for field in ("transformers", "generators", "validators"):
            for path in self.texts(field):
                if "\n" not in path:
                    yield field, path
        for item in self.tables("replacements"):
            if isinstance(item.get("path"), str):
                yield "replacements", item["path"]
        for field in ("configMapGenerator", "secretGenerator"):
            for item in self.tables(field):
                yield from _generated_from(field, item)
        openapi = self.value.get("openapi")
        if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
            yield "openapi", openapi["path"]
        for chart in self.tables("helmCharts"):
            if isinstance(chart.get("valuesFile"), str):
                yield "helmCharts", chart["valuesFile"]


def _generated_from(field: str, item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(item.get("env"), str):
        yield field, item["env"]
    for key in ("files", "envs"):
        values = item.get(key)
        for value in values if isinstance(values, list) else ():
            if isinstance(value, str):
                yield field, value.split("=", 1)[1] if key == "files" and "=" in value else value
