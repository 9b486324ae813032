"""Objects that are not yet the repository's: beside its own, and held until refs name them.

So git keeps those of a push until that is accepted (tmp-objdir.c). Another program may pack the
repository anew at any moment, and drop what no ref leads to (`git gc --prune=now`): so all that
is brought in comes as packs with a .keep file (git-repack(1)), and a ref holds what has to stay.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from git_ekf.errors import CallFailed, GitFailed
from git_ekf.git.calls import Git
from git_ekf.git.refs import HOLD, RefUpdate
from git_ekf.smallfile import read_small
from git_ekf.temporary import new_name, remove_tree

# Not "tmp_", with which git's own begin: `git gc --prune=now` removes those under way as well.
_PREFIX = "ekf-new-"
_ALTERNATES = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_KEPT = b"git-ekf, until refs name what is in it\n"
# Refuses a ref to an object that is only in quarantine (githooks(5), reference-transaction).
_REFUSING = b"""#!/bin/sh
while read -r old new ref; do
    rest=${new#??}
    [ ! -e "$GIT_OBJECT_DIRECTORY/${new%"$rest"}/$rest" ] || exit 1
done
"""


class Quarantine:
    """A context; what was not migrated to the repository's own objects when it ends is gone.

    What was migrated is safe from `git repack` and `git gc` until it ends. The repository has to
    be locked (journal.locked): what is left of one that was killed is cleared away.
    """

    def __init__(self, git: Git, objects: str) -> None:
        """`objects` is the repository's directory of them."""
        self._git = git
        self._objects = objects
        self._held: list[str] = []

    def __enter__(self) -> Quarantine:
        clear_left(self._git, self._objects)
        self._folder = os.path.join(self._objects, _PREFIX + new_name())
        os.mkdir(self._folder, 0o700)
        return self

    def __exit__(self, *exception: object) -> None:
        # The directory comes last: where it is left, so may be the others.
        _release(self._git, self._held)
        _remove_keeps(self._objects)
        remove_tree(self._folder)

    def git(self, git: Git) -> Git:
        """The same git, which writes its objects here and sees the repository's as well."""
        env = {"GIT_OBJECT_DIRECTORY": self._folder, **also_reading(self._objects)}
        return git.variant(env=env)

    def make_tag(
        self, name: str, commit: str, message: bytes, *, sign: bool, when: str = ""
    ) -> str:
        """The object id of an annotated tag with the message as it is. Raises GitFailed.

        `when` is the time that it is to have, as GIT_COMMITTER_DATE takes it; "" for now.

        git only makes one together with its ref, which is refused here.
        """
        before = self._loose()
        env = self._refusing()
        if when:
            env["GIT_COMMITTER_DATE"] = when
        git = self.git(self._git).variant(env=env)
        try:
            git.make_tag(name, commit, message, sign=sign)
        except GitFailed:
            made = self._loose() - before
            if len(made) != 1:
                raise
            return made.pop()
        # A disk on which nothing may be run has no hooks either.
        oid = git.ref_value(f"refs/tags/{name}")
        git.update_refs([RefUpdate(f"refs/tags/{name}", oid, "0" * len(oid))])
        return oid

    def _refusing(self) -> dict[str, str]:
        """An environment in which no ref can name what is only here."""
        hooks = os.path.join(self._folder, "hooks")
        os.makedirs(hooks, exist_ok=True)
        hook = os.path.join(hooks, "reference-transaction")
        with open(hook, "wb") as file:
            file.write(_REFUSING)
        os.chmod(hook, 0o700)
        last = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
        return {
            "GIT_CONFIG_COUNT": f"{last + 1}",
            f"GIT_CONFIG_KEY_{last}": "core.hooksPath",
            f"GIT_CONFIG_VALUE_{last}": hooks,
        }

    def migrate(self, *tips: str) -> None:
        """Moves the objects to the repository, which keeps them, and with refs holds `tips`.

        Those are commits and what they lead to, also what was in the repository before.
        Raises GitFailed.
        """
        here, there = (os.path.join(folder, "pack") for folder in (self._folder, self._objects))
        loose = self._loose()
        if loose:
            os.makedirs(here, exist_ok=True)
            self.git(self._git).pack_objects_as(os.path.join(here, "pack"), loose)
        move_packs(here, there, kept=True)
        updates = [RefUpdate(f"{HOLD}{number}", "", tip) for number, tip in enumerate(tips)]
        self._held = [update.ref for update in updates]
        self._git.update_refs(updates)

    def _loose(self) -> set[str]:
        from git_ekf.git.objects import loose_ids  # which few commands need

        return set(loose_ids(self._folder))


def clear_left(git: Git, objects: str) -> None:
    """Clears away what one that was killed has left. The repository has to be locked."""
    left = [name for name in os.listdir(objects) if name.startswith(_PREFIX)]
    if left:
        _release(git, [ref.name for ref in git.refs(HOLD)])
    _remove_keeps(objects)
    for name in left:
        remove_tree(os.path.join(objects, name))


def _release(git: Git, refs: Iterable[str]) -> None:
    # What cannot be released now the next command releases: nothing else depends on it.
    with suppress(CallFailed):
        git.update_refs(RefUpdate(ref, "", "0" * 40) for ref in refs)


def _remove_keeps(objects: str) -> None:
    folder = os.path.join(objects, "pack")
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            if name.endswith(".keep") and _is_ours(os.path.join(folder, name)):
                os.unlink(os.path.join(folder, name))


def _is_ours(keep: str) -> bool:
    try:
        return read_small(keep, len(_KEPT)) == _KEPT
    except OSError:
        return False


def move_packs(here: str, there: str, *, kept: bool = False) -> None:
    """Moves the packs in a directory to another one; `kept`: no git takes them apart there."""
    names = os.listdir(here) if os.path.isdir(here) else []
    os.makedirs(there, exist_ok=True)
    for name in names if kept else ():
        if name.endswith(".pack"):
            keep = os.path.join(there, name.removesuffix(".pack") + ".keep")
            with suppress(FileExistsError), open(keep, "xb") as file:  # else somebody else keeps it
                file.write(_KEPT)
    # Of each pack the index comes last, with which git sees it.
    for name in sorted(names, key=lambda name: name.endswith(".idx")):
        if name.startswith("pack-") and not name.endswith(".keep"):  # no git is still writing it
            os.replace(os.path.join(here, name), os.path.join(there, name))


def also_reading(objects: str) -> dict[str, str]:
    """An environment in which git reads the objects of a directory as well (git(1))."""
    if os.pathsep in objects or objects.startswith('"'):
        objects = '"' + objects.replace("\\", "\\\\").replace('"', '\\"') + '"'
    others = os.environ.get(_ALTERNATES)
    return {_ALTERNATES: os.pathsep.join(filter(None, [objects, others]))}
