"""Sets a clone up as people really have it: remotes, settings, hooks and the branch.

A set-up is planned as a list of steps before anything is changed. Steps that move what the user
made (renaming a remote or a branch) are marked, so that a command can show them and ask first.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from git_ekf import shims
from git_ekf.errors import CallFailed, EkfError, GitFailed, Refused, UsageError
from git_ekf.git import Git
from git_ekf.names import Scheme, without_credentials
from git_ekf.refs import HEADS, MIRROR, RECORDS, SAVED, UPSTREAM
from git_ekf.repository import Repository

# What keeps plain git safe here: setting, value, and what it prevents.
SETTINGS = (
    ("remote.pushDefault", "internal", "git push goes to the internal repository"),
    ("pull.ff", "only", "git pull never makes a merge commit"),
    ("merge.ff", "only", "git merge never makes a merge commit"),
    ("push.followTags", "true", "deploy records travel with their branch"),
    ("rerere.enabled", "true", "a conflict resolved once is resolved for good"),
)

# Records come as tags; what `internal` has is tracked beside them, by git itself, at every fetch and push.
# The tracking one stands first, because a push updates what the first refspec that fits names.
RECORDS_REFSPECS = (f"+{RECORDS}*:{SAVED}deploy/*", f"{RECORDS}*:{RECORDS}*", f"+{UPSTREAM}*:{UPSTREAM}*")


# What a mirror says of itself. A pattern, because a fetch has to go well too where there is no such ref.
MIRROR_REFSPEC = "+refs/ekf/mirror/*:refs/ekf/mirror/*"


class Step(NamedTuple):
    """One change: `what` says it in the past tense, `act` makes it; `asks` when the user has to agree to it."""

    what: str
    act: Callable[[], object]
    asks: bool = False


class Roles(NamedTuple):
    """Which remote is which, by the names they have now ("": there is none yet), and URLs to give them ("": keep)."""

    primary: str
    primary_url: str
    internal: str
    internal_url: str


def plan_roles(repo: Repository, primary_url: str, internal_url: str) -> Roles:
    """Tells which of the remotes is the vendor's and which the cluster's own. Raises Refused, UsageError."""
    remotes, config = repo.remotes, repo.config
    if primary_url and internal_url and repo.same_repository(primary_url, internal_url):
        raise UsageError(
            "the primary and the internal repository are the same", "give the cluster a repository of its own: git init --bare"
        )
    primary = _by_url(repo, primary_url)
    internal = _by_url(repo, internal_url)
    taken = {primary, internal}
    if not primary and not primary_url:
        primary = _guess_primary(repo, taken)
    taken.add(primary)
    if not internal and not internal_url:
        internal = config.internal if config.internal in remotes else ""
        if not internal and config.primary in remotes and primary != config.primary:
            internal = config.primary  # the habit of forks: origin is one's own, upstream the vendor's
    elif not internal and config.internal in remotes and config.internal not in taken:
        internal = config.internal
    if not primary and not primary_url:
        raise Refused("no remote is the vendor's repository", "git ekf init --primary URL --internal URL")
    if not internal and not internal_url:
        raise Refused(f"there is no remote {config.internal} for the cluster's own repository", "git ekf init --internal URL")
    if primary and primary == internal:
        raise Refused(
            f"the remote {primary} cannot be both the primary and the internal repository", "git ekf init --primary URL --internal URL"
        )
    if not primary and config.primary in remotes and config.primary != internal:
        primary = config.primary
    return Roles(primary, primary_url, internal, internal_url)


def _by_url(repo: Repository, url: str) -> str:
    return next((name for name in repo.remotes if url and _is_at(repo, name, url)), "")


def _is_at(repo: Repository, remote: str, url: str) -> bool:
    """Whether a remote has that URL, as it is configured or as git rewrites it (url.BASE.insteadOf)."""
    return any(repo.same_repository(url, own) for own in (*repo.remotes[remote].urls, *repo.git_settings(f"remote.{remote}.url")))


def _guess_primary(repo: Repository, taken: set[str]) -> str:
    """`upstream` beside an `origin`, else the remote of the configured name, else the only one that is left."""
    remotes = [name for name in repo.remotes if name not in taken and name != repo.config.internal]
    if "upstream" in remotes and repo.config.internal not in repo.remotes:
        return "upstream"
    if repo.config.primary in remotes:
        return repo.config.primary
    return remotes[0] if len(remotes) == 1 else ""


def plan_remotes(repo: Repository, roles: Roles) -> list[Step]:
    """Renames, additions and new URLs, so that both remotes have their configured names."""
    git, config = repo.git, repo.config
    steps = []
    # The internal one first: in a clone of a fork it has to make room for the name "origin".
    for now, name, url in ((roles.internal, config.internal, roles.internal_url), (roles.primary, config.primary, roles.primary_url)):
        shown = without_credentials(url)
        if now and now != name:
            if name in repo.remotes and name not in (roles.primary, roles.internal):
                raise Refused(f"a remote {name} exists already and is another repository", f"git remote rename {name} OTHER")
            steps.append(
                Step(f"remote {now} renamed to {name}", partial(git.run, "remote", "rename", "--no-progress", "--", now, name), True)
            )
        if not now:
            steps.append(Step(f"remote {name} added: {shown}", partial(git.run, "remote", "add", "--", name, url)))
        elif url and not _is_at(repo, now, url):
            steps.append(Step(f"remote {name} now points to {shown}", partial(git.run, "remote", "set-url", "--", name, url), True))
    refspecs = repo.git_settings(f"remote.{roles.internal}.fetch") if roles.internal else []
    missing = [refspec for refspec in RECORDS_REFSPECS if refspec not in refspecs]
    if missing:
        steps.append(
            Step(f"fetching from {config.internal} brings all deploy records", partial(_add_refspecs, git, config.internal, missing))
        )
    return steps


def brings_channels(repo: Repository, remote: str) -> bool:
    """Whether a fetch of the remote brings every release channel, as it does not in a clone of a single branch."""
    sources = (refspec.removeprefix("+").partition(":")[0] for refspec in repo.git_settings(f"remote.{remote}.fetch"))
    return any("*" in source and fnmatchcase(HEADS + repo.config.scheme.branch("99.99"), source) for source in sources)


def channels_refspec(primary: str) -> str:
    return f"+{HEADS}*:refs/remotes/{primary}/*"


def plan_channels(repo: Repository, now: str) -> list[Step]:
    """Where the primary repository, called `now`, was cloned for a single branch, a fetch brings the other channels too."""
    if not now or brings_channels(repo, now):
        return []
    primary = repo.config.primary
    return [
        Step(f"fetching from {primary} brings every channel", partial(_add_refspecs, repo.git, primary, [channels_refspec(primary)])),
        Step(f"fetched what {primary} has", partial(repo.git.show, "fetch", *progress(), "--", primary)),
    ]


def plan_mirror(repo: Repository, url: str, there: Mapping[str, str]) -> list[Step]:
    """Where the primary repository is a mirror, by the refs that are `there`, a fetch brings what it says of itself."""
    known = repo.git_settings(f"remote.{repo.config.primary}.fetch")
    if MIRROR not in there or MIRROR_REFSPEC in known:
        return []
    add = partial(_add_refspecs, repo.git, repo.config.primary, [MIRROR_REFSPEC])
    return [Step(f"{without_credentials(url)} is a mirror; fetching from {repo.config.primary} brings its age", add)]


def _add_refspecs(git: Git, remote: str, refspecs: list[str]) -> None:
    for refspec in refspecs:
        git.run("config", "--add", f"remote.{remote}.fetch", refspec)


def plan_settings(repo: Repository) -> list[Step]:
    """The settings that keep plain git safe. A value set in this clone is the user's word and stays."""
    local = dict(_pairs(repo, "--local"))
    steps = []
    for name, value, why in SETTINGS:
        wanted = repo.config.internal if name == "remote.pushDefault" else value
        key = name.lower()
        here, everywhere = local.get(key), repo.git_setting(key)
        if here is not None:
            if not _same_value(here, wanted):
                steps.append(
                    Step(f"{name} is {here} in this clone and stays so; git-ekf advises {wanted}: git config {name} {wanted}", _nothing)
                )
        else:
            over = f" (your own setting elsewhere is {everywhere})" if everywhere and not _same_value(everywhere, wanted) else ""
            steps.append(Step(f"{name} = {wanted}: {why}{over}", partial(repo.git.run, "config", name, wanted)))
    return steps


def _pairs(repo: Repository, scope: str) -> list[tuple[str, str]]:
    pairs = []
    for entry in repo.git.fields("config", scope, "--list", "-z"):
        key, newline, value = entry.partition("\n")
        pairs.append((key, value if newline else "true"))
    return pairs


def _same_value(one: str, other: str) -> bool:
    spelt = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
    return spelt.get(one.lower(), one) == spelt.get(other.lower(), other)


def _nothing() -> None:
    """For a step that only has something to say."""


def plan_hooks(repo: Repository) -> list[Step]:
    """The hooks, or the sentence that says why they cannot go where git looks for them."""
    target, states = shims.target(repo), shims.states(repo)
    if all(state.state in ("ok", "chained") for state in states):
        return []
    if target.obstacle:
        return [Step(f"hooks NOT installed: {target.obstacle}. {target.hint}", _nothing)]
    kept = [state.hook for state in states if os.path.lexists(state.path) and state.state in ("missing", "displaced")]
    note = f" (yours are kept and run first: {', '.join(kept)})" if kept else ""
    return [Step(f"hooks installed: {', '.join(shims.CLIENT)}{note}", partial(shims.install, target.directory))]


def plan_branch(repo: Repository, primary_now: str, release: str) -> list[Step]:
    """Gets onto a release branch that tracks its channel. `primary_now` is the primary remote's present name.

    Raises Refused where only the user can tell what is meant.
    """
    scheme, primary, git = repo.config.scheme, repo.config.primary, repo.git
    prefix = f"refs/remotes/{primary_now}/"
    channels = {
        name: repo.refs[prefix + name]
        for name in sorted((ref[len(prefix) :] for ref in repo.refs if ref.startswith(prefix)), key=scheme.key)
        if scheme.is_release(name)
    }
    if not channels:
        raise Refused(
            f"{primary_now} has no release branch ({scheme.pattern})", "other names: git config ekf.branches.release 'v{version}-branch'"
        )
    wanted = choose_release(scheme, release, list(channels)) if release else ""
    here = repo.head_branch
    steps: list[Step] = []
    if here is None:
        raise Refused(
            "HEAD is detached", f"git switch {wanted or next(reversed(repo.release_branches), next(reversed(channels)))}, then again"
        )
    if scheme.is_release(here) and wanted in ("", here):
        target = here
        if target not in channels:
            raise Refused(f"{primary_now} has no {target}; it has {', '.join(channels)}", f"git fetch {primary_now}")
    else:
        target, steps = _leave_stray(repo, here, wanted, prefix, channels)
    if repo.upstream(target) != (primary, [HEADS + target]):
        steps.append(Step(f"{target} tracks {primary}/{target}", partial(track, git, primary, target)))
    return steps


def _leave_stray(repo: Repository, here: str, wanted: str, prefix: str, channels: dict[str, str]) -> tuple[str, list[Step]]:
    """From a branch that is no release branch (or not the wanted one) to one that is."""
    git = repo.git
    tip = repo.refs[HEADS + here]
    own = git.rev_list("--max-count=1", include=[tip], globs=[prefix + "*"])
    target = wanted or _stands_on(repo, tip, channels)
    if own and not repo.config.scheme.is_release(here):
        if target in repo.release_branches:
            raise Refused(
                f"{here} has commits of its own and {target} exists too",
                f"git switch {target} and bring them over: git cherry-pick {shlex.quote(f'{target}..{here}')}",
            )
        return target, [Step(f"branch {here} renamed to {target}", partial(git.run, "branch", "-m", "--", here, target), True)]
    start = [] if target in repo.release_branches else ["-c"]
    source = [] if target in repo.release_branches else ["--no-track", channels[target]]
    steps = [Step(f"switched to {target}", partial(git.run, "switch", "--quiet", *start, target, *source), True)]
    if not repo.config.scheme.is_release(here):
        steps.append(
            Step(f"branch {here} deleted; it held nothing but the vendor's commits", partial(git.run, "branch", "-D", "--", here), True)
        )
    return target, steps


def _stands_on(repo: Repository, tip: str, channels: dict[str, str]) -> str:
    """The channel that leaves the fewest commits over; of equals the one that has gone least far since, then the newest."""
    return min(reversed(channels), key=lambda name: (repo.git.count(tip, channels[name]), repo.git.count(channels[name], tip)))


def choose_release(scheme: Scheme, release: str, branches: list[str]) -> str:
    """The release branch that `release` ("1.8", "release-1.8") means. Raises UsageError naming those that exist."""
    branch = scheme.parse(release)
    if branch not in branches:
        known = ", ".join(sorted(set(branches), key=scheme.key)) or "none"
        raise UsageError(f"there is no release {release}; the vendor has {known}", "give one of these with --release")
    return branch


def track(git: Git, primary: str, branch: str) -> None:
    """Makes a branch track the channel of its name, known here already or not."""
    git.run("config", f"branch.{branch}.remote", primary)
    git.run("config", f"branch.{branch}.merge", HEADS + branch)


def prepare(repo: Repository, roles: Roles) -> Repository:
    """Makes sure that new URLs answer and that the vendor's channels are known here; changes nothing of the user's.

    Returns the repository to plan with. Raises CallFailed, Refused.
    """
    git, config = repo.git, repo.config
    for role, url in (("primary", roles.primary_url), ("internal", roles.internal_url)):
        if url:
            ask_remote(git, role, url)
    if in_two_goes(repo, roles):
        return repo
    prefix = f"refs/remotes/{roles.primary or config.primary}/"
    if any(ref.startswith(prefix) and config.scheme.is_release(ref[len(prefix) :]) for ref in repo.refs):
        return repo
    git.show("fetch", *progress(), "--", roles.primary or roles.primary_url, f"+refs/heads/*:{prefix}*")
    return Repository(git)


def in_two_goes(repo: Repository, roles: Roles) -> bool:
    """Whether the internal repository has the primary one's name, which is new here: the vendor's channels can be fetched only then."""
    return not roles.primary and roles.internal == repo.config.primary


def plan(repo: Repository, roles: Roles, release: str) -> list[Step]:
    """Everything that `init` does, in order; where it takes two goes, the first one. Empty when nothing is to be done."""
    if repo.head is None and not repo.release_branches:
        raise Refused("nothing is checked out in this repository", "git ekf clone PRIMARY DIR --internal URL")
    remotes = plan_remotes(repo, roles)
    internal = repo.config.internal
    fetch = Step(f"fetched what {internal} has", partial(repo.git.show, "fetch", *progress(), "--", internal))
    if in_two_goes(repo, roles):
        primary = repo.config.primary
        return [*remotes, Step(f"fetched what {primary} has", partial(repo.git.show, "fetch", *progress(), "--", primary))]
    return [
        *remotes,
        *plan_channels(repo, roles.primary),
        *(plan_mirror(repo, roles.primary_url, repo.git.ls_remote(roles.primary_url, MIRROR)) if roles.primary_url else []),
        *([fetch] if any(step.what.startswith(f"fetching from {internal}") for step in remotes) else []),
        *plan_branch(repo, roles.primary or repo.config.primary, release),
        *plan_settings(repo),
        *plan_hooks(repo),
    ]


def progress() -> list[str]:
    """How `git fetch` is to report: as it does to a person, or not at all."""
    return ["--progress"] if sys.stderr.isatty() else ["--quiet"]


def ask_remote(git: Git, role: str, url: str, *patterns: str) -> dict[str, str]:
    """The refs at a URL; by default branches, deploy records and what a mirror says of itself. Raises CallFailed with the reason."""
    try:
        return git.ls_remote(url, *(patterns or ("refs/heads/*", "refs/tags/deploy/*", MIRROR)))
    except CallFailed as error:
        raise unreadable(role, url, error) from None


def unreadable(role: str, url: str, error: CallFailed) -> CallFailed:
    """The error for a repository that cannot be read, with the reason in a sentence."""
    reason = error.message
    if isinstance(error, GitFailed):
        # The first complaint says what is wrong; "Could not read from remote repository" only follows it.
        reason = next((line.removeprefix("fatal: ") for line in error.stderr.splitlines() if line.strip()), reason)
    shown = without_credentials(url)
    return CallFailed(f"cannot read the {role} repository {shown}: {reason}", f"try it with: git ls-remote {shown}")


def run(steps: list[Step]) -> list[str]:
    """Makes the changes in order and says what was done. Raises EkfError with how to go on when one fails."""
    for number, step in enumerate(steps):
        try:
            step.act()
        except EkfError as error:
            if number and not error.hint:
                error.hint = "what was done before it stays; run git ekf init again to go on"
            raise
    return [step.what for step in steps]
