"""Rules about a push that has arrived at the internal repository, before any ref moves.

Where a rule bears on a push from the sender's side too, the one here asks the same of all updates
at once, and its fix is for the sender.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase

from git_ekf.git.refs import BACKUP, HEADS, RECORDS, TAGS, RefUpdate
from git_ekf.names import DEPLOY
from git_ekf.policy import branches, pushes
from git_ekf.policy.branches import OwnCommits, is_allowed
from git_ekf.policy.finding import Finding
from git_ekf.policy.judged import judged_together
from git_ekf.policy.server import ServerRepository
from git_ekf.policy.sound_trees import unsound
from git_ekf.records import read_records
from git_ekf.repository import Repository
from git_ekf.shown import shell


def push_denied(repo: ServerRepository, update: RefUpdate) -> Iterator[Finding]:
    """Everybody pushes only what `server.may-push` lets them."""
    grants = repo.config.server_may_push
    for user, refs in grants:
        if repo.user and fnmatchcase(repo.user, user) and is_allowed(update.ref, refs):
            return
    if not grants:
        return
    message = f"the server is not told who pushes, so nobody may push {update.ref}"
    if repo.user:
        message = f"{repo.user} may not push {update.ref}"
    yield Finding(
        message,
        "leave it out of the push, or ask the server's administrator to allow it in"
        " server.may-push",
        ref=update.ref,
        commit=update.new,
    )


def ref_name(repo: ServerRepository, update: RefUpdate) -> Iterator[Finding]:
    """A push brings branches, tags, refs/ekf/upstream/ and refs/ekf/backup/, by clear names."""
    ref = update.ref
    wrong = repo.blocked.get(ref, "")
    if not wrong and not is_allowed(ref, repo.config.server_refs):
        wrong = _wrong_name(repo, update)
    type_ = repo.types.get(update.new, "missing object")
    if not wrong and not update.deletes and ref.startswith(HEADS) and type_ != "commit":
        wrong = f"would be a branch on a {type_}"
    if wrong:
        git_push = f"git push {shell(repo.config.internal)} BRANCH"
        yield Finding(
            f"{ref} {wrong}",
            f"push it by another name, or leave it out: {git_push}",
            ref=ref,
            commit=update.new,
        )


def tree_entry(repo: ServerRepository) -> Iterator[Finding]:
    """No directory that arrives has entries which git would not check out, as .git and .. are."""
    checks = [key for key, _ in repo.git_config if key.startswith("receive.fsck.")]
    asked = repo.git_setting("receive.fsckobjects")
    if asked is None:
        asked = repo.git_setting("transfer.fsckobjects")
    if not checks and (asked or "").lower() == "true":
        return  # git has looked at them already
    if "GIT_OBJECT_DIRECTORY" not in os.environ:
        return  # nothing is in quarantine
    for oid, wrong in unsound(repo.content.reader.each_new_tree(repo.types)):
        yield Finding(
            f"a directory in the push {wrong} ({oid[:12]})",
            "git fsck --no-dangling names it; commit it without that, and save again",
        )


def _wrong_name(repo: Repository, update: RefUpdate) -> str:
    """What is wrong with the name of a ref, as half a sentence; "" when nothing is."""
    ref, scheme, namespace = update.ref, repo.config.scheme, repo.namespace
    if namespace.is_upstream(ref):
        if scheme.is_release(namespace.channel(ref)):
            return ""
        return f"does not name a release channel ({scheme.pattern})"
    if namespace.is_backup(ref):
        name = ref.removeprefix(namespace.backup).removeprefix(BACKUP)
        return "" if "/" in name else f"is not {namespace.backup}BRANCH/NAME"
    if ref.startswith((HEADS, RECORDS)):
        return ""
    if ref.startswith(TAGS):
        return "" if update.deletes else _wrong_tag(repo, ref.removeprefix(TAGS))
    return "is neither a branch nor a tag"


def _wrong_tag(repo: Repository, name: str) -> str:
    config = repo.config
    folded = name.casefold()
    if folded == DEPLOY.rstrip("/"):
        return f"stands in the way of every deploy record ({DEPLOY}…)"
    if folded.startswith(DEPLOY):
        return (
            "differs from a deploy record in case only,"
            f" which many file systems do not tell apart ({DEPLOY}…)"
        )
    # git takes a tag before a branch of the same name, in `git rebase origin/release-1.9` too.
    remotes = (f"{config.primary}/", f"{config.internal}/")
    if config.scheme.is_release(name) or name.startswith(remotes):
        return "is a tag that git would take for the branch of that name"
    if name == "HEAD" or name.startswith(("refs/", "heads/", "tags/", "remotes/")):
        return "is a tag by which git could not tell another ref from it"
    return ""


def upstream_moved(repo: ServerRepository, update: RefUpdate) -> Iterator[Finding]:
    """The vendor's history only grows and, where the server has a mirror, is what that has."""
    wrong = _wrong_upstream(repo, update)
    if wrong:
        message, fix = wrong
        commit = update.old if update.deletes else update.new
        yield Finding(f"{update.ref}: {message}", fix, ref=update.ref, commit=commit)


def _wrong_upstream(repo: ServerRepository, update: RefUpdate) -> tuple[str, str] | None:
    """What is wrong with an update of a channel, and its fix; None when nothing is."""
    if update.deletes:
        message = "the push deletes it, and the vendor's commits could not be told from yours"
        return message, pushes.SAVE
    branch, new = repo.namespace.channel(update.ref), update.new
    save = f"git fetch {shell(repo.config.primary)}, then: git ekf save"
    if repo.types.get(new) != "commit":
        return f"{new[:12]} is not a commit", save
    if repo.mirror is not None and repo.mirror.get(branch) != new:
        tip = repo.mirror.get(branch)
        has = f"has {tip[:12]}" if tip else "has no such channel"
        # Of a mirror that is ahead, the server need not have the tip.
        if tip is None or (repo.git.commit(tip) and repo.git.is_ancestor(tip, new)):
            save = f"{_UPDATE_MIRROR}, then: git ekf save"
        message = f"{new[:12]} is not what the vendor published: the server's mirror {has}"
        return message, save
    if not update.creates and not repo.git.is_ancestor(update.old, new):
        return (
            f"{new[:12]} does not follow {update.old[:12]}, the vendor's commit there",
            f"{save}; if the vendor has rewritten {branch},"
            " the server's administrator has to move the ref",
        )
    own = _recorded_as_own(repo, new) if repo.mirror is None else ""
    if own:
        return (
            f"{own[:12]} below it is a configuration commit by a deploy record here,"
            " not the vendor's",
            f"{save}; if the vendor has taken it over,"
            " the server needs a mirror to know (server.mirror)",
        )
    return None


# Where the mirror is, and of what, only the server knows.
_UPDATE_MIRROR = (
    "the server's mirror may be behind; bring it up to date there: git ekf mirror PRIMARY DIR"
)


def _recorded_as_own(repo: Repository, tip: str) -> str:
    """A commit below `tip` that deploy records here have above their vendor commit, or "".

    Branches are not asked: whoever pushes without git-ekf may have brought commits of the vendor
    there before the statement about them.
    """
    upstream, records = repo.vendor_globs(), RECORDS + "*"
    claimed = repo.git.commits([tip], globs=upstream)
    if len(claimed) == len(repo.git.commits([tip], globs=[*upstream, records])):
        return ""
    # Also what records from before the hook say of the vendor's commits.
    standing = judged_together(repo, read_records(repo))
    vendor = filter(None, (record.named_commit("Upstream SHA") for record in standing))
    own = set(repo.git.commits([], vendor, upstream, include_globs=[records]))
    return next((commit for commit in claimed if commit in own), "")


def backup_moved(repo: ServerRepository, update: RefUpdate) -> Iterator[Finding]:
    """A backup ref is made once and stays as it is."""
    yield from pushes.backup_moved(repo, update)
    if update.creates and repo.types.get(update.new) != "commit":
        yield Finding(
            f"{update.ref} keeps no commit but a {repo.types.get(update.new, 'missing object')}",
            f"git push {shell(repo.config.internal, f'COMMIT:{update.ref}')}",
            ref=update.ref,
            commit=update.new,
        )


def rewrite_unsaved(repo: ServerRepository) -> Iterator[Finding]:
    """No commit vanishes from the internal repository unless a record or a backup keeps it."""
    moved = [update for update in repo.updates if _may_lose(repo, update)]
    if not moved:
        return
    standing = list(repo.git.ref_values(*pushes.keeping(repo)).values())
    # Thousands of branches may go in one push: with those that are kept nothing goes.
    unkept = set(repo.git.commits([update.old for update in moved], standing))
    counted: set[str] = set()  # those that several take away count for the first
    fetch = f"git fetch {shell(repo.config.internal)}"
    for update in moved:
        if update.old not in unkept:
            continue
        stays = [update.new] if repo.types.get(update.new) == "commit" else []
        gone = set(repo.git.commits([update.old], [*standing, *stays])) - counted
        counted |= gone
        if gone:
            finding = pushes.dropped(repo, update, update.old, len(gone))
            yield finding._replace(fix=f"{fetch}, then: {finding.fix}")


def _may_lose(repo: ServerRepository, update: RefUpdate) -> bool:
    """Whether a branch goes, or does not only grow."""
    ref, old, new = update
    if ref.startswith(repo.namespace.prefixes):  # which have rules of their own
        return False
    if not ref.startswith(HEADS) or update.creates or old == new:
        return False
    if repo.types.get(new) != "commit":
        return True
    return old not in repo.own_line(new) and not repo.git.is_ancestor(old, new)


def branch_base(repo: ServerRepository, own: OwnCommits) -> Iterator[Finding]:
    """A release branch stands on commits of its own channel only."""
    branch = own.branch
    if repo.channel(branch):
        yield from branches.branch_base(repo, own)
        return
    yield Finding(
        f"{repo.namespace.upstream}{branch} is neither here nor in the push,"
        f" so the vendor's commits on {branch} cannot be told from yours",
        "git ekf save, which brings it",
        ref=own.ref,
    )


def linear_history(repo: ServerRepository, own: OwnCommits) -> Iterator[Finding]:
    """No configuration commit is a merge."""
    for finding in branches.linear_history(repo, own):
        unknown = "if it is the vendor's, this server does not know yet: git ekf save"
        yield finding._replace(fix=f"{finding.fix}; {unknown}")
