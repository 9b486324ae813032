"""The store as it is read: the vendor's history, and each cluster's repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_ekf import config as configuration
from git_ekf.config import Config
from git_ekf.errors import UsageError
from git_ekf.fleet.reading import History, StoreObjects
from git_ekf.fleet.store import THE_VENDOR, branches_in, by_repository, refs_of
from git_ekf.fleet.stored import StoredRepository
from git_ekf.git.packedrefs import read_packed, read_packed_below
from git_ekf.names import RELEASE_PATTERN, Scheme
from git_ekf.smallfile import CONFIGURATION


class Opened:
    """A store, read once. `theirs` has the refs of each cluster, as they are there."""

    def __init__(self, path: str, scheme: Scheme, names: Iterable[str] | None = None) -> None:
        """`scheme` is that of the fleet; with `names` only these clusters are read.

        Raises CallFailed where the store is damaged.
        """
        self.path = path
        self.scheme = scheme
        self.objects = StoreObjects(path)
        self._configs: dict[str, Config] = {}
        if names is None:
            refs = read_packed(path)
        else:
            refs = read_packed_below(path, map(refs_of, [THE_VENDOR, *names]))
        self.theirs = by_repository(refs)
        self.history = History(self.objects, branches_in(self.theirs.pop(THE_VENDOR, {})))

    def channels(self) -> list[str]:
        """The vendor's release branches, the lowest version first."""
        return sorted(filter(self.scheme.is_release, self.history.branches), key=self.scheme.key)

    def repository(self, name: str) -> StoredRepository:
        """A cluster's. Raises UsageError for what is wrong in its own configuration."""
        return StoredRepository(self.history, self.theirs[name], *self.config(name))

    def config(self, name: str) -> tuple[Config, bytes | None]:
        """The configuration of a cluster, and the file that says so. Raises UsageError.

        The file is that of the newest release branch, else of any other one.
        """
        key, content = self._toml(branches_in(self.theirs[name])) or ("", None)
        if key not in self._configs:
            if content and len(content) > CONFIGURATION:
                raise UsageError(f"its {configuration.FILE} has more than {CONFIGURATION >> 10} kB")
            config = configuration.load(content, [])
            if config.scheme.pattern == RELEASE_PATTERN:
                config = config._replace(scheme=self.scheme)
            self._configs[key] = config
        return self._configs[key], content

    def _toml(self, heads: Mapping[str, str]) -> tuple[str, bytes] | None:
        for branch in sorted(heads, key=self.scheme.key, reverse=True):
            found = self.objects.file_at_top(heads[branch], configuration.FILE)
            if found:
                return found
            if self.scheme.is_release(branch):
                return None
        return None
