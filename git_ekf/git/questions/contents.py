"""Objects that somebody else has made, one after another: none is held longer than it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from subprocess import Popen

from git_ekf.errors import CallFailed
from git_ekf.git.process import Process, as_lines
from git_ekf.git.transfer import dead, stop

# Names at once: a pipe has room for them, whatever is in the other one.
_AT_ONCE = 100


class ContentQuestions(Process):
    """About what is in objects, read with a limit, and what attributes make of it."""

    def object_reader(self, limit: int) -> ObjectReader:
        """One git that reads objects of at most `limit` bytes, until it is closed."""
        return ObjectReader(self, limit)

    def read_beginnings(self, oids: Iterable[str], limit: int) -> dict[str, bytes]:
        """Object id -> at most `limit` bytes of it.

        Raises ValueError for one that git cannot read, GitFailed where git has died.
        """
        reading = self._start("cat-file", "--batch", stdin=True)
        asked = list(oids)
        read = {}
        for first in range(0, len(asked), _AT_ONCE):
            some = asked[first : first + _AT_ONCE]
            _ask(reading, some)
            for oid in some:
                found = _read_object(reading, limit, beginning=True)
                if found is None:
                    raise dead(reading)
                if found[2] is None:
                    stop(reading)
                    raise ValueError(f"{oid} cannot be read")
                read[oid] = found[2]
        self._finish(reading, stdin=b"")
        return read

    def each_new_tree(
        self, tips: Iterable[str], limit: int, globs: Iterable[str] = ("refs/*",)
    ) -> Iterator[tuple[str, bytes | None]]:
        """(object id, content) of each tree that `tips` bring and no ref has, of those of `globs`.

        None for one of more than `limit` bytes. Those that are missing, of a ref that git will
        refuse, are passed over. Raises GitFailed.
        """
        options = ("--objects", "--no-object-names", "--filter-provided-objects")
        trees = ("--filter=object:type=tree", "--missing=allow-any", "--stdin", "--not")
        known = [f"--glob={glob}" for glob in globs]
        listing = self._start("rev-list", *options, *trees, *known, stdin=True)
        assert listing.stdin
        assert listing.stdout
        with suppress(BrokenPipeError), listing.stdin:  # it has ended, and its code says why
            listing.stdin.write(as_lines(tips))
        listing.stdin = None
        reading = self._start("cat-file", "--batch", "--buffer", stdin=listing.stdout)
        try:
            while (found := _read_object(reading, limit)) is not None:
                if found[1] == "tree":
                    yield found[0], found[2]
            self._finish(reading)  # it may have died, and have passed over the others
            self._finish(listing)
        except BaseException:
            stop(reading)
            stop(listing)
            raise

    def attributes(self, name: str, files: Mapping[str, str], paths: Sequence[str]) -> list[str]:
        """The value of an attribute for each path, as git-check-attr(1) prints it.

        `files` are the .gitattributes (path -> object id) and all that counts: no configuration,
        no work tree and no HEAD. Raises GitFailed where there is a path that git refuses.
        """
        from git_ekf.temporary import temporary  # 4 ms, for a question that few ask

        objects = os.environ.get("GIT_OBJECT_DIRECTORY") or self._text(
            "rev-parse", "--git-path", "objects"
        )
        with temporary() as folder:
            for directory in ("objects", "refs"):
                os.mkdir(os.path.join(folder, directory))
            _write(os.path.join(folder, "HEAD"), "ref: refs/heads/none\n")
            hash_name = self._text("rev-parse", "--show-object-format")
            _write(os.path.join(folder, "config"), _CONFIG.format(hash_name))
            env = {
                "GIT_DIR": folder,
                "GIT_WORK_TREE": folder,
                "GIT_INDEX_FILE": os.path.join(folder, "index"),
                "GIT_OBJECT_DIRECTORY": os.path.abspath(os.path.join(self.cwd or "", objects)),
                "GIT_ATTR_NOSYSTEM": "1",
            }
            git = self.variant(folder, env, settings=_BY_FILES_ONLY)
            listed = "".join(f"100644 {oid}\t{path}\0" for path, oid in files.items())
            git._run("update-index", "-z", "--index-info", stdin=os.fsencode(listed))
            asked = os.fsencode("".join(f"{path}\0" for path in paths))
            out = git._run("check-attr", "--cached", "--stdin", "-z", name, stdin=asked)[1]
        return os.fsdecode(out).split("\0")[2::3]


_CONFIG = """[core]
\trepositoryformatversion = 1
[extensions]
\tobjectFormat = {}
"""

# A name that is .git to some file system may be in a tree that is looked at all the same.
_BY_FILES_ONLY = (
    f"core.attributesFile={os.devnull}",
    "core.protectNTFS=false",
    "core.protectHFS=false",
)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class ObjectReader:
    """A `git cat-file --batch` under way."""

    def __init__(self, git: Process, limit: int) -> None:
        self._process = git._start("cat-file", "--batch", stdin=True)
        self._limit = limit

    def read(self, type_: str, names: Sequence[str]) -> Iterator[bytes | None]:
        """The content of objects of one type; None for one that is larger than the limit.

        Raises CallFailed for one that is missing, or of another type, and where git has died.
        """
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            _ask(self._process, some)
            for name in some:
                found = _read_object(self._process, self._limit)
                if found is None:
                    raise dead(self._process)
                if found[1] != type_:
                    raise CallFailed(f"git cat-file cannot read the {type_} {name}")
                yield found[2]

    def close(self) -> None:
        """Ends it, whatever it is at."""
        stop(self._process)


def _ask(process: Popen[bytes], names: Sequence[str]) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):  # it has ended, and says nothing more
        process.stdin.write(as_lines(names))
        process.stdin.flush()


def _read_object(
    process: Popen[bytes], limit: int, *, beginning: bool = False
) -> tuple[str, str, bytes | None] | None:
    """(name, type, content) of the next one; None at the end, "missing" for the type of such one.

    Of one that is larger than the limit there is no content, or its `beginning`. The names asked
    for are without white space.
    """
    out = process.stdout
    assert out
    words = out.readline().decode().split()
    if len(words) < 3:
        return (words[0], words[1], None) if words else None
    size = int(words[2])
    content = None
    if size <= limit or beginning:
        content = out.read(min(size, limit))
    left = size + 1 - len(content or b"")  # a line end comes behind it
    while left and (part := out.read(min(left, 1 << 16))):
        left -= len(part)
    if left:  # it has died half-way
        raise dead(process)
    return words[0], words[1], content
