"""Objects: what they are, what is in them, and new ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import NamedTuple

from git_ekf.errors import GitFailed
from git_ekf.git.process import Process, as_lines
from git_ekf.git.transfer import dead

# git-cat-file(1), --follow-symlinks
_NOT_FOLLOWED = (b"symlink", b"dangling", b"loop", b"notdir")


class ObjectInfo(NamedTuple):
    """An object's id, its type (commit, tree, blob or tag) and its size in bytes."""

    oid: str
    type: str
    size: int


class GitObject:
    """An object in full."""

    __slots__ = ("content", "type")

    def __init__(self, type_: str, content: bytes) -> None:
        self.type = type_
        self.content = content


class ObjectQuestions(Process):
    """About objects."""

    def ref_value(self, ref: str) -> str:
        """The object id that a ref (or any revision) names; "" when there is no such thing."""
        question = ("rev-parse", "--verify", "--quiet", "--end-of-options", ref)
        return self._word_or_none(*question, ok=(0, 1, 128)) or ""

    def commit(self, revision: str) -> str | None:
        """The full id of the commit that a revision names, None when it names none."""
        return self.ref_value(revision + "^{commit}") or None

    def tree_of(self, commit: str) -> str:
        """The id of a commit's tree. Raises GitFailed."""
        return self._text("rev-parse", f"{commit}^{{tree}}")

    def write_tag(self, content: bytes) -> str:
        """The id of a new tag object (git-mktag(1)). Raises GitFailed where it is none."""
        return self._text("mktag", stdin=content)

    def object_infos(self, names: Iterable[str]) -> list[ObjectInfo | None]:
        """Of each object, by any name without a line end, what it is; None for a missing one."""
        asked = as_lines(names)
        if not asked:
            return []
        question = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
        return [_parse_info(line) for line in self._lines("cat-file", question, stdin=asked)]

    def require_connected(self, oids: Iterable[str]) -> None:
        """Raises GitFailed where something that objects lead to is missing, and no ref has it."""
        # What a partial clone has left with its remote is not missing.
        options = ("--objects", "--exclude-promisor-objects", "--quiet", "--stdin", "--not")
        self._run("rev-list", *options, "--all", stdin=as_lines(oids))

    def whole(self, oids: Iterable[str]) -> set[str]:
        """Those of the objects that are here, if all that they lead to is; otherwise none of them.

        git writes what it fetches one by one: of a fetch that a full disk ended some is here.
        """
        found = {info.oid for info in self.object_infos(oids) if info}
        try:
            self.require_connected(found)
        except GitFailed:
            return set()
        return found

    def objects_at(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Of each TREE:PATH, id and type of the object that is there; "" both where there is none.

        Links are followed inside the tree; of one that leads out of it there is none.
        """
        asked = as_lines(names)
        if not asked:
            return []
        question = ("--batch-check=%(objectname) %(objecttype)", "--follow-symlinks")
        out = self._run("cat-file", *question, stdin=asked)
        found: list[tuple[str, str]] = []
        lines = BytesIO(out)
        for line in lines:
            words = line.removesuffix(b"\n").split(b" ")
            if words[0] in _NOT_FOLLOWED:  # the target of the link comes behind it
                lines.read(int(words[1]) + 1)
            is_there = len(words) == 2 and words[1] in (b"blob", b"tree", b"commit")
            found.append((words[0].decode(), words[1].decode()) if is_there else ("", ""))
        return found

    def read_objects(self, oids: Iterable[str]) -> list[GitObject | None]:
        """Objects in full; None for one that is missing."""
        asked = as_lines(oids)
        out = BytesIO(self._run("cat-file", "--batch", stdin=asked) if asked else b"")
        found: list[GitObject | None] = []
        for line in out:
            info = _parse_info(os.fsdecode(line.removesuffix(b"\n")))
            if info is None:
                found.append(None)
            else:
                found.append(GitObject(info.type, out.read(info.size)))
                out.read(1)  # a line end comes behind it
        return found

    def id_reader(self) -> IdReader:
        """One git that answers many questions for the ids of objects, one after another."""
        return IdReader(self)

    # --- blobs ---

    def blob(self, name: str) -> bytes:
        """A blob's content. Raises GitFailed where the name names none."""
        return self._run("cat-file", "blob", name)

    def find_blob(self, name: str) -> bytes | None:
        """A blob's content; None where the name names none."""
        return self._run_or_none("cat-file", "blob", name, ok=(0, 128))

    def write_blob(self, content: bytes) -> str:
        """Writes a blob, which no ref names yet. Its id."""
        return self._text("hash-object", "-w", "--stdin", stdin=content)

    def blob_id_of_file(self, path: str) -> str:
        """The id of the blob that git would make of a file, by its filters and attributes."""
        return self._text("hash-object", "--", path)

    def empty_tree(self) -> str:
        """The id of the tree without entries."""
        return self._text("hash-object", "-t", "tree", "--stdin", stdin=b"")

    # --- commits and tags ---

    def commit_tree(
        self,
        tree: str,
        parent: str,
        message: bytes,
        *,
        sign: bool = False,
        author: Mapping[str, str] | None = None,
    ) -> str:
        """Makes a commit of a tree (or of another commit's) on a `parent`, "" for none. Its id.

        Raises GitFailed. `author` has GIT_AUTHOR_NAME and the like; it is the user without that.
        """
        options = ["-S"] if sign else []
        if parent:
            options += ["-p", parent]
        tree_of = f"{tree}^{{tree}}"
        return self.variant(env=author)._text(
            "commit-tree", *options, "-F", "-", tree_of, stdin=message
        )

    def make_tag(self, name: str, commit: str, message: bytes, *, sign: bool) -> None:
        """Makes an annotated tag with the message as it is. Raises GitFailed."""
        kind = "-s" if sign else "-a"
        options = (kind, "--cleanup=verbatim", "-F", "-")
        self._run("tag", *options, "--", name, commit, stdin=message)

    def tag(self, oid: str) -> bytes:
        """A tag object as git stores it. Raises GitFailed where it is none."""
        return self._run("cat-file", "tag", oid)

    # --- signatures ---

    def well_signed_commits(self, commits: list[str]) -> set[str]:
        """Those of some commits whose signature git finds good and trusted."""
        if not commits:
            return set()
        options = ("--no-walk=unsorted", "--no-show-signature", "--format=%G?%H", "--stdin")
        lines = self._run("log", *options, stdin=as_lines(commits), ok=(0, 1)).decode()
        return {line[1:] for line in lines.split("\n") if line.startswith("G")}

    def well_signed_tags(self, oids: list[str]) -> set[str]:
        """Those of some tag objects whose signature git finds good and trusted."""
        good: set[str] = set()
        for first in range(0, len(oids), _AT_ONCE):
            some = oids[first : first + _AT_ONCE]
            out = self._run("verify-tag", "--format=%(objectname)", *some, ok=(0, 1))
            good.update(out.decode().split())
        return good


# Tags whose ids a command line has room for.
_AT_ONCE = 500

# Bytes of names asked for before the answers are read: more than fit into a pipe would wait for
# each other.
_PIPE = 1 << 14  # the smallest that a system has
_ANSWER = 90  # what an answer can have beyond the name


class IdReader:
    """A `git cat-file --batch-check` under way."""

    def __init__(self, git: ObjectQuestions) -> None:
        self._git = git
        self._process = git._start("cat-file", "--batch-check=%(objectname)", stdin=True)

    def ids(self, names: list[str]) -> list[str]:
        """The object ids of names such as TREE:PATH, "" for one that does not exist."""
        asked = iter(self._batch([name for name in names if "\n" not in name]))
        found = []
        for name in names:
            found.append(self._git.ref_value(name) if "\n" in name else next(asked))
        return found

    def _batch(self, names: list[str]) -> list[str]:
        """The same for names without a line end."""
        process = self._process
        assert process.stdin
        assert process.stdout
        found: list[str] = []
        for chunk in _chunks(os.fsencode(f"{name}\n") for name in names):
            with suppress(BrokenPipeError):
                process.stdin.writelines(chunk)
                process.stdin.flush()
            for _ in chunk:
                line = process.stdout.readline()
                if not line:
                    raise dead(process)
                found.append("" if b" " in line else line.decode().strip())  # "NAME missing"
        return found

    def close(self) -> None:
        """Ends it, also where a thread that was asking it finds it gone and ends it as well."""
        process = self._process
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError, ValueError):  # of what it was to be told yet
                if pipe:
                    pipe.close()


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        size += len(line) + _ANSWER
        if chunk and size > _PIPE:
            yield chunk
            chunk, size = [], len(line) + _ANSWER
        chunk.append(line)
    if chunk:
        yield chunk


def _parse_info(line: str) -> ObjectInfo | None:
    """ "OID TYPE SIZE" of --batch and --batch-check; anything else is "NAME missing"."""
    words = line.split(" ")
    if len(words) != 3 or not words[2].isdigit():
        return None
    return ObjectInfo(words[0], words[1], int(words[2]))
