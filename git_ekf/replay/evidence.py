"""What speaks for a commit being there already, in another form; and the same in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from git_ekf.replay.stack import Commit

# Files, and places in one, that are named; a document has all.
_NAMED = 5


class Evidence(NamedTuple):
    """A file of a commit whose lines the vendor has: at `path` here, at `there` in his new state.

    `lines` are the numbers of those that the old vendor lacked, from 1. `vendor` is the vendor's
    commit that brought the first of them; "" where that is not known, or there is none.
    """

    path: str
    there: str
    lines: tuple[int, ...]
    vendor: str

    def __str__(self) -> str:
        """ "apps/a.yaml:3-5,9 (since 5e25f50)", in the vendor's new state."""
        ranges = list(_ranges(self.lines))
        listed = ",".join(ranges[:_NAMED]) + (",…" if len(ranges) > _NAMED else "")
        place = f"{self.there}:{listed}" if listed else self.there
        return f"{place} (since {self.vendor[:7]})" if self.vendor else place


class Superseded(NamedTuple):
    """All that speaks for a commit being there already.

    `files` is empty where content does not. `several`: its change is more than one hunk, so that
    the content is no coincidence. `subject` is the vendor's commit of the same subject, "" for
    none, which is no more than a hint.
    """

    files: tuple[Evidence, ...]
    several: bool
    subject: str

    @property
    def certain(self) -> bool:
        """Whether the commit is superseded; else it is a hint."""
        return bool(self.files) and self.several

    def reason(self) -> str:
        """Why it is left out, in a sentence."""
        telling_first = sorted(self.files, key=lambda file: not file.lines)
        named = ", ".join(str(file) for file in telling_first[:_NAMED])
        more = len(self.files) - _NAMED
        others = f" and {more} more" if more > 0 else ""
        return f"superseded: the vendor has all of it in another form, at {named}{others}"

    def lines(self) -> list[str]:
        """The same in words: that it is superseded, and each hint."""
        said = []
        if self.certain:
            said.append(self.reason())
        elif self.files:
            said.append(f"hint: the vendor has the same hunk, at {self.files[0]}")
        if self.subject:
            said.append(f"hint: the vendor's {self.subject[:7]} has the same subject")
        return said


# Whether a commit that is superseded is to be left out.
Drop = Callable[[Commit, Superseded], bool]


def always(_commit: Commit, _superseded: Superseded) -> bool:
    """Yes, said beforehand."""
    return True


def never(_commit: Commit, _superseded: Superseded) -> bool:
    """No, where nobody can be asked."""
    return False


def _ranges(numbers: Iterable[int]) -> list[str]:
    """ "3-5", "9" for 3, 4, 5, 9."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]
