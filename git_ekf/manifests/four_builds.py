"""Kustomizations built four times: of old vendor, branch, new vendor and result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import NamedTuple

from git_ekf.manifests.build import Progress
from git_ekf.manifests.builder import AHEAD, Build, Builder, finished
from git_ekf.manifests.customised import CHANGED, KEPT, LOST, OWN, Field, customised
from git_ekf.manifests.resources import Unreadable


class Places(NamedTuple):
    """A kustomization of the result, and the directories that are built for it on each side.

    On a vendor's side, where it is none of the vendor's, these are the vendor's kustomizations that
    it stands on.
    """

    path: str
    old_vendor: tuple[str, ...]
    branch: tuple[str, ...]
    new_vendor: tuple[str, ...]
    result: tuple[str, ...]


class Customisation(NamedTuple):
    """The customised fields of all kustomizations, each once.

    `broken` built before and do not now, with the builder's last words; `uncompared` have another
    side that did not build or cannot be read, with the reason. `note` says why nothing was built,
    `built` counts those that build now.
    """

    compared: int
    fields: list[Field]
    broken: list[tuple[str, list[str]]]
    uncompared: list[tuple[str, str]]
    note: str = ""
    built: int = 0

    @property
    def lost(self) -> list[Field]:
        """The fields that are lost."""
        return [field for field in self.fields if field.state == LOST]

    @property
    def fine(self) -> bool:
        """Whether nothing is lost or broken."""
        return not (self.lost or self.broken)

    def counts(self) -> dict[str, int]:
        """How many fields have each state."""
        states = [field.state for field in self.fields]
        return {state: states.count(state) for state in (KEPT, CHANGED, OWN, LOST)}


class _Started:
    """The builds, each directory of each tree once. `trees` are ids, `folders` the checkouts.

    Each may have printed hundreds of megabytes: no more are begun than a few ahead of the one that
    is looked at, and none is held any longer than it is needed.
    """

    def __init__(
        self,
        builder: Builder,
        folders: Sequence[str],
        trees: Sequence[str],
        wanted: Sequence[Places],
    ) -> None:
        self._builder = builder
        self._sides = list(zip(folders, trees, strict=True))
        self._builds: dict[tuple[str, str], Future[Build]] = {}
        self._uses = Counter(one for places in wanted for one in self._of(places))
        self._waiting = iter(wanted)
        self._start(AHEAD)

    def _of(self, one: Places) -> Iterator[tuple[str, str]]:
        """What is built for one of them: trees and directories."""
        for (_, tree), paths in zip(self._sides, one[1:], strict=True):
            for path in paths:
                yield tree, path

    def _start(self, number: int) -> None:
        folders = {tree: folder for folder, tree in self._sides}
        for one in islice(self._waiting, number):
            for tree, path in self._of(one):
                if (tree, path) not in self._builds:
                    self._builds[tree, path] = self._builder.start(folders[tree], path)

    def finished(self, one: Places) -> list[Build]:
        """The four builds of the next of them. Raises CallFailed."""
        sides = []
        for (_, tree), paths in zip(self._sides, one[1:], strict=True):
            builds = [finished(self._builds[tree, path]) for path in paths]
            failed = [build for build in builds if build.failure is not None]
            outputs = (build.output for build in builds)
            sides.append(failed[0] if failed else Build(b"\n---\n".join(outputs), None))
        for built in self._of(one):
            self._uses[built] -= 1
            if not self._uses[built]:
                del self._builds[built]
        self._start(1)
        return sides


def compare_four(
    command: tuple[str, ...],
    folders: Sequence[str],
    trees: Sequence[str],
    wanted: Sequence[Places],
    progress: Progress,
) -> Customisation:
    """Builds all of it side by side, and compares the fields.

    `folders` are the checkouts of the four, `trees` the ids by which two of them are the same.
    Raises CallFailed where the builder cannot be started.
    """
    result = Customisation(0, [], [], [])
    known: dict[tuple[str, str, str], Field] = {}
    compared = built = 0
    with Builder(command) as builder:
        started = _Started(builder, folders, trees, wanted)
        for one in progress(wanted, [one.path for one in wanted]):
            sides = started.finished(one)
            failure = sides[3].failure
            if failure is not None:
                if sides[1].failure is None and one.branch:
                    result.broken.append((one.path, failure))
                else:
                    result.uncompared.append((one.path, "it does not build, nor did it before"))
                continue
            built += 1
            try:
                for field in _compared(sides):
                    item = repr(field.values) if field.path.endswith("[]") else ""
                    known[str(field.resource), field.path + item, field.state] = field
                compared += 1
            except Unreadable as error:
                result.uncompared.append((one.path, str(error)))
    return result._replace(compared=compared, fields=list(known.values()), built=built)


def _compared(sides: Sequence[Build]) -> list[Field]:
    """Raises Unreadable, also where one of the sides does not build."""
    names = ("the old release", "the branch as it was", "the new release")
    for name, side in zip(names, sides, strict=False):
        if side.failure is not None:
            raise Unreadable(f"{name} does not build")
    old_vendor, branch, new_vendor, result = (side.output for side in sides)
    try:
        return customised(old_vendor, branch, new_vendor, result)
    except Unreadable as error:
        raise Unreadable(f"what is built cannot be read: {error}") from None
