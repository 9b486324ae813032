"""A directory for objects that may never be wanted, and for the attributes that merges go by.

The repository is only read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from git_ekf.git.calls import Git
from git_ekf.git.objects import Objects
from git_ekf.git.quarantine import also_reading
from git_ekf.git.refs import replaced_below
from git_ekf.repository import Repository
from git_ekf.temporary import temporary

if TYPE_CHECKING:
    from git_ekf.replay.file_merges import MergedFile

# Objects that are thrown away are not worth waiting for the disk (git 2.36; older ones pass it
# over).
_UNSYNCED = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsync",
    "GIT_CONFIG_VALUE_0": "none",
}

# The system's directory in memory, and the least room there (bytes) for it to be used.
_MEMORY = "/dev/shm"  # noqa: S108 (the directory in it is made by mkdtemp)
_ROOM = 1 << 28


class Scratch:
    """Three ways to ask git, all of which read the repository's objects.

    `merging` goes by the repository's settings (merge drivers and the like), with the attributes of
    `write_attributes`, and writes objects to a directory of its own. `writing` does so too, goes by
    no settings, and has refs and an index of its own. `storing` is like it, but for writing to the
    repository's objects.
    """

    def __init__(self, repo: Repository, folder: str) -> None:
        store = repo.place.objects
        objects = os.path.join(folder, "objects")
        git_dir = os.path.join(folder, "git")
        promisor = _promisor(repo)
        self.folder = folder
        self.object_format = repo.place.object_format
        self.objects = Objects(objects, self.object_format)
        self._top = os.path.join(folder, "tree")
        for path in (self._top, os.path.join(git_dir, "objects"), os.path.join(git_dir, "refs")):
            os.makedirs(path)
        # What is replaced is read so here as well, and git knows it by refs (git-replace(1)).
        below = replaced_below()
        refs = [f"{oid} {below}{old}\n" for old, oid in repo.replaced.items()]
        files = {
            "HEAD": "ref: refs/heads/scratch\n",
            "config": _config(repo, promisor),
            "packed-refs": "".join(refs),
        }
        for name, text in files.items():
            _write(os.path.join(git_dir, name), os.fsencode(text))
        ours = {"GIT_OBJECT_DIRECTORY": objects, **also_reading(store)}
        index = os.path.join(folder, "index")
        users = {"GIT_DIR": repo.place.git_dir, "GIT_WORK_TREE": self._top, "GIT_INDEX_FILE": index}
        self.merging = Git(self._top, {**ours, **users})
        isolated = {"GIT_DIR": git_dir, "GIT_INDEX_FILE": os.path.join(git_dir, "index")}
        if not promisor:  # else what is missing is fetched as the user's settings say
            isolated |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        self.writing = Git(folder, {**ours, **isolated, **_UNSYNCED})
        self.storing = Git(folder, {**isolated, "GIT_OBJECT_DIRECTORY": store})
        self._reader = self.writing.id_reader()
        self._attributes: dict[str, bytes] = {}  # the files that are where merges look for them
        # See `merge_files`.
        self.merged_files: dict[tuple[object, ...], MergedFile] = {}

    @contextmanager
    def work_tree(self) -> Iterator[tuple[Git, str, str]]:
        """The git of `writing`, with the work tree of merges and an index for this once.

        With it its git directory, and the top of that work tree.
        """
        git_dir = os.path.join(self.folder, "git")
        index = os.path.join(git_dir, "once")
        env = {"GIT_WORK_TREE": self._top, "GIT_INDEX_FILE": index}
        yield self.writing.variant(self._top, env), git_dir, self._top
        with suppress(FileNotFoundError):
            os.unlink(index)

    def object_ids(self, names: list[str]) -> list[str]:
        """The object ids of names such as TREE:PATH, "" for one that does not exist."""
        return self._reader.ids(names)

    def ids_at(self, tree: str, paths: Iterable[str]) -> dict[str, str]:
        """Path -> object id, of those of some paths that are in a tree or commit."""
        asked = list(paths)
        found = self.object_ids([f"{tree}:{path}" for path in asked])
        return {path: oid for path, oid in zip(asked, found, strict=True) if oid}

    def beside(self, git: Git) -> Git:
        """The same git, which sees what was written here as well as all that it sees."""
        return git.variant(env=also_reading(os.path.join(self.folder, "objects")))

    def close(self) -> None:
        """Ends the git that answers `object_ids`."""
        self._reader.close()

    def write_attributes(self, path: str, content: bytes | None) -> None:
        """Puts a `.gitattributes` file where merges look for it; None removes it."""
        whole = os.path.join(self._top, path)
        self._attributes.pop(path, None)
        if content is not None:
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            _write(whole, content)
            self._attributes[path] = content
        elif os.path.exists(whole):
            os.unlink(whole)

    def attributes_above(self, path: str) -> tuple[tuple[str, bytes], ...]:
        """The `.gitattributes` files that merges of a file go by, with their content."""
        found = self._attributes.items()
        return tuple(sorted(one for one in found if path.startswith(os.path.dirname(one[0]))))


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


S = TypeVar("S", bound=Scratch)


def open_scratch(repo: Repository) -> AbstractContextManager[Scratch]:
    """In memory where the system has room there.

    git writes what it merges a file at a time, and disks are slow at that.
    """
    return open_scratch_of(Scratch, repo)


@contextmanager
def open_scratch_of(kind: type[S], repo: Repository) -> Iterator[S]:
    """The same of another class."""
    with temporary(_in_memory()) as folder, closing(kind(repo, folder)) as scratch:
        yield scratch


def _in_memory() -> str | None:
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(_MEMORY)
    return _MEMORY if room.f_bavail * room.f_frsize >= _ROOM else None


def _promisor(repo: Repository) -> str:
    """The remote that has the objects which a partial clone lacks; "" for any other clone."""
    for key, value in repo.git_config:
        if key.startswith("remote.") and key.endswith(".promisor") and value == "true":
            return key[len("remote.") : -len(".promisor")]
    return ""


def _config(repo: Repository, promisor: str) -> str:
    shared = repo.git_setting("core.sharedrepository") or "umask"
    core = f"[core]\nrepositoryformatversion = 1\nbare = true\nsharedrepository = {shared}\n"
    if promisor:
        users = os.path.join(repo.place.common_dir, "config")
        core = f'[include]\npath = "{users}"\n{core}[extensions]\npartialclone = {promisor}\n'
    if repo.place.object_format != "sha1":
        core += f"[extensions]\nobjectformat = {repo.place.object_format}\n"
    return core
