"""Objects that somebody else has made, one after another: none is held longer than it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from git_ekf.errors import CallFailed
from git_ekf.git.process import Process, as_lines
from git_ekf.git.transfer import dead, stop

# Names at once: a pipe has room for twice as many, whatever is in the other one.
_AHEAD = 60
# To start another git takes as long as to pass over so many bytes.
_LONG = 1 << 20


class ContentQuestions(Process):
    """About what is in objects, read with a limit, and what attributes make of it."""

    def object_reader(self, limit: int) -> ObjectReader:
        """One git that reads objects of at most `limit` bytes, until it is closed."""
        return ObjectReader(self, limit)

    def read_beginnings(self, oids: Iterable[str], limit: int) -> dict[str, bytes]:
        """Object id -> at most `limit` bytes of it.

        Raises ValueError for one that git cannot read, CallFailed where git has died.
        """
        asked = list(oids)
        read = {}
        reader = self.object_reader(limit)
        try:
            found = reader.look_at(asked, beginnings=True)
            for oid, (_, _, content) in zip(asked, found, strict=True):
                if content is None:
                    raise ValueError(f"{oid} cannot be read")
                read[oid] = content
        finally:
            reader.close()
        return read

    def attributes(self, name: str, files: Mapping[str, str], paths: Sequence[str]) -> list[str]:
        """The value of an attribute for each path, as git-check-attr(1) prints it.

        `files` are the .gitattributes (path -> object id) and all that counts: no configuration,
        no work tree and no HEAD. Raises GitFailed where there is a path that git refuses.
        """
        from git_ekf.temporary import temporary  # 4 ms, for a question that few ask

        place = ("--path-format=absolute", "--git-path", "objects")
        hash_name, _, objects = self._text("rev-parse", "--show-object-format", *place).partition(
            "\n"
        )
        with temporary() as folder:
            for directory in ("objects", "refs"):
                os.mkdir(os.path.join(folder, directory))
            _write(os.path.join(folder, "HEAD"), "ref: refs/heads/none\n")
            _write(os.path.join(folder, "config"), _CONFIG.format(hash_name))
            env = {
                "GIT_DIR": folder,
                "GIT_WORK_TREE": folder,
                "GIT_INDEX_FILE": os.path.join(folder, "index"),
                "GIT_OBJECT_DIRECTORY": objects,
                "GIT_ATTR_NOSYSTEM": "1",
            }
            git = self.variant(folder, env, settings=_BY_FILES_ONLY)
            listed = "".join(f"100644 {oid}\t{path}\0" for path, oid in files.items())
            git._run("update-index", "-z", "--index-info", stdin=os.fsencode(listed))
            asked = os.fsencode("".join(f"{path}\0" for path in paths))
            out = git._run("check-attr", "--cached", "--stdin", "-z", name, stdin=asked)
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
        self._git = git
        self._limit = limit
        self._begin()

    def _begin(self) -> None:
        self._process = self._git._start("cat-file", "--batch", stdin=True)
        self._unanswered = 0  # names that it was told

    def read(self, type_: str, names: Sequence[str]) -> Iterator[bytes | None]:
        """The content of objects of one type; None for one that is larger than the limit.

        Raises CallFailed for one that is missing, or of another type, and where git has died.
        """
        for name, found in zip(names, self.look_at(names), strict=True):
            if found[0] != type_:
                raise CallFailed(f"git cat-file cannot read the {type_} {name}")
            yield found[2]

    def look_at(
        self, names: Sequence[str], *, beginnings: bool = False
    ) -> Iterator[tuple[str, int, bytes | None]]:
        """(type, size, content) of objects, of which names have no white space.

        Of one that is larger than the limit there is no content, or its beginning. The type of a
        missing one is "missing". Raises CallFailed where git has died.
        """
        if self._unanswered:  # somebody has not waited for all
            self._begin_again()
        for number in range(len(names)):
            if self._unanswered < _AHEAD:  # git does not wait for the next names
                first = number + self._unanswered
                self._ask(names[first : first + _AHEAD])
            yield self._answer(beginnings=beginnings)

    def each_new_tree(
        self, tips: Iterable[str], globs: Iterable[str] = ("refs/*",)
    ) -> Iterator[tuple[str, bytes | None]]:
        """(object id, content) of each tree that `tips` bring and no ref has, of those of `globs`.

        None for one that is larger than the limit. Those that are missing, of a ref that git will
        refuse, are passed over. Raises CallFailed.
        """
        options = ("--objects", "--no-object-names", "--filter-provided-objects")
        trees = ("--filter=object:type=tree", "--missing=allow-any", "--stdin", "--not")
        known = [f"--glob={glob}" for glob in globs]
        out = self._git._run("rev-list", *options, *trees, *known, stdin=as_lines(tips))
        oids = out.decode().split()
        for oid, (type_, _, content) in zip(oids, self.look_at(oids), strict=True):
            if type_ == "tree":
                yield oid, content

    def _ask(self, names: Sequence[str]) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has ended, and says nothing more
            self._process.stdin.write(as_lines(names))
            self._process.stdin.flush()
        self._unanswered += len(names)

    def _answer(self, *, beginnings: bool) -> tuple[str, int, bytes | None]:
        out = self._process.stdout
        assert out
        words = out.readline().decode().split()
        if not words:
            raise dead(self._process)
        self._unanswered -= 1
        if len(words) == 2:
            return words[1], 0, None
        size = int(words[2])
        content = None
        if size <= self._limit or beginnings:
            content = out.read(min(size, self._limit))
        left = size + 1 - len(content or b"")  # a line end comes behind it
        if left > _LONG:
            self._begin_again()
        elif len(out.read(left)) < left:  # it has died half-way
            raise dead(self._process)
        return words[1], size, content

    def _begin_again(self) -> None:
        self.close()
        self._begin()

    def close(self) -> None:
        """Ends it, whatever it is at."""
        stop(self._process)
