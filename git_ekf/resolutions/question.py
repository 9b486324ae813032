"""What a resolution answers: a file in conflict, by all that git's merge goes by."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from git_ekf.git.trees import Entry

# The attributes that bear on the merge of a file, or on its markers (gitattributes(5)).
ATTRIBUTES = ("merge", "conflict-marker-size", "text", "eol", "working-tree-encoding")


class Question(NamedTuple):
    """A file that three sides have: base, ours (the new base) and theirs (the commit).

    `attributes` are (name, value) of those of ATTRIBUTES that are set, in their order.
    """

    path: str
    base: Entry
    ours: Entry
    theirs: Entry
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The name that it has in every repository: 64 hexadecimal digits."""
        import hashlib  # 10 ms, which only conflicts need

        words = [self.path]
        words += [f"{entry.mode} {entry.oid}" for entry in (self.base, self.ours, self.theirs)]
        words += [f"{name}={value}" for name, value in self.attributes]
        return hashlib.sha256(os.fsencode("\0".join(["resolution 1", *words]))).hexdigest()

    def asked_with(self, attributes: dict[str, str]) -> Question:
        """The question with these attributes of the path (name -> value)."""
        named = tuple((name, attributes[name]) for name in ATTRIBUTES if name in attributes)
        return self._replace(attributes=named)


def question_of(
    path: str, stages: dict[int, Entry], changed: set[tuple[str, Entry | None, Entry | None]]
) -> Question | None:
    """The question of a path in conflict, its attributes left out.

    `changed` is what the commits change: (path, from, to). None for a path that only more than
    these can express: whose three sides are not all plain files, or that git has found by a rename,
    where the commit itself did not change this path from the base to theirs.
    """
    if set(stages) != {1, 2, 3} or not all(entry.is_file for entry in stages.values()):
        return None
    base, ours, theirs = (stages[number] for number in (1, 2, 3))
    if (path, base, theirs) not in changed:
        return None
    return Question(path, base, ours, theirs)


def question_from(words: list[Any]) -> Question:
    """The question that was kept as a list of lists. Raises ValueError, TypeError."""
    path, base, ours, theirs, attributes = words
    named = tuple((str(name), str(value)) for name, value in attributes)
    return Question(str(path), Entry(*base), Entry(*ours), Entry(*theirs), named)
