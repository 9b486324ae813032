"""The store of a fleet: a bare repository with the refs of all its clusters, and no work tree.

It is a cache: all that is in it came from somewhere else, and it may be deleted at any time.
`refs/vendor/` has the vendor's branches, `refs/fleet/NAME/` what the cluster NAME has below refs/,
`refs/ekf/fleet/` what an upgrade of the fleet has made and not brought to the clusters yet.
`ekf/fetched.json` has what is remembered of each repository beside its refs: when it was fetched,
and why not since.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

from git_ekf.errors import Refused
from git_ekf.fleet.file import Fleet
from git_ekf.git.calls import Git
from git_ekf.git.packedrefs import break_lock
from git_ekf.git.quarantine import move_packs
from git_ekf.git.refs import HEADS
from git_ekf.git.unattended import unattended
from git_ekf.git.workable import require_workable
from git_ekf.repository import Repository
from git_ekf.smallfile import STATE, read_small, write_small
from git_ekf.transaction.journal import locked

VENDOR = "refs/vendor/"
FLEET = "refs/fleet/"
RUNS = "refs/ekf/fleet/"
# Under which name the vendor is known: no cluster can be called so.
THE_VENDOR = ""
# Says of a directory that it is a store, and of which making.
_MARK = "ekf/fleet"
_MADE = b"1\n"
# Why a repository was not fetched.
UNREACHABLE = "unreachable"  # it gave no answer
BROKEN = "broken"  # it gave one that cannot be taken

_SETTINGS = """
[gc]
\tauto = 0
[core]
\tlogAllRefUpdates = false
"""
# Without such a command git would ask the store for all its refs, to say that it has them.
_BORROWING = """\
\trepositoryFormatVersion = 0
\talternateRefsCommand = true
"""


class Store(NamedTuple):
    """A store that is there: its path, and git in it."""

    path: str
    git: Git

    @property
    def objects(self) -> str:
        """The directory of its objects."""
        return os.path.join(self.path, "objects")

    @property
    def incoming(self) -> str:
        """The directory of what is being fetched."""
        return os.path.join(self.path, "ekf", "incoming")


class Fetched(NamedTuple):
    """A repository as it was last fetched.

    `url` is where, without credentials; another one is another repository. `seconds` is when its
    state was last taken whole (since 1970; 0: never). `failure` is UNREACHABLE or BROKEN where a
    later attempt failed, and `error` why, in a sentence; "" both where none did.
    """

    url: str
    seconds: float = 0.0
    failure: str = ""
    error: str = ""


def take_packs(store: Store, folder: str) -> bool:
    """Moves the packs in a folder to those of the store; False without such a folder.

    Raises OSError.
    """
    if not os.path.isdir(folder):
        return False
    move_packs(folder, os.path.join(store.objects, "pack"))
    return True


def make_borrowing(
    store: Store, git_dir: str, branch: str, refs: Iterable[tuple[str, str]], *, bare: bool
) -> None:
    """Makes a repository that has the objects of the store; new ones lie in it. Raises OSError.

    HEAD is on the branch; `refs` are (ref, object id).
    """
    os.makedirs(os.path.join(git_dir, "objects", "info"))
    os.makedirs(os.path.join(git_dir, "refs"))
    files = {
        "HEAD": f"ref: {HEADS}{branch}\n",
        "config": f"{_SETTINGS}{_BORROWING}\tbare = {str(bare).lower()}\n",
        "objects/info/alternates": f"{store.objects}\n",
        "packed-refs": "".join(f"{oid} {ref}\n" for ref, oid in refs),
    }
    for name, text in files.items():
        path = os.path.join(git_dir, name)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)


def refs_of(name: str) -> str:
    """Begins the refs of a cluster, or of THE_VENDOR."""
    return VENDOR if name == THE_VENDOR else f"{FLEET}{name}/"


def by_repository(refs: Mapping[str, str]) -> defaultdict[str, dict[str, str]]:
    """The refs of a store by the cluster, or THE_VENDOR, whose they are: as they are there."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for ref, oid in refs.items():
        name, rest = THE_VENDOR, ref.removeprefix(VENDOR)
        if ref.startswith(FLEET):
            name, _, rest = ref.removeprefix(FLEET).partition("/")
        if rest != ref:
            found[name][f"refs/{rest}"] = oid
    return found


def branches_in(refs: Mapping[str, str]) -> dict[str, str]:
    """The branches among refs: name -> commit."""
    heads = ((ref.removeprefix(HEADS), oid) for ref, oid in refs.items() if ref.startswith(HEADS))
    return dict(heads)


def place_of(fleet: Fleet) -> str:
    """Where the store of a fleet is."""
    if fleet.store:
        return fleet.store
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    digest = hashlib.sha256(os.fsencode(os.path.realpath(fleet.path))).hexdigest()
    return os.path.abspath(os.path.join(cache, "git-ekf", "fleet", f"{digest[:16]}.git"))


def read_fetched(store: str) -> dict[str, Fetched]:
    """Name -> what is remembered; {} of a store that nothing was fetched for. Never raises."""
    found = {}
    with suppress(OSError, ValueError, TypeError):
        entries = json.loads(read_small(_path(store), STATE) or b"{}")
        for name, entry in entries.items():
            found[name] = Fetched(**entry)
    return found


def write_fetched(store: str, fetched: Mapping[str, Fetched]) -> None:
    """Remembers all of it, in the place of what was remembered. Raises OSError."""
    entries = {name: one._asdict() for name, one in fetched.items()}
    write_small(_path(store), json.dumps(entries, indent=0, sort_keys=True).encode())


def _path(store: str) -> str:
    return os.path.join(store, "ekf", "fetched.json")


def open_store(fleet: Fleet) -> Store:
    """The store of a fleet, made where there is none. Raises Refused, OSError."""
    path = place_of(fleet)
    require_workable(path)
    is_empty = os.path.isdir(path) and not os.listdir(path)
    if is_empty or not os.path.lexists(path):
        _make(path)
    if not os.path.isfile(os.path.join(path, _MARK)):
        raise Refused(
            f"{path} is there, and is not the store of a fleet",
            "name another place with store in the fleet file, or none",
        )
    return Store(path, Git(path, {"GIT_DIR": path}))


def unattended_git(store: Store, fleet: Fleet) -> Git:
    """The git of a store for questions to other repositories, which nobody is there to answer."""
    setting = Repository(store.git).git_setting
    return store.git.variant(env=unattended(setting, fleet.seconds))


def _make(path: str) -> None:
    """Makes a store elsewhere, and puts it there whole; another command may have been quicker."""
    above = os.path.dirname(path)
    os.makedirs(above, mode=0o700, exist_ok=True)
    made = tempfile.mkdtemp(prefix=f"{os.path.basename(path)}.new-", dir=above)  # of mode 0700
    try:
        Git(above).init(made, bare=True, object_format="sha1", branch="none", template=False)
        with open(os.path.join(made, "config"), "a", encoding="ascii") as config:
            config.write(_SETTINGS)
        os.makedirs(os.path.join(made, "ekf"))
        with open(os.path.join(made, _MARK), "wb") as mark:
            mark.write(_MADE)
        os.rename(made, path)
    except OSError:
        if not os.path.isfile(os.path.join(path, _MARK)):
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def writing(store: Store) -> Iterator[None]:
    """Holds the store for a fetch or an upgrade, and clears away what a killed one has left.

    Raises Refused where another command does either.
    """
    with locked(Repository(store.git)):
        shutil.rmtree(store.incoming, ignore_errors=True)
        break_lock(store.path)  # only who holds the store writes its refs, all at once
        try:
            yield
        finally:
            shutil.rmtree(store.incoming, ignore_errors=True)
