"""The judge of a push that has arrived at a server."""

from __future__ import annotations

from git_ekf.git.refs import HEADS, RECORDS, RefUpdate
from git_ekf.policy import branches, pushes, server_rules, signatures
from git_ekf.policy.branches import OwnCommits
from git_ekf.policy.finding import Finding, Judgment
from git_ekf.policy.judges import arriving_records, judge_markers, judge_records
from git_ekf.policy.server import ServerRepository


def judge_receive(repo: ServerRepository) -> list[Finding]:
    """The findings about a push that has arrived, by rules about each ref, then about all of it."""
    judgment = Judgment(repo, repo.content)
    for update in repo.updates:
        judgment.apply(server_rules.push_denied, update)
        judgment.apply(server_rules.ref_name, update)
        judgment.apply(pushes.delete_protected, update)
        if repo.namespace.is_upstream(update.ref):
            judgment.apply(server_rules.upstream_moved, update)
        elif repo.namespace.is_backup(update.ref):
            judgment.apply(server_rules.backup_moved, update)
        elif update.ref.startswith(HEADS):
            _judge_received_branch(judgment, repo, update)
        elif update.ref.startswith(RECORDS):
            judgment.apply(pushes.tag_moved, update)
    if not judgment.refused_by("delete-protected"):
        judgment.apply(server_rules.rewrite_unsaved)
    judgment.apply(server_rules.tree_entry, judgment.content)
    tags = arriving_records(repo, repo.updates)
    judgment.found += judge_records(repo, tags, repo.updates, dates=True)
    beside = server_rules.beside_branches(repo, tags)
    for own in beside:
        _judge_received_commits(judgment, own)
    brought = [
        OwnCommits(update.ref, update.ref, update.new, _published(update))
        for update in repo.updates
        if update.ref.startswith(HEADS)
        and not update.ref.startswith(repo.namespace.prefixes)
        and not update.deletes
    ]
    judgment.apply(signatures.signature_missing, [*brought, *beside], tags)
    return judgment.found


def _published(update: RefUpdate) -> tuple[str, ...]:
    """What was judged when it came."""
    return () if update.creates else (update.old,)


def _judge_received_branch(judgment: Judgment, repo: ServerRepository, update: RefUpdate) -> None:
    branch = update.ref.removeprefix(HEADS)
    if repo.types.get(update.new) != "commit":  # deleted, or what ref-name refuses
        return
    if update.creates:
        judgment.apply(branches.branch_name, branch)
    if repo.config.scheme.is_release(branch):
        own = OwnCommits(branch, update.ref, update.new, _published(update))
        _judge_received_commits(judgment, own)


def _judge_received_commits(judgment: Judgment, own: OwnCommits) -> None:
    misplaced = judgment.apply(server_rules.branch_base, own)
    # Without the channel all commits would pass for the customer's.
    if misplaced and judgment.repo.channel(own.branch) is None:
        return
    judgment.apply(server_rules.linear_history, own)
    judge_markers(judgment, own)
