"""The configuration commits that are to be carried over: read, migrated, made one line.

`plan` tells what becomes of them, `carry` has it happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from git_ekf.background import Background
from git_ekf.git.questions.history import MadeBy
from git_ekf.git.trees import CommitChanges
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.evidence import Drop
from git_ekf.replay.followed import Followed
from git_ekf.replay.forecast import Forecast
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack, already_upstream, carried_before, read_stack
from git_ekf.replay.step import Progress, ReplayStep, Write
from git_ekf.repository import Repository
from git_ekf.upgrade.migration import (
    Migrated,
    Migration,
    migrate,
    migrations_between,
    squash,
    write_stack,
)
from git_ekf.upgrade.prefer import Preference, in_force
from git_ekf.upgrade.settling import known_resolutions, settler
from git_ekf.upgrade.target import Target, releases_through

if TYPE_CHECKING:
    from git_ekf.manifests.build import Progress as Builds
    from git_ekf.resolutions.answers import Resolutions

# Paths by which git finds commits sooner than it tells of each what it changes.
_FEW = 100


class Options(NamedTuple):
    """How commits are carried over.

    `prefer` decides conflicts in the content of files; `flatten` makes one line of a history with
    merges. `squash`: only the final state is migrated, and carried over as one commit.
    `drop` is asked of each commit that would conflict and is superseded; without it nobody looks
    whether one is. `save_check`: the branch has to be saved. `progress` goes through the commits.
    `given` are the words behind the command, for sentences that name it again: " 1.9 --flatten" for
    instance. `effects`: a plan tells what it would break. `builds` goes through kustomizations:
    what resolutions settle has to build as it did, and a plan has all built.
    `resolutions` decide conflicts that were decided before; None where a clone goes by none.
    `memory` is the directory of what git-rerere(1) remembers, "" where nothing is taken from there.
    """

    prefer: tuple[Preference, ...] = ()
    flatten: bool = False
    squash: bool = False
    drop: Drop | None = None
    save_check: bool = True
    progress: Progress = iter
    given: str = ""
    effects: bool = False
    builds: Builds | None = None
    resolutions: Resolutions | None = None
    memory: str = ""


class Work(NamedTuple):
    """The commits that are to be carried over, and all that bears on what becomes of them.

    `options` are those given, with what is configured. `upstream`: see `already_upstream`. `vendor`
    is the vendor's commit that they go onto, or that is below what they go onto. `rewritten` is
    there where the commits are not those of the branch: migrated, or made one line.
    """

    repo: Repository
    scratch: Scratch
    target: Target
    options: Options
    stack: Stack
    divergence: Divergence
    upstream: dict[str, str]
    migrations: list[Migration]
    vendor: str
    rewritten: Migrated | None = None

    @property
    def coming(self) -> list[Commit]:
        """The commits of which something may be left to write."""
        commits = self.stack.commits
        return [one for one in commits if one.oid not in self.upstream and not one.emptied]

    def steps(self, write: Write | None = None) -> list[ReplayStep]:
        """A step for each commit; `write`: see `Forecast`. Raises GitFailed."""
        scratch, options = self.scratch, self.options
        # Where migrations have moved files, they are not where the releases have moved them.
        releases = () if self.migrations else releases_through(self.repo, self.target)
        paths = {path for commit in self.stack.commits for path in commit.changes}
        followed = Followed(scratch, releases, paths)

        def foretell(stack: Stack, onto: str, divergence: Divergence) -> list[ReplayStep]:
            changes = [commit.changes for commit in stack.commits]
            known, memory = options.resolutions, options.memory
            settle = settler(scratch, options.prefer, followed, known, changes, memory)
            forecast = Forecast(
                scratch,
                stack,
                onto,
                self.upstream,
                divergence,
                settle=settle,
                followed=followed,
                write=write,
            )
            return forecast.steps(options.progress)

        steps = foretell(self.stack, self.target.onto, self.divergence)
        if options.drop is None or not any(step.verdict == "conflict" for step in steps):
            return steps
        from git_ekf.replay.dropping import leave_out  # which few upgrades need
        from git_ekf.replay.superseded import Supersession

        look = Supersession(scratch.writing, self.stack.base, self.vendor, followed.place)
        onto = self.target.onto
        return leave_out(scratch, self.stack, onto, steps, foretell, look, options.drop)


def read_work(
    repo: Repository,
    scratch: Scratch,
    target: Target,
    options: Options,
    shared: Shared | None = None,
) -> Work:
    """The commits as they are on the branch; `shared` is what is known of them already.

    Raises Refused for a migration that is not trusted, UsageError, GitFailed.
    """
    prefer, known = in_force(repo, target, options.prefer), known_resolutions(repo, target)
    options = options._replace(prefer=prefer, resolutions=known)
    base, onto = target.base, target.onto
    divergence = Background(lambda: read_divergence(scratch.writing, base, onto))
    may_migrate = shared is None or shared.may_migrate
    migrations = Background(
        lambda: migrations_between(repo, target, scratch) if may_migrate else []
    )
    stack = shared.stack if shared else stack_of(repo, target)
    # The vendor's commits that may be one of the stack's.
    if target.prepared:
        channel = repo.git.commits_with_changes(base, onto)
    elif shared is None:
        channel = candidates(repo, stack, [onto])
    else:
        there = set(repo.git.commits([onto], [base])) if shared.candidates else set()
        channel = [commit for commit in shared.candidates if commit.oid in there]
    upstream = already_upstream(repo.git, stack, channel, target.tip, onto)
    vendor = onto
    if target.prepared:
        upstream.update(_carried_before(repo, target, stack, channel, upstream))
        vendor = repo.git.merge_base(onto, repo.channels[target.goal]) or onto
    return Work(
        repo,
        scratch,
        target,
        options,
        stack,
        divergence.result(),
        upstream,
        migrations.result(),
        vendor,
    )


def stack_of(repo: Repository, target: Target) -> Stack:
    """The commits as they are on the branch."""
    return read_stack(repo.git, target.base, target.tip, repo.own_commits(target.tip))


class Shared(NamedTuple):
    """The part that upgrades of one branch to several channels have in common.

    `candidates` are the vendor's commits up to any of the channels that may be one of the stack's;
    `may_migrate` is whether any release has a migration. `scratch` is for all of them where none
    has: what two of them merge alike is merged once.
    """

    stack: Stack
    candidates: list[CommitChanges]
    may_migrate: bool
    scratch: Scratch | None = None


def candidates(repo: Repository, stack: Stack, tips: list[str]) -> list[CommitChanges]:
    """The vendor's commits up to any of `tips` that may be one of the stack's, without merges.

    Of thousands, those that change a file that the stack changes are a few.
    """
    changed = {frozenset(commit.changes) for commit in stack.commits if commit.changes}
    paths = sorted(frozenset[str]().union(*changed))
    if not (paths and tips):
        return []
    touching = paths if len(paths) <= _FEW else ()
    found = repo.git.commits_with_changes(stack.base, *tips, touching=touching)
    return [commit for commit in found if frozenset(commit.changes) in changed]


def prepared_commits(repo: Repository, target: Target) -> list[MadeBy]:
    """The configuration commits on the branch of the goal that is there already, newest first."""
    return repo.git.made_by([target.prepared], globs=repo.vendor_globs())


def _carried_before(
    repo: Repository,
    target: Target,
    stack: Stack,
    channel: list[CommitChanges],
    upstream: dict[str, str],
) -> dict[str, str]:
    """Commits beside those in `upstream` that stand on the goal's branch in another form.

    Only where they change the same files there: else it is for the user to see.
    """
    made = repo.git.made_by([target.tip], [target.base])
    found = carried_before(stack, made, prepared_commits(repo, target))
    files = {commit.oid: commit.changes.keys() for commit in stack.commits}
    files.update((commit.oid, commit.changes.keys()) for commit in channel)
    return {
        oid: copy
        for oid, copy in found.items()
        if oid not in upstream and files[oid] == files.get(copy)
    }


def rewrite(work: Work) -> Work:
    """The commits as the release's migrations and the options make them.

    Raises CallFailed where a migration fails.
    """
    repo, scratch, target, options = work.repo, work.scratch, work.target, work.options
    if not (work.migrations or options.flatten):
        return work
    stack = work.stack
    if options.flatten:
        from git_ekf.replay.one_line import one_line

        rewritten = Migrated(one_line(repo, scratch, stack, target.tip), {})
        if work.migrations:
            stack = write_stack(scratch.writing, scratch, rewritten)._replace(base=stack.base)
    if work.migrations:
        if options.squash:
            stack = squash(repo, scratch, stack, target)
            work = work._replace(upstream={})
        flags = " --flatten" if options.flatten else ""
        again = "" if options.squash else f"{flags} --migrate-squash"
        rewritten = migrate(repo, scratch, stack, work.migrations, again)
    stack = write_stack(scratch.writing, scratch, rewritten)
    divergence = read_divergence(scratch.writing, stack.base, target.onto)
    return work._replace(stack=stack, divergence=divergence, rewritten=rewritten)


def above_what_stays(repo: Repository, target: Target) -> Target | None:
    """The target of a sync that makes one line: without the commits below that stay as they are.

    Those below the first merge do, where the vendor has nothing new: otherwise they move too. None
    where there is no merge along first parents. Raises GitFailed.
    """
    from git_ekf.replay.one_line import read_chain

    chain = read_chain(repo.git, target.base, target.tip)
    if not chain.merges:
        return None
    if not target.nothing_new:
        return target
    return target._replace(base=chain.stands, onto=chain.stands)


def look_ahead(work: Work) -> None:
    """Has what resolutions settle be built, where anything is. Raises GitFailed, CallFailed."""
    if work.options.resolutions and work.options.builds:
        from git_ekf.upgrade.settled_builds import SettledBuilds  # which few clones need

        SettledBuilds(work.options.builds).look_ahead(work)
