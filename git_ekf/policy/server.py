"""The internal repository as a push that has arrived would leave it.

The objects of the push lie in a quarantine that git's own child processes see, and no ref names
them yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property

from git_ekf import config as configuration
from git_ekf.errors import EkfError, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, TAGS, RefUpdate, is_zero
from git_ekf.policy.blocked import blocked
from git_ekf.policy.content import Content
from git_ekf.repository import Repository
from git_ekf.shown import in_words, shell
from git_ekf.smallfile import CONFIGURATION, read_small

# How much of the tags of a push is read (bytes). A thousand megabytes of one line are one on the
# wire, and several thousand once they are taken apart.
_TAGS = 32 << 20
# How long one may be (bytes): its lines are taken apart at once, and are 60 bytes each at least.
_TAG = 4 << 20


class ServerRepository(Repository):
    """The repository that has received `updates`, from somebody whose environment is `pusher`.

    What a clone knows as origin/release-X.Y is refs/ekf/upstream/release-X.Y here.
    """

    def __init__(
        self, updates: list[RefUpdate], pusher: Mapping[str, str], git: Git | None = None
    ) -> None:
        super().__init__(git)
        self.updates = updates
        self._pusher = pusher

    @cached_property
    def toml(self) -> bytes | None:
        """The bytes of the file that the administrator has named.

        Raises UsageError where it cannot be read.
        """
        path = self._file
        if not path:
            return None
        try:
            content = read_small(path, CONFIGURATION, follow=True)
        except OSError as error:
            raise _misconfigured(f"{path}: {error.strerror}") from None
        if content is None:
            raise _misconfigured(f"{path}: No such file or directory")
        return content

    @property
    def _file(self) -> str:
        return self.git_setting(f"ekf.{configuration.SERVER_FILE}") or ""

    @cached_property
    def config(self) -> configuration.Config:
        """Raises UsageError, for whoever pushes to tell the administrator."""
        toml = self.toml
        try:
            config = configuration.load(toml, self.git_config, self._file)
        except UsageError as error:
            raise _misconfigured(error.message) from None
        if config.server_signed != "off" and not os.access(config.server_signers, os.R_OK):
            raise _misconfigured(
                "server.signed needs server.allowed-signers, a file that can be read"
                f" ({config.server_signers or 'none'})"
            )
        if config.server_may_push and not config.server_user:
            raise _misconfigured(
                "server.may-push needs server.user, the environment variable that says who pushes"
            )
        return config

    def how_to_allow(self, key: str, name: str) -> str:
        """The act that adds a name to a list of the configuration."""
        return f"ask the server's administrator to add {in_words(name)} to {key}"

    @property
    def user(self) -> str:
        """Who pushes, as far as the server is told; "" otherwise."""
        return self._pusher.get(self.config.server_user, "")

    @cached_property
    def types(self) -> dict[str, str]:
        """Object id -> its type, for every object that an update names and that is there."""
        return {oid: type_ for oid, (type_, _, _) in self._objects.items()}

    @cached_property
    def _objects(self) -> dict[str, tuple[str, int, bytes]]:
        """Type and size of each, and the content of tags as long as they are not too much."""
        asked = list(dict.fromkeys(update.new for update in self.updates if not update.deletes))
        found = {}
        left = _TAGS
        for oid, (type_, size, content) in zip(
            asked, self.content.reader.look_at(asked), strict=True
        ):
            if type_ != "missing":
                left -= size if type_ == "tag" else 0
                is_read = type_ == "tag" and left >= 0
                found[oid] = type_, size, (content or b"") if is_read else b""
        return found

    @cached_property
    def content(self) -> Content:
        """All that is read of the push."""
        return Content(self.git)

    @cached_property
    def refs(self) -> dict[str, str]:
        """ref -> object id of release branches and the vendor's channels, after the push."""
        scheme = self.config.scheme
        upstream = self.namespace.upstream
        patterns = (f"{HEADS}{scheme.prefix}*{scheme.suffix}", upstream)
        refs = self.git.ref_values(*patterns)
        for update in self.updates:
            if update.ref.startswith((HEADS, upstream)):
                refs[update.ref] = update.new
        return {ref: oid for ref, oid in refs.items() if not is_zero(oid)}

    @cached_property
    def blocked(self) -> dict[str, str]:
        """Ref -> why git will not make its update, as half a sentence."""
        return blocked(self, self.updates)

    @cached_property
    def mirror(self) -> dict[str, str] | None:
        """Release branch -> the vendor's commit in the server's mirror; None without a mirror.

        Raises UsageError where the mirror cannot be read.
        """
        path = self.config.server_mirror
        if not path:
            return None
        quarantine = (
            "GIT_QUARANTINE_PATH",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        )
        here = {name: os.environ.pop(name) for name in quarantine if name in os.environ}
        try:
            there = Git(env={"GIT_DIR": path}).refs(HEADS)
        except EkfError as error:
            raise _misconfigured(f"server.mirror: {error.message}") from None
        finally:
            os.environ.update(here)
        return {ref.name.removeprefix(HEADS): ref.oid for ref in there}

    @property
    def primary_prefix(self) -> str:
        """Begins the refs of the vendor's channels."""
        return self.namespace.upstream

    @property
    def internal_prefix(self) -> str:
        """Begins the refs of the saved branches."""
        return HEADS

    @cached_property
    def channels(self) -> dict[str, str]:
        """Release branch name -> the vendor's commit, lowest version first."""
        return self.releases_under(self.primary_prefix)

    def own_commits_of(
        self, tips: list[str], published: tuple[str, ...] = ()
    ) -> list[tuple[str, list[str]]]:
        """The customer's commits up to `tips`, as in a clone.

        Those that the push brings to a channel are the vendor's, although no ref says so yet.
        """
        for update in self.updates:
            if self.namespace.is_upstream(update.ref) and self.types.get(update.new) == "commit":
                published = (*published, update.new)
        return super().own_commits_of(tips, published)

    def channels_with(self, commit: str) -> list[str]:
        """A channel (as the sender calls it, origin/NAME) that has a commit."""
        for name, tip in self.channels.items():
            if self.git.is_ancestor(commit, tip):
                return [f"{self.config.primary}/{name}"]
        return []

    def read_tags(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Object id -> tag object. Raises Refused where they are too much to be judged."""
        tags = {oid: self._objects[oid] for oid in oids if self.types.get(oid) == "tag"}
        for update in self.updates:
            if update.new in tags and tags[update.new][1] > _TAG:
                raise Refused(
                    f"{update.ref} is a deploy record of more than {_TAG >> 20} MB",
                    f"git tag -d {shell(update.ref.removeprefix(TAGS))}, then: git ekf tag",
                )
        if sum(size for _, size, _ in tags.values()) > _TAGS:
            one = next((update.ref for update in self.updates if update.new in tags), "REF")
            internal = self.config.internal
            raise Refused(
                f"the push has more than {_TAGS >> 20} MB of deploy records",
                f"git push --no-follow-tags {shell(internal, one)}, and the others after it",
            )
        return {oid: content for oid, (_, _, content) in tags.items()}


def _misconfigured(message: str) -> UsageError:
    return UsageError(f"this server is set up wrongly: {message}", "tell its administrator")
