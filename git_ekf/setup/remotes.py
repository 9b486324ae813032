"""The remotes of a clone: which is the vendor, which is internal, and how each is to be fetched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from git_ekf.errors import Refused, UsageError
from git_ekf.git.refs import HEADS, MIRROR, RECORDS, SAVED, TAGS, UPSTREAM, RefUpdate
from git_ekf.names import record_name, without_credentials
from git_ekf.repository import Repository
from git_ekf.setup.steps import SetupStep, fetch_step
from git_ekf.shown import shell

# The records of `internal` are tracked as its branches are, by git itself, at every fetch and push.
# As tags they come by themselves, with the commits that they are on, or with the next command.
_RECORDS_REFSPEC = f"+{RECORDS}*:{SAVED}deploy/*"
# With tags on both sides of a refspec, `git fetch --prune` deletes the records that were not saved.
PRUNING_REFSPECS = frozenset((f"{RECORDS}*:{RECORDS}*", f"+{RECORDS}*:{RECORDS}*"))

# What a mirror says of itself. A pattern, because a fetch has to go well too where there is no
# such ref.
MIRROR_REFSPEC = "+refs/ekf/mirror/*:refs/ekf/mirror/*"


def records_refspecs(repo: Repository) -> tuple[str, str]:
    """The refspecs that bring the records of `internal`, and the vendor's commits that it keeps."""
    return _RECORDS_REFSPEC, f"+{repo.namespace.upstream}*:{UPSTREAM}*"


_BOTH = "git ekf init --primary URL --internal URL"


class Roles(NamedTuple):
    """Which remote is which.

    They have the names of now ("": there is none yet), and URLs to give them ("": keep theirs).
    """

    primary: str
    primary_url: str
    internal: str
    internal_url: str


# --- which is which ---


def plan_roles(repo: Repository, primary_url: str, internal_url: str) -> Roles:
    """Tells which of the remotes is the vendor's and which the cluster's own.

    Raises Refused where that cannot be told, UsageError for one URL twice.
    """
    remotes, config = repo.remotes, repo.config
    if primary_url and internal_url and repo.same_repository(primary_url, internal_url):
        raise UsageError(
            "the primary and the internal repository are the same",
            "give the cluster a repository of its own: git init --bare",
        )
    primary = _by_url(repo, primary_url)
    internal = _by_url(repo, internal_url)
    if not primary and not primary_url:
        primary = _guess_primary(repo, internal)
    if not internal and (not internal_url or config.internal != primary):
        internal = config.internal if config.internal in remotes else ""
    if not internal and not internal_url and config.primary in remotes:
        # The habit of forks: origin is one's own, upstream the vendor's.
        internal = config.primary if primary != config.primary else ""
    if not primary and not primary_url:
        raise Refused("no remote is the vendor's repository", _BOTH)
    if not internal and not internal_url:
        raise Refused(
            f"there is no remote {config.internal} for the cluster's own repository",
            "git ekf init --internal URL",
        )
    if primary and primary == internal:
        raise Refused(
            f"the remote {primary} cannot be both the primary and the internal repository", _BOTH
        )
    if not primary and config.primary in remotes and config.primary != internal:
        primary = config.primary
    return Roles(primary, primary_url, internal, internal_url)


def _by_url(repo: Repository, url: str) -> str:
    return next((name for name in repo.remotes if url and is_at(repo, name, url)), "")


def is_at(repo: Repository, remote: str, url: str) -> bool:
    """Whether a remote has that URL, as configured or as git rewrites it (url.BASE.insteadOf)."""
    known = [*repo.remotes[remote].urls, *repo.git_settings(f"remote.{remote}.url")]
    return any(repo.same_repository(url, own) for own in known)


def _guess_primary(repo: Repository, internal: str) -> str:
    """`upstream` beside an `origin`, else the configured name, else the only one left."""
    taken = (internal, repo.config.internal)
    remotes = [name for name in repo.remotes if name not in taken]
    if "upstream" in remotes and repo.config.internal not in repo.remotes:
        return "upstream"
    if repo.config.primary in remotes:
        return repo.config.primary
    return remotes[0] if len(remotes) == 1 else ""


# --- names, URLs and what a fetch brings ---


def plan_remotes(repo: Repository, roles: Roles) -> list[SetupStep]:
    """Renames, additions and new URLs, so that both remotes have their configured names.

    Raises Refused where a name is taken by another repository.
    """
    config = repo.config
    if (roles.primary, roles.internal) == (config.internal, config.primary):
        return [
            SetupStep(
                f"remotes {config.primary} and {config.internal} changed places, and fetched anew",
                partial(_exchange, repo),
                asks=True,
            )
        ]
    # The internal one first: in a clone of a fork it has to make room for the name "origin".
    both = [
        _plan_remote(repo, roles, roles.internal, config.internal, roles.internal_url),
        _plan_remote(repo, roles, roles.primary, config.primary, roles.primary_url),
    ]
    if roles.primary == config.internal:  # here it is the other one that has to
        both.reverse()
    steps = [*both[0], *both[1]]
    return steps + _plan_refspecs(repo, roles.internal)


def _plan_refspecs(repo: Repository, now: str) -> list[SetupStep]:
    """What a fetch of `internal`, which is called `now` ("" for none yet), has to bring."""
    internal = repo.config.internal
    refspecs = repo.git_settings(f"remote.{now}.fetch") if now else []
    wanted = records_refspecs(repo)
    missing = [one for one in wanted if one not in refspecs]
    # Those for another namespace: of the vendor's commits git takes one source only.
    stale = [one for one in refspecs if one.endswith(f":{UPSTREAM}*") and one not in wanted]
    steps = []
    if stale:
        what = f"brings the vendor's commits from {repo.namespace.upstream}"
        steps.append(_refspec_step(repo, internal, what, missing, stale))
    elif missing:
        steps.append(_refspec_step(repo, internal, "brings all deploy records", missing))
    if PRUNING_REFSPECS & set(refspecs):
        what = "prunes no deploy record that is here"
        steps.append(_refspec_step(repo, internal, what, [], PRUNING_REFSPECS))
    return steps


def plan_namespace(repo: Repository) -> list[SetupStep]:
    """In a clone whose tracked configuration, which came with it, names another namespace."""
    internal = repo.config.internal
    steps = _plan_refspecs(repo, internal)
    return [*steps, fetch_step(repo, internal)] if steps else []


def _refspec_step(
    repo: Repository, remote: str, what: str, new: list[str], old: Collection[str] = ()
) -> SetupStep:
    """The step by which a fetch of a remote does `what`: with new refspecs, without old ones."""
    key = f"remote.{remote}.fetch"

    def change() -> None:
        if old:
            kept = [one for one in repo.git.local_settings(key) if one not in old]
            repo.git.set_setting(key, *kept, *new)
            return
        for refspec in new:
            repo.git.add_setting(key, refspec)

    return SetupStep(f"fetching from {remote} {what}", change)


def _exchange(repo: Repository) -> None:
    """Gives each of both remotes the URLs of the other, and fetches anew."""
    primary, internal = repo.config.primary, repo.config.internal
    for key in ("url", "pushurl"):
        values = {name: repo.git.local_settings(f"remote.{name}.{key}") for name in repo.remotes}
        for name, other in ((primary, internal), (internal, primary)):
            if values[name] or values[other]:
                repo.git.set_setting(f"remote.{name}.{key}", *values[other])
    # What is remembered of one would pass for what the other has.
    known = repo.git.ref_values(repo.primary_prefix, repo.internal_prefix, SAVED, UPSTREAM)
    repo.git.update_refs(RefUpdate(ref, oid, "0" * len(oid)) for ref, oid in known.items())
    for remote in (primary, internal):
        repo.git.show_fetch(remote)


def _plan_remote(repo: Repository, roles: Roles, now: str, name: str, url: str) -> list[SetupStep]:
    """The remote called `now` ("" for none yet) gets a name and a URL ("" to keep its own)."""
    git, shown = repo.git, without_credentials(url)
    if not now:
        add = partial(git.add_remote, name, url)
        return [SetupStep(f"remote {name} added: {shown}", add)]
    steps = []
    if now != name:
        if name in repo.remotes and name not in (roles.primary, roles.internal):
            raise Refused(
                f"a remote {name} exists already and is another repository",
                f"git remote rename {shell(name)} OTHER",
            )
        rename = partial(git.rename_remote, now, name)
        steps.append(SetupStep(f"remote {now} renamed to {name}", rename, asks=True))
    if url and not is_at(repo, now, url):
        set_url = partial(git.set_remote_url, name, url)
        steps.append(SetupStep(f"remote {name} now points to {shown}", set_url, asks=True))
    return steps


def brings_channels(repo: Repository, remote: str) -> bool:
    """Whether a fetch of the remote brings every release channel.

    It does not in a clone of a single branch.
    """
    channel = HEADS + repo.config.scheme.branch("99.99")
    for refspec in repo.git_settings(f"remote.{remote}.fetch"):
        source = refspec.removeprefix("+").partition(":")[0]
        if "*" in source and fnmatchcase(channel, source):
            return True
    return False


def channels_refspec(primary: str) -> str:
    """The refspec that brings every branch of the primary repository."""
    return f"+{HEADS}*:refs/remotes/{primary}/*"


def plan_channels(repo: Repository, now: str) -> list[SetupStep]:
    """Where the primary repository, called `now`, was cloned for one branch: all the others."""
    if not now or brings_channels(repo, now):
        return []
    primary = repo.config.primary
    refspecs = [channels_refspec(primary)]
    step = _refspec_step(repo, primary, "brings every channel", refspecs)
    return [step, fetch_step(repo, primary)]


def plan_mirror(repo: Repository, url: str, there: Mapping[str, str]) -> list[SetupStep]:
    """Where the primary repository is a mirror, by its refs `there`: what it says of itself."""
    primary = repo.config.primary
    if MIRROR not in there or MIRROR_REFSPEC in repo.git_settings(f"remote.{primary}.fetch"):
        return []
    step = _refspec_step(repo, primary, "brings its age", [MIRROR_REFSPEC])
    return [step._replace(done=f"{without_credentials(url)} is a mirror; {step.done}")]


def plan_tags(repo: Repository, there: Mapping[str, str]) -> list[SetupStep]:
    """Where the primary repository, by its refs `there`, has a tag in the way of deploy records."""
    scheme, primary = repo.config.scheme, repo.config.primary
    tags = [ref.removeprefix(TAGS) for ref in there if f"{ref}/".startswith(RECORDS)]
    odd = [tag for tag in tags if isinstance(record_name(tag.removesuffix("^{}"), scheme), str)]
    if not odd:
        return []
    without = partial(repo.git.set_setting, f"remote.{primary}.tagOpt", "--no-tags")
    return [
        SetupStep(
            f"fetching from {primary} brings no tags: {odd[0]} would be in the way of"
            " deploy records",
            without,
        )
    ]
