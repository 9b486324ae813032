"""A place for objects that may never be wanted, and for the attributes that merges go by; the repository is only read."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from git_ekf.git import Git
from git_ekf.repository import Repository

# Objects that are thrown away are not worth waiting for the disk (git 2.36; older ones pass it over).
_UNSYNCED = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsync", "GIT_CONFIG_VALUE_0": "none"}

# The system's directory in memory, and the least room there (bytes) for it to be used.
_MEMORY = "/dev/shm"  # noqa: S108 (the directory in it is made by mkdtemp)
_ROOM = 1 << 28


class Scratch:
    """Three ways to ask git, all of which read the repository's objects.

    `merging` goes by the repository's settings (merge drivers and the like), with the attributes of `write_attributes`,
    and writes objects to a directory of its own. `writing` does so too, goes by no settings, and has refs and an
    index of its own. `storing` is like it, but for writing to the repository's objects.
    """

    def __init__(self, repo: Repository, folder: str) -> None:
        store = os.path.join(repo.place.common_dir, "objects")
        self.folder = folder
        self._objects = os.path.join(folder, "objects")
        self._top = os.path.join(folder, "tree")
        git_dir = os.path.join(folder, "git")
        for path in (self._objects, self._top, os.path.join(git_dir, "objects"), os.path.join(git_dir, "refs")):
            os.makedirs(path)
        with open(os.path.join(git_dir, "HEAD"), "w", encoding="ascii") as file:
            file.write("ref: refs/heads/scratch\n")
        with open(os.path.join(git_dir, "config"), "w", encoding="ascii") as file:
            file.write("[core]\nrepositoryformatversion = 1\nbare = true\n")
            file.write(f"sharedrepository = {repo.git_setting('core.sharedrepository') or 'umask'}\n")
            file.write(f"[extensions]\nobjectformat = {repo.place.object_format}\n" if repo.place.object_format != "sha1" else "")
        others = os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
        ours = {
            "GIT_OBJECT_DIRECTORY": self._objects,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(filter(None, [_quoted(store), others])),
        }
        index = os.path.join(folder, "index")
        self.merging = Git(self._top, {**ours, "GIT_DIR": repo.place.git_dir, "GIT_WORK_TREE": self._top, "GIT_INDEX_FILE": index})
        isolated = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": git_dir}
        isolated["GIT_INDEX_FILE"] = os.path.join(git_dir, "index")
        self.writing = Git(folder, {**ours, **isolated, **_UNSYNCED})
        self.storing = Git(folder, {**isolated, "GIT_OBJECT_DIRECTORY": store})

    def new_blobs(self) -> list[str]:
        """The ids of the files that merges have written."""
        loose = [
            name + rest
            for name in os.listdir(self._objects)
            if len(name) == 2
            for rest in os.listdir(os.path.join(self._objects, name))
            if "." not in rest and "_" not in rest
        ]
        asked = "".join(f"{oid}\n" for oid in loose).encode()
        lines = self.writing.lines("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=asked) if loose else []
        return [line[len("blob ") :] for line in lines if line.startswith("blob ")]

    def write_attributes(self, path: str, content: bytes | None) -> None:
        """Puts a `.gitattributes` file where merges look for it; None removes it."""
        whole = os.path.join(self._top, path)
        if content is not None:
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "wb") as file:
                file.write(content)
        elif os.path.exists(whole):
            os.unlink(whole)


@contextmanager
def scratch(repo: Repository) -> Iterator[Scratch]:
    """In memory where the system has room there: git writes what it merges a file at a time, and disks are slow at that."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="git-ekf-", dir=_in_memory()))
    try:
        yield Scratch(repo, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(_MEMORY)
    return _MEMORY if room.f_bavail * room.f_frsize >= _ROOM else None


def _quoted(path: str) -> str:
    """An entry of GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1)); a path with a separator stands in quotes."""
    if os.pathsep not in path and not path.startswith('"'):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
