"""What a comparison with the live cluster prints, read piece by piece: kubectl diff's format.

kubectl writes each object as the cluster has it, and as it would be, to a file of its own, called
GROUP.VERSION.KIND.NAMESPACE.NAME, and runs `diff -u -N` on the two directories
(https://kubernetes.io/docs/reference/kubectl/generated/kubectl_diff/).
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

# Bytes of a comparison that are read; what comes behind them is counted.
READ = 16 << 20
# Bytes of a line that are read: the rest is cut off.
LINE = 64 << 10
# Bytes of text that are kept of all paths together.
TEXT = 32 << 20
# Bytes of a header that are read: two paths, with names of objects, which have 253 at most.
_HEADER = 4096
# Resources that are named; further ones are counted.
NAMED = 1000

CHANGED, MISSING, EXTRA = "changed", "missing", "extra"

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
# Also in JSON, and in JSON within a text.
_SECRET = re.compile(rb"""\bkind\\*["']?\s*:\s*\\*["']?Secret(?:List)?\b""", re.IGNORECASE)
_SECRETS = ("secret", "secrets", "secretlist")


class LiveResource(NamedTuple):
    """A resource as the header of a difference names it.

    `kind` is "" where the header is not kubectl's; `name` is then all that it says.
    """

    group: str = ""
    version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        kind = f"{self.group}/{self.kind}" if self.group else self.kind
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{kind} {name}".lstrip()


def live_resource(file: str) -> LiveResource:
    """The resource that a file of kubectl's is called after.

    A kind begins with a capital letter, and is the first part that does: groups and versions are in
    lower case. A namespace has no dot, a name may.
    """
    parts = file.split(".")
    for at, part in enumerate(parts[:-2]):
        if at and part[:1].isascii() and part[:1].isupper():
            group, version = ".".join(parts[: at - 1]), parts[at - 1]
            return LiveResource(group, version, part, parts[at + 1], ".".join(parts[at + 2 :]))
    return LiveResource(name=file)


class LiveDifference:
    """A resource that is not in the cluster as the record has it.

    `change` is missing where the cluster lacks it, extra where the record does, else changed.
    `text` are the hunks, kept only where they may be shown; `hidden` says that they may not, and
    `is_cut` that there are more.
    """

    def __init__(self, resource: LiveResource) -> None:
        self.resource = resource
        self.change = CHANGED
        # Of what may be a Secret, too: where the header is not kubectl's.
        self.hidden = resource.kind.lower() in ("", *_SECRETS)
        self.is_cut = False
        self.text = bytearray()


class LiveText:
    """Takes what a tool prints, and keeps at most `room` bytes of the text.

    `found` are the resources, `more` counts those that are not named, `nameless` the lines that
    stand under no resource, and `unread` the bytes beyond the limit of what is read.
    """

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.found: list[LiveDifference] = []
        self.more = 0
        self.nameless = 0
        self.unread = 0
        self._read = 0
        self._rest = b""
        self._is_cut = False  # what comes up to the next line end is the rest of a long line
        self._section: LiveDifference | None = None
        self._is_fresh = False  # no hunk of the section has come yet
        self._left = [0, 0]  # lines of the hunk still to come: of the cluster's side, of the other

    @property
    def is_empty(self) -> bool:
        """Whether the tool printed nothing."""
        return not self._read

    def take(self, part: bytes) -> None:
        """The next piece of the output."""
        room = READ - self._read
        self.unread += max(0, len(part) - room)
        part = part[:room]
        self._read += len(part)
        *lines, rest = (self._rest + part).split(b"\n")
        for line in lines:
            if not self._is_cut:
                self._line(line[:LINE])
            self._is_cut = False
        if self._is_cut:
            rest = b""
        elif len(rest) > LINE:
            self._line(rest[:LINE])
            rest, self._is_cut = b"", True
        self._rest = rest

    def end(self) -> None:
        """There is no more: a last line may lack its end."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        if self._left != [0, 0] and self._is_of_hunk(line):
            self._keep(line)
            return
        hunk = _HUNK.match(line)
        if line.startswith(b"diff "):
            self._begin(line, _last_word)
        elif line.startswith((b"--- ", b"+++ ")):
            # Some programs print no line with the command before these two.
            if self._section is None or not self._is_fresh:
                self._begin(line, _file)
        elif hunk and self._section:
            self._begin_hunk(self._section, hunk)
            self._keep(line)
        elif line.startswith(b"\\ ") and self._section and not self._is_fresh:
            self._keep(line)  # \ No newline at end of file
        elif line.strip():
            self.nameless += 1

    def _is_of_hunk(self, line: bytes) -> bool:
        """Whether it is a line that the hunk has room for, which is then one less.

        So no text of an object is taken for a header, whatever it says.
        """
        sign = line[:1] or b" "  # an empty line of context may lack its blank
        if sign not in (b" ", b"-", b"+", b"\\"):
            self._left = [0, 0]
            return False
        if sign in b" -":
            self._left[0] = max(0, self._left[0] - 1)
        if sign in b" +":
            self._left[1] = max(0, self._left[1] - 1)
        return True

    def _begin(self, line: bytes, file_of: Callable[[bytes], str]) -> None:
        self._is_fresh = True
        self._left = [0, 0]
        if len(self.found) == NAMED:
            self.more += 1
            self._section = LiveDifference(LiveResource())
            return
        name = posixpath.basename(file_of(line[:_HEADER]))
        self._section = LiveDifference(live_resource(name))
        self.found.append(self._section)

    def _begin_hunk(self, section: LiveDifference, hunk: re.Match[bytes]) -> None:
        old_lines, new_lines = int(hunk[2] or 1), int(hunk[4] or 1)
        if self._is_fresh and not old_lines and hunk[1] == b"0":
            section.change = MISSING
        elif self._is_fresh and not new_lines and hunk[3] == b"0":
            section.change = EXTRA
        self._is_fresh = False
        self._left = [old_lines, new_lines]

    def _keep(self, line: bytes) -> None:
        section = self._section
        if section is None or section.hidden:
            return
        if _SECRET.search(line):
            section.hidden = True
            section.text.clear()
        elif len(line) < self.room:
            self.room -= len(line) + 1
            section.text += line + b"\n"
        else:
            section.is_cut = True


def _last_word(line: bytes) -> str:
    """The last word of a line that says which command was run, as diff quotes it for a shell."""
    text = os.fsdecode(line)
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return words[-1]


def _file(line: bytes) -> str:
    """The file that a line of a header names: what stands before a tab, in quotes where needed."""
    return os.fsdecode(line[4:].split(b"\t")[0]).strip().strip('"')
