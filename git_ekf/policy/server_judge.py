"""The judge of a push that has arrived at a server."""

from __future__ import annotations

from git_ekf.git.refs import HEADS, RECORDS, RefUpdate
from git_ekf.names import RecordName, record_name
from git_ekf.policy import branches, pushes, server_rules, signatures
from git_ekf.policy.branches import OwnCommits
from git_ekf.policy.finding import Finding, Judgment
from git_ekf.policy.judges import arriving_records, judge_markers, judge_records
from git_ekf.policy.server import ServerRepository
from git_ekf.records import RecordTag


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
    judgment.apply(server_rules.tree_entry)
    tags = arriving_records(repo, repo.updates)
    judgment.found += judge_records(repo, tags, repo.updates, dates=True)
    beside = _beside_branches(repo, tags)
    for own in beside:
        _judge_received_commits(judgment, own)
    brought = [
        OwnCommits(repo, update.ref, update.ref, update.new, _published(update))
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
        own = OwnCommits(repo, branch, update.ref, update.new, _published(update))
        _judge_received_commits(judgment, own)


def _judge_received_commits(judgment: Judgment, own: OwnCommits) -> None:
    misplaced = judgment.apply(server_rules.branch_base, own)
    # Without the channel all commits would pass for the customer's.
    if misplaced and judgment.repo.channel(own.branch) is None:
        return
    judgment.apply(server_rules.linear_history, own)
    judge_markers(judgment, own)


def _beside_branches(repo: ServerRepository, tags: list[RecordTag]) -> list[OwnCommits]:
    """The commits under deploy records that are not on the branch which the name says.

    As commits of it, nothing has judged them yet.
    """
    tips: dict[str, dict[str, OwnCommits]] = {}
    for tag in tags:
        name = record_name(tag.name, repo.config.scheme)
        if isinstance(name, RecordName) and tag.tag and tag.tag.type == "commit":
            own = OwnCommits(repo, name.branch, tag.ref, tag.tagged)
            tips.setdefault(name.branch, {})[tag.tagged] = own
    beside = []
    for branch, tagged in tips.items():
        tip = repo.release_branches.get(branch, "")
        beyond = tagged.keys() - repo.own_line(tip)
        if not beyond:
            continue
        known = filter(None, (tip, repo.channel(branch)))
        # Records that are there were judged when they came.
        listed = repo.git.parents(beyond, known, [f"{RECORDS}*/{branch}"])
        below: set[str] = set()
        for commit, parents in listed.items():
            if commit in tagged and commit not in below:  # else the upper one has its commits
                beside.append(tagged[commit])
            if commit in tagged or commit in below:
                below.update(parents)
    return beside
