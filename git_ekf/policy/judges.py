"""The policy: one rule set, judged in four places.

A judge says which rules bear on a commit, a push or a repository, and returns what they find.
The rules are in the modules beside this file, one small function each; its docstring is the rule.
No rule uses pygit2: the objects of a push under judgment lie in a quarantine that only git's
own child processes see.
"""

from __future__ import annotations

import os

from git_ekf.config import RULES
from git_ekf.errors import UsageError
from git_ekf.git.refs import BACKUP, HEADS, RECORDS, UPSTREAM, RefUpdate
from git_ekf.policy import branches, index, pushes, receiving, records, remotes, signatures
from git_ekf.policy.branches import Line
from git_ekf.policy.finding import Finding, findings
from git_ekf.policy.pushes import Push
from git_ekf.policy.receiving import Arrival
from git_ekf.repository import RecordTag, Repository

__all__ = [
    "Arrival",
    "Finding",
    "Push",
    "judge_commit",
    "judge_merge",
    "judge_push",
    "judge_range",
    "judge_receive",
    "judge_records",
    "judge_repository",
]


def judge_commit(repo: Repository) -> list[Finding]:
    """The commit that the index would make now."""
    branch = repo.head_branch
    found = list(findings(index.detached_head, repo))
    vendor = None
    if branch is not None:
        found += findings(branches.branch_name, repo, branch)
        if repo.config.scheme.is_release(branch):
            found += findings(branches.branch_upstream, repo, branch)
            if index.merge_in_progress(repo):
                found += findings(index.linear_history, repo, branch)
            vendor = repo.channel(branch)
    staged = index.staged(repo)
    found += findings(index.conflict_marker, repo, staged)
    found += findings(index.vendor_path, repo, staged, vendor)
    return found


def judge_merge(repo: Repository) -> list[Finding]:
    """The merge commit that git is about to make."""
    branch = repo.head_branch
    if branch is None:
        return []
    found = list(findings(branches.branch_name, repo, branch))
    if repo.config.scheme.is_release(branch):
        found += findings(index.linear_history, repo, branch)
    return found


def judge_push(repo: Repository, push: Push) -> list[Finding]:
    """A push. One to a third repository is nobody's business, as long as that is not the vendor's."""
    found = list(findings(pushes.push_primary, repo, push))
    if found or not _goes_to_internal(repo, push):
        return found
    for update in push.updates:
        if update.ref.startswith(HEADS):
            found += _judge_branch_update(repo, update, push)
        elif update.ref.startswith(RECORDS):
            found += findings(pushes.delete_protected, repo, update)
            found += findings(pushes.tag_moved, repo, update)
    arriving = {
        update.ref: update.new
        for update in push.updates
        if update.ref.startswith(RECORDS) and not update.deletes
    }
    if arriving:
        found += judge_records(repo, repo.read_objects(arriving), push.updates)
    return found


def _goes_to_internal(repo: Repository, push: Push) -> bool:
    internal = repo.remotes.get(repo.config.internal)
    if push.remote == repo.config.internal or internal is None:
        return True
    url = repo.normalise(push.url)
    return any(repo.normalise(known) == url for known in (*internal.urls, *internal.push_urls))


def _judge_branch_update(repo: Repository, update: RefUpdate, push: Push) -> list[Finding]:
    branch = update.ref.removeprefix(HEADS)
    release = repo.config.scheme.is_release(branch)
    found = list(findings(pushes.delete_protected, repo, update))
    if not found:
        found += findings(pushes.rewrite_unsaved, repo, update, push)
    if update.deletes:
        return found
    if update.creates:
        found += findings(branches.branch_name, repo, branch)
    if release:
        known = () if update.creates or repo.git.commit(update.old) is None else (update.old,)
        line = Line(branch, update.ref, update.new, known)
        found += [*_judge_line(repo, line), *_judge_markers(repo, line)]
    return found


def _judge_markers(repo: Repository, line: Line) -> list[Finding]:
    base = line.base(repo)  # git rebase --continue, which ends a conflict, calls no hook
    return (
        list(findings(index.conflict_marker, repo, index.between(base, line.tip))) if base else []
    )


def judge_receive(repo: Repository, arrival: Arrival) -> list[Finding]:
    """A push that has arrived, by rules about each ref, then about all of it. `repo` has the refs as they will be."""
    found: list[Finding] = []
    for update in arrival.updates:
        found += findings(receiving.push_denied, repo, update, arrival)
        found += findings(receiving.ref_name, repo, update, arrival)
        found += findings(pushes.delete_protected, repo, update)
        if update.ref.startswith(HEADS):
            found += _judge_received_branch(repo, update, arrival)
        elif update.ref.startswith(RECORDS):
            found += findings(pushes.tag_moved, repo, update)
        elif update.ref.startswith(UPSTREAM):
            found += findings(receiving.upstream_moved, repo, update, arrival)
        elif update.ref.startswith(BACKUP):
            found += findings(receiving.backup_moved, repo, update, arrival)
    if not any(
        finding.rule == "delete-protected" and finding.severity == "error" for finding in found
    ):
        found += findings(receiving.rewrite_unsaved, repo, arrival)
    arriving = {
        update.ref: update.new
        for update in arrival.updates
        if update.ref.startswith(RECORDS) and not update.deletes
    }
    tags = repo.read_objects(arriving) if arriving else []
    if tags:
        found += judge_records(repo, tags, arrival.updates)
    beside = receiving.beside_branches(repo, tags)
    for line in beside:
        found += _judge_received_line(repo, line)
    brought = [
        Line(update.ref, update.ref, update.new, _known(update))
        for update in arrival.updates
        if _brings_commits(update)
    ]
    found += findings(signatures.signature_missing, repo, [*brought, *beside], tags)
    return found


def _brings_commits(update: RefUpdate) -> bool:
    return update.ref.startswith(HEADS) and not update.deletes


def _known(update: RefUpdate) -> tuple[str, ...]:
    """What was judged when it came."""
    return () if update.creates else (update.old,)


def _judge_received_branch(repo: Repository, update: RefUpdate, arrival: Arrival) -> list[Finding]:
    branch = update.ref.removeprefix(HEADS)
    if arrival.kinds.get(update.new) != "commit":  # deleted, or what ref-name refuses
        return []
    found = list(findings(branches.branch_name, repo, branch)) if update.creates else []
    if repo.config.scheme.is_release(branch):
        found += _judge_received_line(repo, Line(branch, update.ref, update.new, _known(update)))
    return found


def _judge_received_line(repo: Repository, line: Line) -> list[Finding]:
    found = list(findings(receiving.branch_base, repo, line))
    if (
        repo.channel(line.branch) is None and found
    ):  # without the channel all commits would pass for the customer's
        return found
    return [*found, *findings(receiving.linear_history, repo, line), *_judge_markers(repo, line)]


def _judge_line(repo: Repository, line: Line) -> list[Finding]:
    return [
        *findings(branches.branch_base, repo, line),
        *findings(branches.linear_history, repo, line),
    ]


def judge_records(
    repo: Repository, tags: list[RecordTag], updates: list[RefUpdate] | None = None
) -> list[Finding]:
    """Deploy records; `updates` are the refs that arrive in the same push."""
    together = records.Records(repo, tags, updates or [])
    found: list[Finding] = []
    for parsed in together.all:
        found += findings(records.tag_name, repo, parsed)
        found += findings(records.tag_lightweight, repo, parsed)
        found += findings(records.tag_fields, repo, parsed)
        found += findings(records.tag_mismatch, repo, parsed, together)
    return found


def judge_repository(
    repo: Repository, deploy_records: list[RecordTag] | None = None, *, every_branch: bool = False
) -> list[Finding]:
    """The remotes, the branch checked out (or every local one) and the deploy records: all of them, unless some are given."""
    found = [
        finding
        for rule in (remotes.remote_missing, remotes.remote_same, remotes.remote_extra)
        for finding in findings(rule, repo)
    ]
    local = [ref.removeprefix(HEADS) for ref in repo.refs if ref.startswith(HEADS)]
    for branch in local if every_branch else filter(None, [repo.head_branch]):
        found += _judge_branch(repo, branch)
    if repo.head_branch is None and repo.head is not None and _only_at_head(repo, repo.head):
        found += findings(index.detached_head, repo)
    return found + judge_records(repo, repo.records if deploy_records is None else deploy_records)


def _judge_branch(repo: Repository, branch: str) -> list[Finding]:
    tip = repo.refs.get(HEADS + branch)
    if tip is None:
        return list(findings(branches.branch_name, repo, branch))
    line = Line(branch, HEADS + branch, tip)
    if repo.config.scheme.is_release(branch):
        found = [*findings(branches.branch_upstream, repo, branch), *_judge_line(repo, line)]
        base = line.base(repo)
        if base:
            found += _judge_changes(repo, index.between(base, tip), repo.channel(branch) or base)
        return found
    # A branch without commits of the customer's own holds no work: a stray default branch is harmless.
    return list(findings(branches.branch_name, repo, branch)) if line.commits(repo) else []


def _judge_changes(repo: Repository, changes: index.Changes, vendor: str | None) -> list[Finding]:
    return [
        *findings(index.conflict_marker, repo, changes),
        *findings(index.vendor_path, repo, changes, vendor),
    ]


def _only_at_head(repo: Repository, head: str) -> bool:
    return bool(repo.git.rev_list("--max-count=1", include=[head], globs=["refs/*"]))


def judge_range(repo: Repository, revisions: list[str]) -> list[Finding]:
    """The configuration commits in a range as `git rev-list` understands it. Raises UsageError."""
    included: list[str] = []
    excluded: list[str] = []
    for revision in revisions:
        code, out = repo.git.run(
            "rev-parse",
            "--verify" if ".." not in revision else "--revs-only",
            "--end-of-options",
            revision,
            ok=(0, 128),
        )
        names = [name for name in os.fsdecode(out).split() if name != "--end-of-options"]
        if code or not names:
            raise UsageError(
                f"{revision} names no commit here", "git log --oneline --all shows what there is"
            )
        for name in names:
            (excluded if name.startswith("^") else included).append(name.lstrip("^"))
    found: list[Finding] = []
    for tip in included:
        branch = (
            repo.head_branch
            if repo.head_branch and repo.config.scheme.is_release(repo.head_branch)
            else ""
        )
        line = Line(branch or tip[:12], HEADS + branch if branch else "", tip, tuple(excluded))
        found += findings(branches.linear_history, repo, line)
        base = line.base(repo)
        if base:
            found += _judge_changes(
                repo, index.between(base, tip), repo.channel(branch) if branch else base
            )
    return found


def descriptions() -> dict[str, str]:
    """Each rule's id with the first sentence of its docstring: the rule itself."""
    modules = (remotes, pushes, branches, index, records, receiving, signatures)
    texts = {}
    for name in RULES:
        rule = next(
            function
            for module in modules
            if (function := getattr(module, name.replace("-", "_"), None))
        )
        texts[name] = (rule.__doc__ or "").partition("\n")[0]
    return texts
