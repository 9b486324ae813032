"""Kustomizations built four times: of old vendor, branch, new vendor and result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from git_ekf.manifests.build import Progress
from git_ekf.manifests.builder import Build, Builder
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


def compare_four(
    command: tuple[str, ...],
    folders: Sequence[str],
    wanted: Sequence[Places],
    progress: Progress,
) -> Customisation:
    """Builds all of it side by side, and compares the fields.

    `folders` are the checkouts of the four, of which two may be the same.
    Raises CallFailed where the builder cannot be started.
    """
    broken: list[tuple[str, list[str]]] = []
    uncompared: list[tuple[str, str]] = []
    known: dict[tuple[str, str, str], Field] = {}
    compared = built = 0
    groups = []
    for one in wanted:
        sides_of = zip(folders, one[1:], strict=True)
        groups.append([(folder, path) for folder, paths in sides_of for path in paths])
    with Builder(command) as builder:
        turns = builder.in_turn(groups)
        paths = progress([one.path for one in wanted])
        for _, one in zip(paths, wanted, strict=True):
            sides = _sides(next(turns), one)
            failure = sides[3].failure
            if failure is not None:
                if sides[1].failure is None and one.branch:
                    broken.append((one.path, failure))
                else:
                    uncompared.append((one.path, "it does not build, nor did it before"))
                continue
            built += 1
            try:
                for field in _compared(sides):
                    item = repr(field.values) if field.path.endswith("[]") else ""
                    known[str(field.resource), field.path + item, field.state] = field
                compared += 1
            except Unreadable as error:
                uncompared.append((one.path, str(error)))
    return Customisation(compared, list(known.values()), broken, uncompared, built=built)


def _sides(builds: Sequence[Build], places: Places) -> list[Build]:
    """The builds of each side as one; where one of them failed it is that."""
    left = iter(builds)
    sides = []
    for paths in places[1:]:
        of_side = list(islice(left, len(paths)))
        failed = [build for build in of_side if build.failure is not None]
        output = b"\n---\n".join(build.output for build in of_side)
        sides.append(failed[0] if failed else Build(output, None))
    return sides


def _compared(sides: Sequence[Build]) -> list[Field]:
    """Raises Unreadable, also where one of the sides does not build."""
    names = ("the old release", "the branch as it was", "the new release")
    for name, side in zip(names, sides, strict=False):
        if side.failure is not None:
            raise Unreadable(f"{name} does not build")
    try:
        return customised(*(side.output for side in sides))
    except Unreadable as error:
        raise Unreadable(f"what is built cannot be read: {error}") from None
