"""A place for objects that may never be wanted, and for the attributes that merges go by; the repository is only read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from git_ekf.git.calls import Git
from git_ekf.git.objects import Objects
from git_ekf.git.quarantine import quoted_path
from git_ekf.repository import Repository
from git_ekf.temporary import temporary

# Objects that are thrown away are not worth waiting for the disk (git 2.36; older ones pass it over).
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
        promisor = _promisor(repo)
        self.objects = Objects(self._objects, repo.place.object_format)
        for path in (self._top, os.path.join(git_dir, "objects"), os.path.join(git_dir, "refs")):
            os.makedirs(path)
        with open(os.path.join(git_dir, "HEAD"), "w", encoding="ascii") as file:
            file.write("ref: refs/heads/scratch\n")
        with open(os.path.join(git_dir, "config"), "w", encoding="ascii") as file:
            file.write(_config(repo, promisor))
        others = os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
        ours = {
            "GIT_OBJECT_DIRECTORY": self._objects,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(
                filter(None, [quoted_path(store), others])
            ),
        }
        index = os.path.join(folder, "index")
        self.merging = Git(
            self._top,
            {
                **ours,
                "GIT_DIR": repo.place.git_dir,
                "GIT_WORK_TREE": self._top,
                "GIT_INDEX_FILE": index,
            },
        )
        # Missing objects are fetched as the user's settings say.
        isolated = (
            {"GIT_DIR": git_dir}
            if promisor
            else {"GIT_DIR": git_dir, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        )
        isolated["GIT_INDEX_FILE"] = os.path.join(git_dir, "index")
        self.writing = Git(folder, {**ours, **isolated, **_UNSYNCED})
        self._reader = self.writing.id_reader()
        self.storing = Git(folder, {**isolated, "GIT_OBJECT_DIRECTORY": store})

    def object_ids(self, names: list[str]) -> list[str]:
        """The object ids of names such as TREE:PATH, "" for one that does not exist."""
        return self._reader.ids(names)

    def close(self) -> None:
        self._reader.close()

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
    with temporary(_in_memory()) as folder:
        place = Scratch(repo, folder)
        try:
            yield place
        finally:
            place.close()


def _in_memory() -> str | None:
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(_MEMORY)
    return _MEMORY if room.f_bavail * room.f_frsize >= _ROOM else None


def _promisor(repo: Repository) -> str:
    """The remote that has the objects which a partial clone lacks; "" for any other."""
    found = [
        key
        for key, value in repo.git_config
        if key.startswith("remote.") and key.endswith(".promisor") and value == "true"
    ]
    return found[0][len("remote.") : -len(".promisor")] if found else ""


def _config(repo: Repository, promisor: str) -> str:
    lines = (
        [f'[include]\npath = "{os.path.join(repo.place.common_dir, "config")}"'] if promisor else []
    )
    lines += [
        "[core]\nrepositoryformatversion = 1\nbare = true",
        f"sharedrepository = {repo.git_setting('core.sharedrepository') or 'umask'}",
    ]
    lines += [f"[extensions]\npartialclone = {promisor}"] if promisor else []
    lines += (
        [f"[extensions]\nobjectformat = {repo.place.object_format}"]
        if repo.place.object_format != "sha1"
        else []
    )
    return "".join(f"{line}\n" for line in lines)
