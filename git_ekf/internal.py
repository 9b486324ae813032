"""What `internal` has: asked there, and what a clone remembers of it corrected by the answer.

A fetch alone never notices what was deleted there, and a push that a server has undone behind its
own answer leaves a wrong memory behind.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import NamedTuple

from git_ekf.cluster import cluster_of
from git_ekf.errors import CallFailed, GitFailed, NoSpace, Refused
from git_ekf.git.complaints import complaints
from git_ekf.git.process import Ahead
from git_ekf.git.questions.history import MadeBy
from git_ekf.git.questions.remotes import remote_timeout
from git_ekf.git.refs import BACKUP, HEADS, RECORDS, SAVED, TAGS, RefUpdate
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import write_small
from git_ekf.terminal.text import age, counted, shortened


def patterns(repo: Repository) -> tuple[str, ...]:
    """The patterns of refs that are asked for: branches, records, what else `internal` keeps."""
    return (f"{HEADS}*", RECORDS.rstrip("/"), f"{RECORDS}*", f"{repo.namespace.root}*")


class Vanished(NamedTuple):
    """Branches and deploy records that `internal` had, and has no longer."""

    branches: list[str]
    records: list[str]

    def sentences(self, internal: str) -> list[str]:
        """The same for a person, in sentences that name `internal`."""
        found = []
        for branch in self.branches:
            found.append(f"{internal} had lost {branch}: somebody deleted it there")
        if self.records:
            count = counted(len(self.records), "deploy record")
            found.append(f"{internal} had lost {count}: {', '.join(self.records[:3])}")
        return found


class Answer(NamedTuple):
    """The answer of `internal`: ref -> object id for `patterns`, and what had vanished there.

    `error` is why it gave no answer.
    """

    refs: dict[str, str]
    vanished: Vanished
    error: CallFailed | None = None

    @property
    def failure(self) -> str:
        """The same in a few words, "" where it answered."""
        if isinstance(self.error, GitFailed):
            return complaints(self.error.stderr)[0]
        return self.error.message if self.error else ""


# --- asked ---


def question(repo: Repository) -> Ahead[dict[str, str]]:
    """The question to `internal` for `patterns`, under way: its answer is for `take_in`."""
    return repo.git.asking_remote(repo.config.internal, *patterns(repo))


def can_be_asked(repo: Repository) -> bool:
    """Whether there is an internal repository, and it is not the vendor's."""
    remotes, config = repo.remotes, repo.config
    if config.internal not in remotes:
        return False
    vendors = remotes[config.primary].urls if config.primary in remotes else ()
    known = {repo.normalise(url) for url in vendors}
    return not any(repo.normalise(url) in known for url in remotes[config.internal].urls)


def ask(repo: Repository) -> Answer:
    """Asks `internal` what it has, fetches what is new there, and corrects what is remembered.

    Afterwards the facts about the repository are to be asked again (`Repository.fresh`). One
    connection where nothing is new. Raises NoSpace.
    """
    return take_in(repo, question(repo))


def take_in(repo: Repository, asked: Ahead[dict[str, str]]) -> Answer:
    """The same, of a question that is under way. Raises NoSpace."""
    try:
        listed = asked.result(remote_timeout())
        if _lacks_objects(repo, listed):
            repo.git.fetch(repo.config.internal)
    except NoSpace:
        raise
    except CallFailed as error:
        return Answer({}, Vanished([], []), error)
    vanished = remember(repo, listed)
    note_asked(repo)
    return Answer(listed, vanished)


def note_asked(repo: Repository) -> None:
    """Notes that what is known of `internal` is what it has now."""
    with suppress(OSError):  # then it is said to be older than it is
        write_small(_asked_path(repo), b"")


def last_asked(repo: Repository) -> float | None:
    """When git-ekf asked `internal` last (seconds since 1970), None where it never did.

    A fetch by hand does not count: it may be of one branch, and notices nothing that is gone.
    """
    with suppress(OSError):
        return os.stat(_asked_path(repo)).st_mtime
    return None


def _asked_path(repo: Repository) -> str:
    return os.path.join(repo.place.common_dir, "ekf", "asked")


# --- what this clone lacks ---


def lacking(repo: Repository, branch: str) -> Lacking | None:
    """The commits that `internal` has on a branch, as last asked, and the local branch lacks.

    None where there is nothing that it lacks, or no such branch.
    What the local branch once had, and was rewritten since, is not lacking; where it only was set
    back it is.
    """
    here, there = repo.release_branches.get(branch), repo.saved_branches.get(branch)
    if here is None or there in (None, here) or repo.git.is_ancestor(there, here):
        return None
    if not repo.git.is_ancestor(here, there) and was_ours(repo, branch, there):
        return None
    commits = repo.git.made_by([there], [here])
    return Lacking(branch, commits, repo.git.count([here], [there]))


class Lacking(NamedTuple):
    """Commits of a branch that `internal` has and the clone lacks, newest first.

    `ours` counts those that only the clone has.
    """

    branch: str
    commits: list[MadeBy]
    ours: int

    def text(self, internal: str) -> str:
        """The same in a sentence: how many, and the newest with its author and age."""
        newest = self.commits[0]
        count = counted(len(self.commits), "commit")
        ours = f", and you have {self.ours} that it lacks" if self.ours else ""
        which = "" if len(self.commits) == 1 else "the newest "
        when = age(max(0.0, time.time() - newest.committed))
        subject = shortened(newest.subject, 50)
        return (
            f"{internal} has {count} on {self.branch} that this clone lacks{ours}:"
            f' {which}{newest.oid[:7]} "{subject}" by {newest.author.name}, {when}'
        )


def was_ours(repo: Repository, branch: str, commit: str) -> bool:
    """Whether the branch had it in this clone, and did not only go back behind what others made."""
    reflog = repo.git.reflog(HEADS + branch)
    backups = repo.git.ref_values(f"{BACKUP}{branch}/").values()
    if not _has_one(repo, [*(oid for oid, _ in reflog), *backups], commit):
        return False
    left = ""
    for oid, came in reflog:
        if _has_one(repo, [oid], commit):
            made_here = came.startswith(("commit", "rebase", "cherry-pick", "git-ekf sync"))
            return left != "git-ekf undo pull" and (made_here or not left.startswith("reset: "))
        left = came
    return True


def _has_one(repo: Repository, tips: list[str], commit: str) -> bool:
    """Whether one of the tips has the commit, as far as they are still here."""
    return bool(tips) and not repo.git.commits([commit], tips, at_most=1, ignore_missing=True)


def require_branch(repo: Repository, branch: str, consequence: str) -> None:
    """Raises Refused where `internal` has work on the branch that this clone lacks."""
    internal = repo.config.internal
    lacks = lacking(repo, branch)
    if lacks is None:
        return
    here, there = repo.release_branches[branch], repo.saved_branches[branch]
    if repo.git.merge_base(here, there) is None:
        raise unrelated(repo, branch, consequence)
    raise Refused(f"{lacks.text(internal)}; {consequence}", "git ekf pull")


def unrelated(repo: Repository, branch: str, consequence: str) -> Refused:
    """The error where a branch shares no history with the one of that name on `internal`."""
    internal = repo.config.internal
    return Refused(
        f"{internal} has an unrelated history of {branch}, as of another cluster; {consequence}",
        f"git remote get-url {shell(internal)}",
    )


def require_whole(repo: Repository, branch: str, commit: str, consequence: str) -> None:
    """Raises Refused as `require_branch` does, and where `internal` alone has the branch.

    Unless it has it at the commit, where it is to be made.
    """
    require_branch(repo, branch, consequence)
    there = repo.saved_branches.get(branch, commit)
    if branch not in repo.release_branches and there != commit:
        raise Refused(
            f"{repo.config.internal} has {branch}, and this clone lacks it; {consequence}",
            "git ekf pull",
        )


def require_current(repo: Repository, branch: str, consequence: str, *, goal: str = "") -> None:
    """Raises Refused as `require_branch` does, and where the cluster runs what the clone lacks.

    That is another release, which the clone has not, or not as far, unless it is the `goal` of an
    upgrade. An upgrade that would pass it by, and leave out what it has, is refused as well.
    `consequence` ends the sentence: "nothing was changed".
    """
    require_branch(repo, branch, consequence)
    cluster = cluster_of(repo)
    running = cluster.running
    if running is None or running.branch in (branch, goal):
        return
    lacks = lacking(repo, running.branch)
    is_there = running.branch in repo.saved_branches
    if lacks or (is_there and running.branch not in repo.release_branches):
        when = age(max(0.0, time.time() - running.seconds))
        raise Refused(
            f"{cluster.name} runs {running.branch}, by {running.name} of {when}, and this clone"
            f" lacks it; {consequence}",
            "git ekf pull",
        )
    scheme = repo.config.scheme
    is_here = running.branch in repo.release_branches
    if is_here and scheme.key(branch) < scheme.key(running.branch) < scheme.key(goal):
        again = f"git ekf upgrade {shell(scheme.version(goal) or '')}"
        raise Refused(
            f"{cluster.name} runs {running.branch}, and an upgrade from {branch} to {goal} would"
            f" leave out what that has; {consequence}",
            f"git switch {shell(running.branch)} && {again}",
        )


# --- what is remembered ---


def remember(repo: Repository, listed: dict[str, str]) -> Vanished:
    """Corrects what is remembered of `internal` by what it has: ref -> object id, for `patterns`.

    What is not wholly here yet is left to a fetch. Returns what has vanished there.
    """
    wanted = {}
    for ref, oid in listed.items():
        if ref.endswith("^{}"):  # the object under a tag
            continue
        if ref.startswith(HEADS):
            wanted[repo.internal_prefix + ref.removeprefix(HEADS)] = oid
        elif ref.startswith(RECORDS):
            wanted[SAVED + ref.removeprefix(TAGS)] = oid
    known = repo.git.ref_values(repo.internal_prefix, SAVED)
    gone = [ref for ref in known if ref not in wanted]
    moved = {ref: oid for ref, oid in wanted.items() if known.get(ref) != oid}
    here = repo.git.whole(moved.values()) if moved else set()
    # First, and by themselves: what came in their place may be below one of them.
    repo.git.update_refs(RefUpdate(ref, known[ref], "0" * len(known[ref])) for ref in gone)
    moved = {ref: oid for ref, oid in moved.items() if oid in here}
    updates = [RefUpdate(ref, known.get(ref, "0" * len(oid)), oid) for ref, oid in moved.items()]
    repo.git.update_refs(updates, "git-ekf: as internal has it")
    return Vanished(_below(repo.internal_prefix, gone), _below(SAVED, gone))


def _below(prefix: str, refs: list[str]) -> list[str]:
    return [ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix)]


def _lacks_objects(repo: Repository, listed: dict[str, str]) -> bool:
    """Whether `internal` has a branch, a record or a vendor's commit that is not wholly here."""
    known = set(repo.refs.values()) | set(repo.record_refs.values())
    new = {ref: oid for ref, oid in listed.items() if oid not in known and ref[-3:] != "^{}"}
    vendors = {oid for ref, oid in new.items() if ref.startswith(repo.namespace.upstream)}
    ours = {oid for ref, oid in new.items() if ref.startswith((HEADS, RECORDS))}
    if not all(repo.git.object_infos(vendors)):
        return True
    return bool(ours) and repo.git.whole(ours) != ours
