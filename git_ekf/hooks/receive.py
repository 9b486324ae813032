"""The judge on the server: what git tells pre-receive becomes a repository as the push would leave it, and that a judgment.

The objects of the push lie in a quarantine that git's own child processes see, and no ref names them yet. Nothing is written to refs or
objects, and nothing that is pushed is read as configuration.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from git_ekf import config as configuration
from git_ekf.errors import EkfError, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, UPSTREAM, RefUpdate, is_zero, parse_receive
from git_ekf.hooks import fast_receive, settings, spawn
from git_ekf.names import valid_branch
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_receive
from git_ekf.policy.receiving import Arrival
from git_ekf.repository import RecordTag, Repository

# How much of the tags of a push is read (bytes), and of each one at least; of longer ones the beginning is judged.
# A thousand megabytes of the same line are one on the wire, and several thousand once they are taken apart.
_TAGS = 8 << 20
_TAG = 4 << 10


def judge(stdin: bytes) -> list[Finding]:
    """What the policy finds in a push. Raises EkfError, also where the server is not set up to judge."""
    pushers = dict(os.environ)
    if pushers.get("GIT_NAMESPACE"):
        raise Refused(
            "git-ekf does not judge a push into a namespace of git",
            "push to a repository without GIT_NAMESPACE",
        )
    with _environment():
        repo = Receiving(parse_receive(os.fsdecode(stdin)))
        config = repo.config
        if not config.server_judge:
            return []
        user = pushers.get(config.server_user, "") if config.server_user else ""
        arrival = Arrival(repo.updates, repo.kinds, user, _mirror(repo), repo.vain)
        found = judge_receive(repo, arrival)
        _remember(repo)
        return found


@contextmanager
def _environment() -> Iterator[None]:
    """Leaves only those of git's variables that git itself sets for the hook: others may be the client's, through ssh."""
    before = dict(os.environ)
    ours = {
        os.fsdecode(name): os.fsdecode(value) for name, value in spawn.server_environment().items()
    }
    os.environ.clear()
    os.environ.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Receiving(Repository):
    """The internal repository as a push would leave it. What a clone knows as origin/release-X.Y is refs/ekf/upstream/release-X.Y here."""

    def __init__(self, updates: list[RefUpdate]) -> None:
        super().__init__()
        self.updates = updates

    @cached_property
    def toml(self) -> bytes | None:
        """The bytes of the file that the administrator has named. Raises UsageError where it cannot be read."""
        path = self._file
        if not path:
            return None
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise _misconfigured(f"{path}: {error.strerror}") from None

    @property
    def _file(self) -> str:
        return self.git_setting(f"ekf.{configuration.SERVER_FILE}") or ""

    @cached_property
    def config(self) -> configuration.Config:
        """Raises UsageError, for whoever pushes to tell the administrator."""
        toml = self.toml
        try:
            config = configuration.load(toml, self.ekf_config, self._file)
        except UsageError as error:
            raise _misconfigured(error.message) from None
        if config.server_signed != "off" and not os.access(config.server_signers, os.R_OK):
            raise _misconfigured(
                f"server.signed needs server.allowed-signers, a file that can be read ({config.server_signers or 'none'})"
            )
        if config.server_may_push and not config.server_user:
            raise _misconfigured(
                "server.may-push needs server.user, the environment variable that says who pushes"
            )
        return config

    @cached_property
    def ekf_config(self) -> list[tuple[str, str]]:
        return [pair for pair in self.git_config if pair[0].startswith("ekf.")]

    def how_to_allow(self, key: str, name: str) -> str:
        return f'ask the server\'s administrator to add "{name}" to {key}'

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Object id -> type, for every object that an update names."""
        return {oid: kind for oid, (kind, _) in self._objects.items()}

    @cached_property
    def _objects(self) -> dict[str, tuple[str, int]]:
        asked = dict.fromkeys(update.new for update in self.updates if not update.deletes)
        stdin = "".join(f"{oid}\n" for oid in asked).encode()
        answers = (
            self.git.lines(
                "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=stdin
            )
            if asked
            else []
        )
        return {
            words[0]: (words[1], int(words[2]))
            for words in map(str.split, answers)
            if len(words) == 3
        }

    @cached_property
    def refs(self) -> dict[str, str]:
        """ref -> object id of release branches and the vendor's channels, as the push would leave them."""
        scheme = self.config.scheme
        patterns = (f"{HEADS}{scheme.prefix}*{scheme.suffix}", UPSTREAM)
        lines = self.git.lines(
            "for-each-ref", "--format=%(objectname) %(refname) %(symref)", *patterns
        )
        refs = {
            ref: oid for oid, ref, symref in (line.split(" ", 2) for line in lines) if not symref
        }
        for update in self.updates:
            if update.ref.startswith((HEADS, UPSTREAM)):
                refs[update.ref] = update.new
        return {ref: oid for ref, oid in refs.items() if not is_zero(oid)}

    @cached_property
    def vain(self) -> dict[str, str]:
        """Ref -> what is in the way of its update, as half a sentence: git or another ref. Without --atomic git makes all the others."""
        times = Counter(update.ref for update in self.updates)
        found = {ref: "is in the push twice" for ref, count in times.items() if count > 1}
        found |= {
            ref: "is no name that git takes for a ref" for ref in times if not valid_branch(ref)
        }
        found |= {
            ref: "is hidden on the server (receive.hideRefs)" for ref in times if self._hides(ref)
        }
        arriving = {update.ref for update in self.updates if not update.deletes}
        pairs = [(ref, above) for ref in arriving for above in _above(ref) if above in arriving]
        found |= {
            one: f"cannot be beside {other}"
            for ref, above in pairs
            for one, other in ((ref, above), (above, ref))
        }
        return found | self._against_standing(arriving)

    def _against_standing(self, arriving: set[str]) -> dict[str, str]:
        """The same for the refs that there are. They are read one by one: a server may have a hundred thousand."""
        found: dict[str, str] = {}
        olds = {update.ref: update.old for update in self.updates}
        # Then git refuses it, and nothing else comes of the push; but it deletes a ref whatever value it is said to have, if that is none.
        alone = len(self.updates) == 1 and not self.updates[0].deletes
        missing = {update.ref for update in self.updates if not update.creates and not alone}
        parents: dict[str, list[str]] = {}
        for ref in arriving:
            for above in _above(ref):
                parents.setdefault(above, []).append(ref)
        for ref, oid, symref in self._standing():
            missing.discard(ref)
            found |= dict.fromkeys(parents.get(ref, ()), f"cannot be beside {ref}, which is there")
            found |= {
                above: f"cannot be beside {ref}, which is there"
                for above in _above(ref)
                if above in arriving
            }
            if ref in olds and symref:
                found[ref] = f"is another name for {symref} on the server"
            elif ref in olds and oid != olds[ref] and not alone:
                found[ref] = f"has moved on the server, to {oid[:12]}"
        return found | dict.fromkeys(missing, "is not there any more")

    def _hides(self, ref: str) -> bool:
        """Whether git refuses to update the ref, after it has told the hook of it (git-config(1), transfer.hideRefs)."""
        hidden = False
        for pattern in self._hidden:
            prefix = pattern.lstrip("!^").rstrip("/")
            if ref == prefix or ref.startswith(f"{prefix}/"):
                hidden = not pattern.startswith("!")
        return hidden

    @cached_property
    def _hidden(self) -> list[str]:
        return [
            value
            for key, value in self.git_config
            if key in ("transfer.hiderefs", "receive.hiderefs")
        ]

    def _standing(self) -> Iterator[tuple[str, str, str]]:
        """Name, object id and, of a symbolic one, target of every ref."""
        process = self.git.start("for-each-ref", "--format=%(refname) %(objectname) %(symref)")
        assert process.stdout is not None
        for line in process.stdout:
            ref, oid, symref = os.fsdecode(line.removesuffix(b"\n")).split(" ")
            yield ref, oid, symref
        self.git.finish(process)

    @property
    def primary_prefix(self) -> str:
        return UPSTREAM

    @property
    def internal_prefix(self) -> str:
        return HEADS

    @cached_property
    def _arriving_channels(self) -> list[str]:
        """The vendor's commits that the push brings: they belong to the vendor, although no ref says so yet."""
        return [
            update.new
            for update in self.updates
            if update.ref.startswith(UPSTREAM) and self.kinds.get(update.new) == "commit"
        ]

    def vendor_globs(self) -> list[str]:
        return [UPSTREAM + "*"]

    def own_commits_of(
        self, tips: list[str], published: tuple[str, ...] = ()
    ) -> list[tuple[str, list[str]]]:
        return super().own_commits_of(tips, (*published, *self._arriving_channels))

    def channels_with(self, commit: str) -> list[str]:
        """A channel (as the sender calls it, origin/NAME) that has a commit."""
        names = (name for name, tip in self.channels.items() if self.git.is_ancestor(commit, tip))
        return [f"{self.config.primary}/{name}" for name in [next(names, None)] if name]

    def read_objects(self, named: dict[str, str]) -> list[RecordTag]:
        tags = [oid for oid in dict.fromkeys(named.values()) if self.kinds.get(oid) == "tag"]
        read = self._beginnings(tags, max(_TAG, _TAGS // len(tags))) if tags else {}
        return [RecordTag(ref, oid, read.get(oid)) for ref, oid in named.items()]

    def _beginnings(self, oids: list[str], limit: int) -> dict[str, bytes]:
        """At most so many bytes of each of the objects. Raises ValueError where git cannot read one."""
        process = self.git.start("cat-file", "--batch", stdin=True)
        assert process.stdin is not None
        assert process.stdout is not None
        read = {}
        for oid in oids:  # one by one, or both sides would wait for each other
            process.stdin.write(f"{oid}\n".encode())
            process.stdin.flush()
            words = process.stdout.readline().split()
            if len(words) != 3:
                raise ValueError(f"{oid} cannot be read")
            left = int(words[2]) + 1
            read[oid] = process.stdout.read(min(left - 1, limit))
            left -= len(read[oid])
            while left and (part := process.stdout.read(min(left, 1 << 16))):
                left -= len(part)
        self.git.finish(process, stdin=b"")
        return read


def _above(ref: str) -> list[str]:
    """What would have to be a directory for the ref to exist, below refs/heads and the like."""
    parts = ref.split("/")
    return ["/".join(parts[:end]) for end in range(3, len(parts))]


def _misconfigured(message: str) -> UsageError:
    return UsageError(f"this server is set up wrongly: {message}", "tell its administrator")


def _mirror(repo: Receiving) -> dict[str, str] | None:
    """Release branch -> commit in the mirror that the server goes by, where the push bears on it; None without a mirror."""
    path = repo.config.server_mirror
    if not path or not any(update.ref.startswith(UPSTREAM) for update in repo.updates):
        return None
    quarantine = (
        "GIT_DIR",
        "GIT_QUARANTINE_PATH",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    )
    here = {name: os.environ.pop(name) for name in quarantine if name in os.environ}
    try:
        lines = Git().lines(
            f"--git-dir={path}", "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", HEADS
        )
    except EkfError as error:
        raise _misconfigured(f"server.mirror: {error.message}") from None
    finally:
        os.environ.update(here)
    return {name: oid for oid, name in (line.split(" ", 1) for line in lines)}


def _remember(repo: Receiving) -> None:
    """Lets the fast path know what this configuration comes to, where it asks for the rules only."""
    config = repo.config
    if config.server_signed in ("off", "records"):
        grants = fast_receive.grants(config.server_user, config.server_may_push)
        kept = [config.scheme.pattern, config.primary, config.internal, *grants]
        settings.remember(spawn.git_dir("."), repo.toml, repo.git_config, kept, server=True)
