"""The policy: one rule set, judged at commit, merge and push, and by `git ekf check`.

A judge says which rules bear on a commit, a push or a repository, and returns what they find.
Of a push that arrives at a server it is `received`. The rules are in the modules beside this file,
small functions that bear the name of their rule; the docstring is the rule.
No rule uses pygit2: the objects of a push under judgment lie in a quarantine that only git's
own child processes see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from git_ekf.errors import UsageError
from git_ekf.git.refs import HEADS, RECORDS, RefUpdate
from git_ekf.policy import branches, index
from git_ekf.policy.branches import OwnCommits
from git_ekf.policy.finding import Finding, Judgment, findings
from git_ekf.records import RecordTag, read_records
from git_ekf.repository import Repository

if TYPE_CHECKING:
    from git_ekf.policy.pushes import Push

# The rules that not every judge applies are loaded by those that do: half of all.


def judge_commit(repo: Repository) -> list[Finding]:
    """The findings about the commit that the index would make now."""
    judgment = Judgment(repo)
    judgment.apply(index.detached_head)
    branch = repo.head_branch
    vendor = None
    if branch is not None:
        judgment.apply(branches.branch_name, branch)
        if repo.config.scheme.is_release(branch):
            judgment.apply(branches.branch_upstream, branch)
            if repo.operation == "merge":
                judgment.apply(index.linear_history, branch)
            vendor = repo.channel(branch)
    _judge_changes(judgment, repo.head or repo.git.empty_tree(), "", vendor)
    return judgment.found


def judge_merge(repo: Repository) -> list[Finding]:
    """The findings about the merge commit that git is about to make."""
    judgment = Judgment(repo)
    branch = repo.head_branch
    if branch is not None:
        judgment.apply(branches.branch_name, branch)
        if repo.config.scheme.is_release(branch):
            judgment.apply(index.linear_history, branch)
    return judgment.found


def judge_push(repo: Repository, push: Push) -> list[Finding]:
    """The findings about a push.

    One to a third repository is nobody's business, as long as that is not the vendor's.
    """
    from git_ekf.policy import pushes

    judgment = Judgment(repo)
    internal = repo.config.internal
    if judgment.apply(pushes.push_primary, push):
        return judgment.found
    if internal in repo.remotes and not pushes.goes_to(repo, push, internal):
        return judgment.found
    for update in push.updates:
        if repo.namespace.is_backup(update.ref):
            judgment.apply(pushes.backup_moved, update)
        elif update.ref.startswith(repo.namespace.prefixes):
            continue  # the vendor's commits, which the server judges
        elif update.ref.startswith(HEADS):
            _judge_branch_update(judgment, update, push)
        elif update.ref.startswith(RECORDS):
            judgment.apply(pushes.delete_protected, update)
            judgment.apply(pushes.tag_moved, update)
    tags = arriving_records(repo, push.updates)
    return judgment.found + judge_records(repo, tags, push.updates, dates=True)


def _judge_branch_update(judgment: Judgment, update: RefUpdate, push: Push) -> None:
    from git_ekf.policy import pushes

    repo = judgment.repo
    branch = update.ref.removeprefix(HEADS)
    if not judgment.apply(pushes.delete_protected, update):
        judgment.apply(pushes.rewrite_unsaved, update, push)
    if update.deletes:
        return
    if update.creates:
        judgment.apply(branches.branch_name, branch)
    if repo.config.scheme.is_release(branch):
        known = not update.creates and repo.git.commit(update.old) is not None
        published = (update.old,) if known else ()
        own = OwnCommits(repo, branch, update.ref, update.new, published)
        judgment.apply(branches.branch_base, own)
        judgment.apply(branches.linear_history, own)
        judge_markers(judgment, own)


def judge_markers(judgment: Judgment, own: OwnCommits) -> None:
    """Applies the rule about conflict markers to what commits change together."""
    base = own.base
    if base:  # git rebase --continue, which ends a conflict, calls no hook
        judgment.apply(index.conflict_marker, judgment.content, base, own.tip)


def arriving_records(repo: Repository, updates: list[RefUpdate]) -> list[RecordTag]:
    """The deploy records that a push brings."""
    arriving = {
        update.ref: update.new
        for update in updates
        if update.ref.startswith(RECORDS) and not update.deletes
    }
    raw = repo.read_tags(arriving.values())
    return [RecordTag(ref, oid, raw.get(oid)) for ref, oid in arriving.items()]


def judge_records(
    repo: Repository,
    tags: list[RecordTag],
    updates: Sequence[RefUpdate] = (),
    *,
    dates: bool = False,
) -> list[Finding]:
    """The findings about deploy records; `updates` are the refs that arrive in the same push.

    `dates`: also what stands in the way of publishing those that are not yet.
    """
    if not tags:
        return []
    from git_ekf.policy import records
    from git_ekf.policy.judged import judged_together

    judgment = Judgment(repo)
    for record in judged_together(repo, tags, updates):
        if dates and not record.is_published():
            judgment.apply(records.tag_date, record)
        for rule in records.OF_ANY:
            judgment.apply(rule, record)
    return judgment.found


def judge_repository(
    repo: Repository, deploy_records: list[RecordTag] | None = None, *, every_branch: bool = False
) -> list[Finding]:
    """The findings about the remotes, the branch checked out (or every one) and the deploy records.

    These are all of them, unless some are given.
    """
    from git_ekf.policy import remotes

    judgment = Judgment(repo)
    judgment.apply(remotes.remote_missing)
    judgment.apply(remotes.remote_same)
    judgment.apply(remotes.remote_swapped)
    judgment.apply(remotes.remote_extra)
    head = [] if repo.head_branch is None else [repo.head_branch]
    local = [ref.removeprefix(HEADS) for ref in repo.refs if ref.startswith(HEADS)]
    for branch in local if every_branch else head:
        _judge_branch(judgment, branch, whole=deploy_records is None)
    # What a ref has is not lost.
    if not head and repo.head and repo.git.commits([repo.head], globs=["refs/*"], at_most=1):
        judgment.apply(index.detached_head)
    tags = read_records(repo) if deploy_records is None else deploy_records
    if tags:
        from git_ekf.policy import records

        judgment.apply(records.tag_moved, tags)
    return judgment.found + judge_records(repo, tags, dates=True)


def judge_internal(
    repo: Repository, tips: Mapping[str, str], deploy_records: list[RecordTag]
) -> list[Finding]:
    """The findings about branches (name -> tip) and deploy records of an internal repository.

    By its refs and its history alone: no tree is looked at.
    """
    judgment = Judgment(repo)
    for branch, tip in tips.items():
        own = OwnCommits(repo, branch, HEADS + branch, tip)
        if repo.config.scheme.is_release(branch):
            judgment.apply(branches.branch_base, own)
            judgment.apply(branches.linear_history, own)
        elif own.commits:
            judgment.apply(branches.branch_name, branch)
    return judgment.found + judge_records(repo, deploy_records)


def _judge_branch(judgment: Judgment, branch: str, *, whole: bool) -> None:
    """`whole`: also what takes reading all that is not saved."""
    repo = judgment.repo
    own = OwnCommits(repo, branch, HEADS + branch, repo.refs.get(HEADS + branch, ""))
    if own.tip and repo.config.scheme.is_release(branch):
        judgment.apply(branches.branch_upstream, branch)
        judgment.apply(branches.branch_base, own)
        judgment.apply(branches.branch_configuration, own)
        judgment.apply(branches.linear_history, own)
        if whole:
            judgment.apply(branches.tree_entry, own, judgment.content)
        base = own.base
        if base:
            _judge_changes(judgment, base, own.tip, repo.channel(branch) or base)
    # A branch without commits of the customer's own holds no work: a stray default branch is
    # harmless.
    elif not own.tip or own.commits:
        judgment.apply(branches.branch_name, branch)


def _judge_changes(judgment: Judgment, old: str, new: str, vendor: str | None) -> None:
    """`new` is a commit, or "" for the index."""
    judgment.apply(index.conflict_marker, judgment.content, old, new)
    judgment.apply(index.vendor_path, judgment.content, old, new, vendor)


def judge_images(repo: Repository, outside: Sequence[tuple[str, str]]) -> list[Finding]:
    """The findings about the images of HEAD; `outside` as in `image_registry`."""
    from git_ekf.policy import images

    return list(findings(images.image_registry, repo, outside))


def judge_range(repo: Repository, revisions: list[str]) -> list[Finding]:
    """The configuration commits in a range as `git rev-list` understands it. Raises UsageError."""
    named: list[str] = []
    for revision in revisions:
        names = repo.git.revisions(revision)
        if not names:
            raise UsageError(
                f"{revision} names no commit here", "git log --oneline --all shows what there is"
            )
        named += names
    excluded = tuple(name[1:] for name in named if name.startswith("^"))
    judgment = Judgment(repo)
    branch = repo.head_branch or ""
    ref = HEADS + branch
    if not repo.config.scheme.is_release(branch):
        branch = ref = ""
    for tip in named:
        if tip.startswith("^"):
            continue
        own = OwnCommits(repo, branch or tip[:12], ref, tip, excluded)
        judgment.apply(branches.linear_history, own)
        base = own.base
        if base:
            vendor = repo.channel(branch) if branch else base
            _judge_changes(judgment, base, tip, vendor)
    return judgment.found
