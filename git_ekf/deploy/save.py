"""Brings the release branch and its deploy records to `internal` in one atomic push, and reads them back."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NamedTuple

from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import BACKUP, HEADS, RECORDS, TAGS, UPSTREAM, backup_ref
from git_ekf.internal import PATTERNS, lacks_objects, remember
from git_ekf.records import saved_records
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted
from git_ekf.transaction.journal import Journal
from git_ekf.transaction.perform import exclusive
from git_ekf.transaction.preconditions import release_branch

# More records than this are pushed by a pattern: a command line has room for only so many names.
_NAMED_RECORDS = 100


class Ref(NamedTuple):
    """A ref to push: `oid` goes to `ref`. `expected` is what it replaces there, for a rewritten branch."""

    ref: str
    oid: str
    expected: str = ""

    @property
    def refspec(self) -> str:
        # By name where it has one here, so that a hook is told of a branch and not of an object id.
        return f"{self.ref if self.ref.startswith((HEADS, TAGS)) else self.oid}:{self.ref}"


class Saved(NamedTuple):
    """What `internal` was seen to have afterwards. `notes` say what it did not get, and why."""

    branch: str
    pushed: list[Ref]
    notes: list[str]

    @property
    def records(self) -> list[Ref]:
        return [ref for ref in self.pushed if ref.ref.startswith(TAGS)]


def save(repo: Repository) -> Saved:
    """Raises Refused when `internal` has work that is not here, CallFailed when the push or the check fails."""
    branch = release_branch(repo)
    if repo.config.internal not in repo.remotes:
        raise Refused(f"there is no remote {repo.config.internal}", "git ekf init --internal URL")
    with exclusive(repo) as journal:
        repo, found = _ask(repo, branch)
        wanted, notes = plan(repo, branch)
        pushed, refused = _push(repo, journal, branch, wanted)
        _verify(repo, pushed)
        return Saved(branch, pushed, [*found, *notes, *refused])


def _ask(repo: Repository, branch: str) -> tuple[Repository, list[str]]:
    """The repository, with what `internal` really has, and sentences on what had vanished there.

    Raises Refused where it has commits of the branch that this clone never had, CallFailed where it
    does not answer in time. Where it cannot be asked, the push says why.
    """
    internal = repo.config.internal
    try:
        listed = repo.git.ls_remote(internal, *PATTERNS)
    except GitFailed:
        return repo, []
    if lacks_objects(repo, listed):
        with suppress(GitFailed):  # then the push says why
            repo.git.fetch(internal)
    vanished = remember(repo, listed)
    repo = repo.fresh()
    error = _behind(repo, branch, "nothing was saved")
    if error:
        raise error
    notes = []
    if branch in vanished.branches:
        notes.append(f"{internal} had lost {branch}: somebody deleted it there")
    if vanished.records:
        count = counted(len(vanished.records), "deploy record")
        names = ", ".join(vanished.records[:3])
        notes.append(f"{internal} had lost {count}: {names}")
    return repo, notes


def plan(repo: Repository, branch: str) -> tuple[list[Ref], list[str]]:
    """What `internal` is to have: the branch (and a backup of what it replaces there), the records, the channel's tip.

    With it, sentences on what has to wait.
    """
    tip = repo.release_branches[branch]
    there = repo.saved_branches.get(branch)
    refs = [Ref(HEADS + branch, tip)]
    if there and not repo.git.is_ancestor(there, tip) and _was_ours(repo, branch, there):
        refs = [Ref(backup_ref(branch), there), Ref(HEADS + branch, tip, there)]
    records, notes = _unsaved_records(repo, branch)
    refs += records
    channel = repo.channels.get(branch)
    if channel:
        refs.append(Ref(UPSTREAM + branch, channel))
    return refs, notes


def _unsaved_records(repo: Repository, branch: str) -> tuple[list[Ref], list[str]]:
    """Those of a release that `internal` does not have at all wait until that release is saved: they name it as their backup."""
    saved = saved_records(repo)
    refs = []
    waiting: dict[str, int] = {}
    for ref, oid, _ in repo.git.refs(RECORDS):
        if saved.get(ref.removeprefix(TAGS)) == oid:
            continue
        of = ref.rpartition("/")[2]
        if of != branch and of in repo.release_branches and of not in repo.saved_branches:
            waiting[of] = waiting.get(of, 0) + 1
        else:
            refs.append(Ref(ref, oid))
    then = "until that is saved: git switch {0}, then: git ekf save"
    return refs, [
        f"{counted(number, 'deploy record')} of {of} left out {then.format(of)}"
        for of, number in waiting.items()
    ]


def _was_ours(repo: Repository, branch: str, commit: str) -> bool:
    """Whether this clone once had the commit on that branch, so that what replaces it was made knowing it."""
    known = [oid for oid, _ in repo.git.reflog(HEADS + branch)]
    if not known:
        return False
    return not repo.git.commits([commit], known, at_most=1, ignore_missing=True)


# --- the push ---


def _push(
    repo: Repository, journal: Journal, branch: str, refs: list[Ref]
) -> tuple[list[Ref], list[str]]:
    """Pushes all or nothing; what the server refuses as such is left out, and said. Returns what was pushed."""
    notes: list[str] = []
    backups: list[Ref] = []
    atomic = True
    first = ""  # what a server said that would not take the channel's tip
    while True:
        ahead, pushed = _push_once(repo, refs, atomic)
        # It stands, and is not made again with what comes now.
        refs = [ref for ref in refs if ref not in ahead]
        backups += ahead
        if pushed.code == 0:
            return [*backups, *refs], notes
        rejected, said = pushed.rejected, pushed.messages
        if atomic and "does not support --atomic" in said:
            atomic = False
            notes.append(
                f"{repo.config.internal} takes no atomic push; the branch and the records went one by one"
            )
            continue
        reason = rejected.get(UPSTREAM + branch, "")
        judged = "git-ekf: " in said
        if (
            reason
            and "atomic" not in reason
            and (not judged or {rule for rule, _, _ in _findings(said)} == {"upstream-moved"})
        ):
            # Perhaps for its own sake, perhaps as one of all: without it, the rest shows.
            first = said if judged else ""
            refs = [ref for ref in refs if ref.ref != UPSTREAM + branch]
            notes.append(
                f"{repo.config.internal} does not take {UPSTREAM}{branch}: from it alone, vendor commits cannot be told from yours"
                if reason.startswith("[remote")
                else f"{repo.config.internal} keeps another {UPSTREAM}{branch}: it has heard of vendor commits that this clone has not"
            )
            continue
        saved = "nothing was saved" if atomic else "some of it may have been saved"
        if atomic and backups:
            saved = f"nothing was saved but the backup {backups[0].ref}"
        raise _why(repo, journal, branch, rejected, first or said, saved)


def _push_once(repo: Repository, refs: list[Ref], atomic: bool) -> tuple[list[Ref], PushOutcome]:
    """The backups that went ahead, and the outcome of the last push.

    A server counts on what stands, not on what comes at the same time.
    """
    # No limit of time: a push may be long, and so may the hooks of a server that says nothing meanwhile.
    backups = [ref for ref in refs if ref.ref.startswith(BACKUP)]
    others = [ref for ref in refs if ref not in backups]
    for batch in filter(None, (backups, others)):
        expected = {ref.ref: ref.expected for ref in batch if ref.expected}
        pushed = repo.git.push(
            repo.config.internal, _refspecs(batch), expected=expected, atomic=atomic
        )
        if pushed.code:
            return (backups if batch is others else []), pushed
    return backups, pushed


def _refspecs(refs: list[Ref]) -> list[str]:
    records = [ref for ref in refs if ref.ref.startswith(TAGS)]
    if len(records) <= _NAMED_RECORDS:
        return [ref.refspec for ref in refs]
    patterns = sorted({f"{RECORDS}*/{ref.ref.rpartition('/')[2]}" for ref in records})
    return [
        *(ref.refspec for ref in refs if ref not in records),
        *(f"{pattern}:{pattern}" for pattern in patterns),
    ]


# --- when it was refused ---


def _why(
    repo: Repository,
    journal: Journal,
    branch: str,
    rejected: dict[str, str],
    said: str,
    saved: str,
) -> Refused | CallFailed:
    internal = repo.config.internal
    by_policy = "git-ekf: push refused" in said
    if by_policy or any(reason.startswith("[rejected]") for reason in rejected.values()):
        with suppress(GitFailed):  # it has said enough already
            repo.git.fetch(internal)
            remember(repo, repo.git.ls_remote(internal, *PATTERNS))
        now = repo.fresh()
        error = _behind(now, branch, saved) or _name_taken(now, journal, saved)
        if error:
            return error
    if by_policy:
        return _policy(said, saved)
    reason = rejected.get(HEADS + branch, "").partition(" ")[2]
    words = "; ".join(
        dict.fromkeys(filter(None, [reason.removeprefix("rejected] ").strip("()"), *_words(said)]))
    )
    if rejected:
        return CallFailed(
            f"{internal} did not take it: {words}; {saved}",
            f"git push --dry-run {internal} {branch}",
        )
    return CallFailed(f"{internal} cannot be pushed to: {words}", f"git ls-remote {internal}")


def _behind(repo: Repository, branch: str, saved: str) -> Refused | None:
    """When `internal` has commits that this clone never had on the branch."""
    internal = repo.config.internal
    here, there = repo.release_branches[branch], repo.saved_branches.get(branch)
    if there is None or repo.git.is_ancestor(there, here) or _was_ours(repo, branch, there):
        return None
    if repo.git.merge_base(here, there) is None:
        return Refused(
            f"{internal} has an unrelated history of {branch}, as of another cluster; {saved}",
            f"git remote get-url {internal}",
        )
    ours, theirs = repo.git.distance(here, there)
    lacks = f", and you have {ours} that it lacks" if ours else ""
    base = repo.base(branch)
    # Where the local branch stands on newer vendor commits, those are not to be replayed.
    onto = "" if base is None or repo.git.is_ancestor(base, there) else "--onto "
    return Refused(
        f"{internal} has {counted(theirs, 'commit')} on {branch} that this clone lacks{lacks}; {saved}",
        f"git rebase {onto}{internal}/{branch}{f' {repo.config.primary}/{branch}' if onto else ''}, then: git ekf save",
    )


def _name_taken(repo: Repository, journal: Journal, saved: str) -> Refused | None:
    """When `internal` has another record under the name of one of ours."""
    there = saved_records(repo)
    for ref, ours, _ in repo.git.refs(RECORDS):
        name = ref.removeprefix(TAGS)
        if there.get(name, ours) != ours:
            last = journal.last()
            taken_back = last is not None and [
                (update.ref, update.new) for update in last.updates
            ] == [(TAGS + name, ours)]
            internal, day = repo.config.internal, name.split("/")[1].partition(".")[0]
            return Refused(
                f"{internal} has another {name}: somebody else took that name; {saved}",
                f"{'git ekf undo' if taken_back else f'git tag -d {name}'}, then: git fetch {internal}, then: git ekf tag --date {day}",
            )
    return None


def _findings(said: str) -> list[tuple[str, str, str]]:
    """Rule, message and fix of each error that a hook of ours has found, here or on the server."""
    plain = re.sub(r"^remote: (GL-HOOK-ERR: )?| +$", "", said, flags=re.MULTILINE)
    return re.findall(r"^ +error +([\w-]+): (.*)\n +fix: (.*)$", plain, re.MULTILINE)


def _policy(said: str, saved: str) -> Refused:
    """What the hook said, in its words."""
    found = _findings(said)
    if not found:
        return Refused(f"the policy is broken; {saved}", "git ekf check")
    rule, message, fix = found[0]
    more = f", and {counted(len(found) - 1, 'more finding')}" if len(found) > 1 else ""
    return Refused(f"{message} ({rule}){more}; {saved}", fix)


_CHATTER = (
    "To ",
    "hint:",
    "Please make sure you have",
    "and the repository exists",
    "error: failed to push some refs",
    "Everything up-to-date",
    "Done",
)
_PROGRESS = re.compile(
    r"(remote: )?[A-Z][a-z]+ing\b.*\d+%|(remote: )?(Enumerating|Delta compression|Total)\b"
)


def _words(said: str) -> list[str]:
    """What server and hooks said, without progress and without what git adds to it."""
    lines = (line.strip() for line in re.split(r"[\r\n]", said))
    told = [
        line
        for line in lines
        if line and not line.startswith(_CHATTER) and not _PROGRESS.match(line)
    ]
    return [re.sub(r"^(remote: |fatal: |error: )+", "", line).strip() for line in told[:3]]


def _verify(repo: Repository, pushed: list[Ref]) -> None:
    """Reads the refs back. Raises CallFailed when one is not what was pushed."""
    internal = repo.config.internal
    try:
        there = repo.git.ls_remote(
            internal,
            *(ref.ref for ref in pushed)
            if len(pushed) <= _NAMED_RECORDS
            else ("refs/heads/*", "refs/tags/deploy/*", "refs/ekf/*"),
        )
    except CallFailed as error:
        reason = "; ".join(_words(error.stderr)) if isinstance(error, GitFailed) else error.message
        raise CallFailed(
            f"the push succeeded, but {internal} could not be read back: {reason}", "git ekf save"
        ) from None
    wrong = [ref for ref in pushed if there.get(ref.ref) != ref.oid]
    if wrong:
        # What was pushed is remembered as saved, and is not.
        remember(repo, repo.git.ls_remote(internal, *PATTERNS))
        ref = wrong[0]
        found = there.get(ref.ref, "nothing")[:12]
        raise CallFailed(
            f"the push succeeded, but {internal} now has {found} as {ref.ref}, not {ref.oid[:12]}",
            f"git fetch {internal}, then: git ekf status",
        )
