"""Objects that are not yet the repository's: beside its own.

So git keeps those of a push until that is accepted (tmp-objdir.c).
"""

from __future__ import annotations

import os
import shutil
import tempfile

from git_ekf.git.calls import Git

_PREFIX = "tmp_objdir-ekf-"  # git's gc clears away what begins so, too


class Quarantine:
    """A context; what was not moved to the repository's own objects when it ends is gone.

    The repository has to be locked (journal.locked): what is left of one that was killed is
    cleared away.
    """

    def __init__(self, objects: str) -> None:
        """`objects` is the repository's directory of them."""
        self._objects = objects

    def __enter__(self) -> Quarantine:
        for name in os.listdir(self._objects):
            if name.startswith(_PREFIX):
                shutil.rmtree(os.path.join(self._objects, name), ignore_errors=True)
        self._folder = tempfile.mkdtemp(prefix=_PREFIX, dir=self._objects)
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def git(self, git: Git) -> Git:
        """The same git, which writes its objects here and sees the repository's as well."""
        others = os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
        alternates = os.pathsep.join(filter(None, [quoted_path(self._objects), others]))
        env = {
            "GIT_OBJECT_DIRECTORY": self._folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates,
        }
        return git.variant(env=env)

    def migrate(self) -> None:
        """Moves the packs to the repository.

        Of each the index comes last, with which git sees it.
        """
        here, there = (os.path.join(folder, "pack") for folder in (self._folder, self._objects))
        os.makedirs(there, exist_ok=True)
        names = os.listdir(here) if os.path.isdir(here) else []
        for name in sorted(names, key=lambda name: name.endswith(".idx")):
            os.replace(os.path.join(here, name), os.path.join(there, name))


def quoted_path(path: str) -> str:
    """An entry of GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1)).

    A path with a separator stands in quotes.
    """
    if os.pathsep not in path and not path.startswith('"'):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
