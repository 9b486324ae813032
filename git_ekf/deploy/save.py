"""Brings the release branch and its deploy records to `internal`, and reads them back."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from git_ekf.deploy.refusal import complaints, findings, refusal, require_free_on_internal
from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import HEADS, RECORDS, TAGS, backup_ref
from git_ekf.internal import ask, patterns, remember, require_branch, was_ours
from git_ekf.records import unsaved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.swapped import require_internal, swapped_remotes
from git_ekf.terminal.text import counted
from git_ekf.transaction.perform import exclusive
from git_ekf.transaction.preconditions import release_branch

# More records than this are pushed by a pattern: a command line has room for only so many names.
_NAMED_RECORDS = 100


class PushedRef(NamedTuple):
    """A ref to push: `oid` goes to `ref`.

    `expected` is what it replaces there, for a rewritten branch; `is_here` is whether a branch or a
    tag here has the name.
    """

    ref: str
    oid: str
    expected: str = ""
    is_here: bool = True

    @property
    def refspec(self) -> str:
        """The refspec for git-push(1)."""
        # By name where it has one here, so that a hook is told of a branch and not of an object id.
        return f"{self.ref if self.is_here else self.oid}:{self.ref}"


class Saved(NamedTuple):
    """The refs that `internal` then has, and notes on what it did not get, and why."""

    branch: str
    pushed: list[PushedRef]
    notes: list[str]

    @property
    def records(self) -> list[PushedRef]:
        """The deploy records among what was pushed."""
        return [ref for ref in self.pushed if ref.ref.startswith(RECORDS)]


def save(repo: Repository) -> Saved:
    """Pushes the release branch checked out and what belongs to it, and reads it back.

    Raises Refused where `internal` has work that is not here, CallFailed where the push or the
    check fails.
    """
    branch = release_branch(repo)
    internal = repo.config.internal
    if internal not in repo.remotes:
        raise Refused(f"there is no remote {internal}", "git ekf init --internal URL")
    with exclusive(repo):
        repo, listed, vanished = _ask(repo, branch)
        wanted, waiting = plan(repo, branch, listed)
        require_free_on_internal(repo, [ref.ref for ref in wanted], listed)
        left = _left_behind(repo)
        pushed, refused = _push(repo, branch, wanted)
        _verify(repo, pushed)
        return Saved(branch, pushed, [*vanished, *waiting, *refused, *left])


def _ask(repo: Repository, branch: str) -> tuple[Repository, dict[str, str], list[str]]:
    """The repository, with what `internal` really has.

    With it come the refs there, and sentences on what had vanished.

    Raises Refused where it has commits of the branch that this clone never had, CallFailed where it
    does not answer in time. Where it cannot be asked, the push says why.
    """
    answer = ask(repo)
    if answer.error:
        if not isinstance(answer.error, GitFailed):  # a push would wait for ever
            raise CallFailed(
                f"{repo.config.internal} cannot be asked: {answer.failure}; nothing was saved",
                f"git ls-remote {shell(repo.config.internal)}",
            )
        return repo, {}, []
    require_internal(repo, answer.refs, swapped_remotes(repo))
    repo = repo.fresh()
    require_branch(repo, branch, "nothing was saved")
    own = [name for name in answer.vanished.branches if name == branch]
    vanished = answer.vanished._replace(branches=own)
    return repo, answer.refs, vanished.sentences(repo.config.internal)


def plan(
    repo: Repository, branch: str, listed: dict[str, str]
) -> tuple[list[PushedRef], list[str]]:
    """The refs that `internal` is to have, and sentences on what has to wait.

    They are the branch (and a backup of what it replaces there), the records, the channel's tip.
    `listed` is what `internal` has, ref -> object id.
    """
    tip = repo.release_branches[branch]
    there = repo.saved_branches.get(branch)
    refs = [PushedRef(HEADS + branch, tip)]
    if there and not repo.git.is_ancestor(there, tip) and was_ours(repo, branch, there):
        backup = PushedRef(backup_ref(branch, repo.namespace.backup), there, is_here=False)
        refs = [backup, PushedRef(HEADS + branch, tip, there)]
    records, notes = _unsaved_records(repo, branch)
    refs += records
    channel = repo.refs.get(repo.primary_prefix + branch)
    if channel:
        refs.append(_upstream(repo, branch, channel, listed))
    return refs, notes


def _upstream(repo: Repository, branch: str, channel: str, listed: dict[str, str]) -> PushedRef:
    """The channel's tip, which replaces what was there, as far as git has to be told so."""
    ref = repo.namespace.upstream + branch
    there = listed.get(ref) if ref.startswith(TAGS) else None
    # A tag does not even move forward by itself.
    if there and repo.git.commit(there) and repo.git.is_ancestor(there, channel):
        return PushedRef(ref, channel, there, is_here=False)
    return PushedRef(ref, channel, is_here=False)


def _unsaved_records(repo: Repository, branch: str) -> tuple[list[PushedRef], list[str]]:
    """Records to push, and sentences on those that have to wait.

    Records of a branch that `internal` does not have wait for it: they name it as their backup.
    """
    refs = []
    waiting: Counter[str] = Counter()
    for name in unsaved_records(repo):
        owner = name.rpartition("/")[2]
        is_local = owner in repo.release_branches
        if owner != branch and is_local and owner not in repo.saved_branches:
            waiting[owner] += 1
        else:
            refs.append(PushedRef(TAGS + name, repo.record_refs[TAGS + name]))
    notes = []
    for owner, number in waiting.items():
        records = counted(number, "deploy record")
        then = f"git switch {shell(owner)}, then: git ekf save"
        notes.append(f"{records} of {owner} left out until that is saved: {then}")
    return refs, notes


def _left_behind(repo: Repository) -> list[str]:
    """Sentences on uncommitted and stashed work, which no save can bring anywhere."""
    found = []
    entries = repo.git.asking_status(untracked=True, renames=True).result()
    untracked = sum(entry.code == "??" for entry in entries)
    parts = [(len(entries) - untracked, "changed file"), (untracked, "untracked file")]
    files = [counted(number, noun) for number, noun in parts if number]
    if files:
        found.append(f"{' and '.join(files)} left out: not committed (git status)")
    if repo.git.ref_value("refs/stash"):
        stashes = len(repo.git.reflog("refs/stash")) or 1
        noun = "stash" if stashes == 1 else "stashes"
        found.append(f"{stashes} {noun} left out: only in this clone (git stash list)")
    return found


# --- the push ---


def _push(
    repo: Repository, branch: str, refs: list[PushedRef]
) -> tuple[list[PushedRef], list[str]]:
    """Pushes all or nothing; what the server does not take as such is left out.

    Returns what was pushed, and sentences on the rest.
    """
    internal, upstream = repo.config.internal, repo.namespace.upstream + branch
    notes: list[str] = []
    there: list[PushedRef] = []
    atomic = True
    first = ""  # the messages of a server that would not take the channel's tip
    while True:
        # A server counts on what stands, not on what comes at the same time: so backups go ahead,
        # and are not made again with what comes then.
        batch = [ref for ref in refs if repo.namespace.is_backup(ref.ref)] or refs
        expected = {ref.ref: ref.expected for ref in batch if ref.expected}
        # No limit of time: a push may take long, as may hooks of a server that says nothing
        # meanwhile.
        pushed = repo.git.push(internal, _refspecs(batch), expected=expected, atomic=atomic)
        if pushed.code == 0:
            there += batch
            refs = [ref for ref in refs if ref not in batch]
            if not refs:
                return there, notes
            continue
        if atomic and "does not support --atomic" in pushed.messages:
            atomic = False
            notes.append(
                f"{internal} takes no atomic push; the branch and the records went one by one"
            )
        elif may_refuse_only(pushed, upstream):
            # Perhaps for its own sake, perhaps as one of all: without it, the rest shows.
            first = pushed.messages if "git-ekf: " in pushed.messages else ""
            refs = [ref for ref in refs if ref.ref != upstream]
            why = f"keeps another {upstream}: it has vendor commits that this clone lacks"
            if pushed.rejected[upstream].startswith("[remote"):
                why = (
                    f"does not take {upstream}:"
                    " from it alone, vendor commits cannot be told from yours"
                )
            notes.append(f"{internal} {why}")
        else:
            saved = "nothing was saved" if atomic else "some of it may have been saved"
            if atomic and there:
                saved = f"nothing was saved but the backup {there[0].ref}"
            messages = first or pushed.messages
            wanted = {ref.ref: ref.oid for ref in refs}
            raise refusal(repo, branch, wanted, pushed.rejected, messages, saved)


def may_refuse_only(pushed: PushOutcome, ref: str) -> bool:
    """Whether a server may have refused a push because of the channel's tip alone."""
    reason = pushed.rejected.get(ref, "")
    if not reason or "atomic" in reason:
        return False
    judged = "git-ekf: " in pushed.messages
    return not judged or {rule for rule, _, _ in findings(pushed.messages)} == {"upstream-moved"}


def _refspecs(refs: list[PushedRef]) -> list[str]:
    records = [ref for ref in refs if ref.ref.startswith(RECORDS)]
    if len(records) <= _NAMED_RECORDS:
        return [ref.refspec for ref in refs]
    names = sorted({f"{RECORDS}*/{ref.ref.rpartition('/')[2]}" for ref in records})
    others = [ref.refspec for ref in refs if ref not in records]
    return others + [f"{pattern}:{pattern}" for pattern in names]


def _verify(repo: Repository, pushed: list[PushedRef]) -> None:
    """Reads the refs back. Raises CallFailed where one is not what was pushed."""
    internal = repo.config.internal
    try:
        there = repo.git.ls_remote(internal, *patterns(repo))
    except CallFailed as error:
        reason = error.message
        if isinstance(error, GitFailed):
            reason = "; ".join(complaints(error.stderr))
        raise CallFailed(
            f"the push succeeded, but {internal} could not be read back: {reason}", "git ekf save"
        ) from None
    for ref in pushed:
        if there.get(ref.ref) != ref.oid:
            remember(repo, there)  # what was pushed passes for saved, and is not
            found = there.get(ref.ref, "nothing")[:12]
            raise CallFailed(
                f"the push succeeded, but {internal} now has {found} as {ref.ref},"
                f" not {ref.oid[:12]}",
                f"git fetch {shell(internal)}, then: git ekf status",
            )
