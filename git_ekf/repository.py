"""The facts about a repository that policy, set-up and status go by, each asked for once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.deleted_channels import deleted
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.questions.about import Paths
from git_ekf.git.refs import (
    HEADS,
    RECORD_REFS,
    REPLACED,
    REPOSITORY_REFS,
    TAGS,
    UPSTREAM,
    RefNamespace,
    replaced_below,
)
from git_ekf.listed_commits import CommitList, ListedCommits
from git_ekf.names import normalise_url
from git_ekf.shown import in_words, shell
from git_ekf.smallfile import STATE, read_small


class Remote(NamedTuple):
    """A remote and its URLs, as git will use them."""

    name: str
    urls: tuple[str, ...]
    push_urls: tuple[str, ...]


class Repository(ListedCommits):
    """A local clone, or a bare repository. Nothing is asked of git before it is needed."""

    def __init__(self, git: Git | None = None) -> None:
        super().__init__()
        self.git = git or Git()
        self._merge_bases: dict[tuple[str, str], str | None] = {}

    def fresh(self) -> Repository:
        """The same repository, with everything to be asked again: for after something moved."""
        return Repository(self.git)

    @cached_property
    def place(self) -> Paths:
        """Where the repository is. Raises Refused where there is none."""
        return self.git.place()

    def require_work_tree(self) -> None:
        """Raises Refused in a bare repository."""
        if not self.place.top:
            raise Refused(
                "this needs a work tree, and this repository has none here",
                "git ekf clone PRIMARY --internal URL",
            )

    @cached_property
    def git_config(self) -> list[tuple[str, str]]:
        """All of git's configuration, in order of precedence."""
        return self.git.config_pairs()

    def git_setting(self, key: str) -> str | None:
        """The value in force of a git setting; the last one wins, as in git-config(1)."""
        values = self.git_settings(key)
        return values[-1] if values else None

    def git_settings(self, key: str) -> list[str]:
        """All values of a git setting, in order of precedence."""
        return [value for name, value in self.git_config if name == key]

    def git_flag(self, key: str, default: str = "false") -> bool:
        """Whether a git setting is on, in any of git's spellings (git-config(1), boolean)."""
        return (self.git_setting(key) or default).lower() in ("true", "yes", "on", "1")

    @cached_property
    def config(self) -> configuration.Config:
        """The configuration in force. Raises UsageError."""
        return configuration.load(self.toml, self.git_config)

    @cached_property
    def toml(self) -> bytes | None:
        """The bytes of `.ekf.toml`: of the work tree, or of HEAD in a bare repository.

        Raises UsageError for anything but a small regular file.
        """
        if self.place.top:
            content = configuration.read(os.path.join(self.place.top, configuration.FILE))
            # In conflict it is nobody's word: the one that it lands on counts until then.
            if not (content and _CONFLICT in content and self.operation):
                return content
        return self.git.find_blob(f"HEAD:{configuration.FILE}")

    def how_to_allow(self, key: str, name: str) -> str:
        """The act that adds a name to a list of the configuration, where the list is kept."""
        if self.toml is not None:
            # A value in git's configuration would take the place of the file's.
            return f"add {in_words(name)} to {key} in {configuration.FILE}"
        return f"git config --add {shell(f'ekf.{key}', name)}"

    @cached_property
    def namespace(self) -> RefNamespace:
        """Where `internal` keeps the vendor's commits and backups."""
        return RefNamespace(self.config.namespace)

    @cached_property
    def head_branch(self) -> str | None:
        """The branch that HEAD is on, None when it is detached."""
        return self.git.head_branch()

    @cached_property
    def head(self) -> str | None:
        """The commit checked out; None on an unborn branch."""
        # `refs` is asked for anyway and leaves out symbolic refs.
        return self.refs.get(f"{HEADS}{self.head_branch}") or self.git.commit("HEAD")

    @cached_property
    def refs(self) -> dict[str, str]:
        """Ref -> object id of branches and remote-tracking branches.

        With them the vendor's commits that `internal` keeps, a mirror's statement of itself, and
        what is replaced by other objects.
        """
        # Without refs/remotes/origin/HEAD, which is no branch.
        return self.git.ref_values(*REPOSITORY_REFS)

    @property
    def replaced(self) -> dict[str, str]:
        """Object id -> the one that git shows in its place; empty where git was told not to.

        git(1), GIT_REPLACE_REF_BASE and GIT_NO_REPLACE_OBJECTS; core.useReplaceRefs.
        """
        if "GIT_NO_REPLACE_OBJECTS" in os.environ or not self.git_flag(
            "core.usereplacerefs", "true"
        ):
            return {}
        base = replaced_below()
        refs = self.refs if base == REPLACED else self.git.ref_values(base)
        return {ref.removeprefix(base): oid for ref, oid in refs.items() if ref.startswith(base)}

    @cached_property
    def remotes(self) -> dict[str, Remote]:
        """Remotes with URLs as git will use them, `url.<base>.insteadOf` applied."""
        keys = dict.fromkeys(key for key, _ in self.git_config)
        rewritten = any(key.startswith("url.") for key in keys)
        remotes = {}
        for key in keys:
            if not key.startswith("remote.") or not key.endswith(".url"):
                continue
            name = key.removeprefix("remote.").removesuffix(".url")
            if rewritten:
                urls = self.git.remote_urls(name)
                push_urls = self.git.remote_urls(name, push=True)
            else:
                urls = self.git_settings(f"remote.{name}.url")
                push_urls = self.git_settings(f"remote.{name}.pushurl") or urls
            remotes[name] = Remote(name, tuple(urls), tuple(push_urls))
        return remotes

    def same_repository(self, one: str, other: str) -> bool:
        """Whether two URLs name the same repository, in whatever spelling."""
        return self.normalise(one) == self.normalise(other)

    def normalise(self, url: str) -> str:
        """A URL or path in the one spelling by which repositories are told apart."""
        base = self.place.top or self.place.git_dir
        return normalise_url(url, lambda path: os.path.realpath(os.path.join(base, path)))

    # --- releases ---

    @property
    def primary_prefix(self) -> str:
        """Begins the refs of the vendor's channels."""
        return f"refs/remotes/{self.config.primary}/"

    @property
    def internal_prefix(self) -> str:
        """Begins the refs of the branches on `internal`."""
        return f"refs/remotes/{self.config.internal}/"

    def tracking(self, name: str) -> str:
        """REMOTE/BRANCH as a printed command has to name that remote-tracking branch.

        It is the ref in full where the short name is that of a branch or a tag here too.
        """
        if HEADS + name in self.refs or self.git.ref_value(TAGS + name):
            return f"refs/remotes/{name}"
        return name

    @cached_property
    def channels(self) -> dict[str, str]:
        """Release branch name -> the vendor's commit, lowest version first.

        Without those that the vendor has deleted, as of the last fetch of ours.
        """
        known = self.releases_under(self.primary_prefix)
        gone = deleted(self.place.git_dir, self.place.common_dir)
        return {name: commit for name, commit in known.items() if gone.get(name) != commit}

    @cached_property
    def saved_branches(self) -> dict[str, str]:
        """Release branch name -> its commit on `internal` as last fetched, lowest version first."""
        return self.releases_under(self.internal_prefix)

    @cached_property
    def release_branches(self) -> dict[str, str]:
        """Local release branches -> commit, lowest version first."""
        return self.releases_under(HEADS)

    def releases_under(self, prefix: str) -> dict[str, str]:
        """Release branch -> commit of the refs that begin so, lowest version first."""
        releases = self.config.scheme.releases(self.refs, prefix)
        return {name: self.refs[prefix + name] for name in releases}

    def channel(self, branch: str) -> str | None:
        """The vendor's commit of a channel, deleted or not; else the one `internal` keeps."""
        return self.refs.get(self.primary_prefix + branch) or self.refs.get(UPSTREAM + branch)

    def vendor_globs(self) -> list[str]:
        """Ref globs that together hold every commit known to be the vendor's."""
        return [f"{prefix}*" for prefix in dict.fromkeys((self.primary_prefix, UPSTREAM))]

    def base(self, branch: str) -> str | None:
        """The merge base of a local release branch and its channel; None without common history."""
        channel = self.channel(branch)
        tip = self.refs.get(HEADS + branch)
        return self.merge_base(channel, tip) if channel and tip else None

    def merge_base(self, channel: str, tip: str) -> str | None:
        """The merge base of a channel and a tip, asked once; None without common history."""
        if (channel, tip) not in self._merge_bases:
            self._merge_bases[channel, tip] = self.git.merge_base(channel, tip)
        return self._merge_bases[channel, tip]

    def known_on(self, channel: str) -> set[str]:
        """Commits that are on a channel: its own, and merge bases with it that were asked for."""
        bases = {base for (one, _), base in self._merge_bases.items() if base and one == channel}
        return {channel, *bases}

    def channels_with(self, commit: str) -> list[str]:
        """Remote-tracking branches of the primary (as origin/NAME) that have a commit."""
        found = self.git.ref_values(self.primary_prefix, contains=commit)
        return [ref.removeprefix("refs/remotes/") for ref in found]

    def how_to_unshallow(self) -> str:
        """The command that brings a shallow clone what it lacks, from whom it lacks it."""
        path = os.path.join(self.place.common_dir, "shallow")
        ends = set((read_small(path, STATE) or b"").decode().split())
        own = self.git.commits(ends, globs=self.vendor_globs())
        # What the vendor has may be all that is lacking: only what is left then is asked there.
        remote = self.config.internal if ends <= set(own) else self.config.primary
        return f"git fetch --unshallow {shell(remote)}"

    def own_commits_of(self, tips: list[str], published: tuple[str, ...] = ()) -> CommitList:
        """The customer's commits up to some tips, newest first, with their parents."""
        return list(self.git.parents(tips, published, self.vendor_globs()).items())

    def upstream(self, branch: str) -> tuple[str, list[str]]:
        """(remote, merge refs) that a branch tracks, ("", []) when it tracks nothing."""
        remote = self.git_setting(f"branch.{branch}.remote") or ""
        return remote, self.git_settings(f"branch.{branch}.merge")

    # --- deploy records ---

    @cached_property
    def record_refs(self) -> dict[str, str]:
        """Ref -> object id of the deploy records: as tags, on `internal` as last fetched, kept."""
        return {ref.name: ref.oid for ref in self.git.refs(*RECORD_REFS)}

    def read_tags(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Object id -> tag object, of those that are annotated tags."""
        asked = list(dict.fromkeys(oids))
        found = zip(asked, self.git.read_objects(asked), strict=True)
        return {oid: tag.content for oid, tag in found if tag and tag.type == "tag"}

    @cached_property
    def operation(self) -> str | None:
        """Of rebase, merge, cherry-pick, revert, bisect, am the one in progress; or None."""
        for name, operation in _OPERATIONS:
            if os.path.exists(os.path.join(self.place.git_dir, name)):
                return operation
        return None


# Begins the first side of a conflict (git-merge(1)).
_CONFLICT = b"<<<<<<< "

# The marks that wt-status.c goes by, in its order.
_OPERATIONS = (
    ("MERGE_HEAD", "merge"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("rebase-merge", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry-pick"),
    ("BISECT_LOG", "bisect"),
)
