"""A conflict in the content of a file, decided for one side as `git rebase -X` decides it.

With -X git takes one side of each hunk that it would else put between conflict markers
(xdl_fill_merge_buffer in xmerge.c). `git merge-tree` cannot be told so, and `git merge-file` finds
other hunks. So git merges the three files once more, each line behind a space: no line of theirs
can be taken for a marker then, and to the merge it is the same, for it only asks which lines are
equal.
"""

from __future__ import annotations

import os
from collections import Counter
from io import BytesIO
from typing import NamedTuple

from git_ekf.git.objects import Objects
from git_ekf.git.trees import Entry
from git_ekf.replay.merging import is_binary, merge, merged_mode
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import LOCAL


class Favoured(NamedTuple):
    """The file as it becomes, and the lines of the other side that it lacks, without line ends."""

    entry: Entry
    lost: tuple[bytes, ...] = ()


class Favour:
    """Merges of single files in which one side wins where the two conflict."""

    def __init__(self, scratch: Scratch) -> None:
        # Apart, for what is merged here is to be written nowhere else.
        folder = os.path.join(scratch.folder, "favour")
        self._objects = Objects(folder, scratch.object_format)
        self._merging = scratch.merging.variant(env={"GIT_OBJECT_DIRECTORY": folder})
        self._git = scratch.writing

    def merge(
        self, path: str, base: Entry | None, ours: Entry, theirs: Entry, side: str
    ) -> Favoured | None:
        """The file with both sides' changes, and one side's where they conflict.

        `ours` is the vendor's, `theirs` the commit's. Of a binary file or a symbolic link it is
        that side's. None where -X leaves a conflict too: of modes, or of the user's own merge
        driver. Raises GitFailed.
        """
        mode = merged_mode(base, ours, theirs)
        if not mode or not _alike(ours, theirs):
            return None
        whole = Favoured(Entry(mode, theirs.oid if side == LOCAL else ours.oid))
        if mode == "120000":
            return whole
        driver = self._driver(path)
        if driver not in ("text", "binary"):
            return None
        contents = [self._git.blob(entry.oid) if entry else b"" for entry in (base, ours, theirs)]
        if driver == "binary" or any(map(is_binary, contents)):
            return whole
        content = bytearray()
        lost: list[bytes] = []
        for part in _parts(self._marked(path, contents), contents):
            taken, left = part[::-1] if side == LOCAL else part
            content += taken
            lost += lacking(left, taken)
        return Favoured(Entry(mode, self._git.write_blob(bytes(content))), tuple(lost))

    def _driver(self, path: str) -> str:
        """The merge driver of git's own (text, binary or union); "" for one of the user's.

        As find_ll_merge_driver (ll-merge.c) looks for it.
        """
        name = self._merging.set_attributes(path, ["merge"]).get("merge")
        if name in ("set", "unset"):
            return "text" if name == "set" else "binary"
        settings = [pair for pair in self._merging.config_pairs() if pair[0].startswith("merge.")]
        if name is None:
            name = dict(settings).get("merge.default", "text")
        if any(key.startswith(f"merge.{name}.") for key, _ in settings):
            return ""
        return name if name in ("binary", "union") else "text"

    def _marked(self, path: str, contents: list[bytes]) -> bytes:
        """What git's merge makes of base, ours and theirs, each line behind a space."""
        objects = self._objects
        trees = []
        for content in contents:
            blob = objects.blob(b"".join(b" " + line for line in BytesIO(content)))
            trees.append(objects.tree({path: Entry("100644", blob)}))
        root = objects.commit(trees[0])
        heads = [objects.commit(tree, root) for tree in trees[1:]]
        objects.write()
        return self._merging.blob(f"{merge(self._merging, *heads).tree}:{path}")


def _alike(one: Entry, other: Entry) -> bool:
    """Whether both are files, or both are symbolic links."""
    return (one.is_file and other.is_file) or one.mode == other.mode == "120000"


def _parts(marked: bytes, contents: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The parts of a merge that has a space before each line of content: (ours, theirs).

    The two are the same where nothing is in conflict.
    """
    parts = [(bytearray(), bytearray())]
    into: tuple[bytearray, ...] = parts[-1]
    end = b""  # of the line of a marker
    for line in BytesIO(marked):
        match line[:1]:
            case b" ":
                for side in into:
                    side += line[1:]
            case b"|":  # the base, with merge.conflictStyle
                into = ()
            case b"=":  # the one marker without a name behind it
                end = line.lstrip(b"=")
                into = parts[-1][1:]
            case sign:
                parts.append((bytearray(), bytearray()))
                into = parts[-1][:1] if sign == b"<" else parts[-1]
    if len(parts) > 1 and not parts[-1][0]:
        # Before a marker git adds a line end to a last line without one, like the marker's own.
        for side, content in zip(parts[-2], contents[1:], strict=True):
            if not content.endswith(b"\n") and side:
                del side[-len(end) :]
    return [(bytes(ours), bytes(theirs)) for ours, theirs in parts]


def lacking(lines: bytes, others: bytes) -> list[bytes]:
    """The lines that are not among the others, without line ends, as often as they lack there."""
    if lines == others:
        return []
    known = Counter(_bare(line) for line in BytesIO(others))
    found = [_bare(line) for line in BytesIO(lines)]
    missing = []
    for line in found:
        if known[line] > 0:
            known[line] -= 1
        else:
            missing.append(line)
    return missing


def _bare(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")
