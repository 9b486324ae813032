"""Rules about a commit that is about to be made, and about what a range of commits brings in."""

from __future__ import annotations

import os
from collections.abc import Iterator

from git_ekf.git.refs import HEADS
from git_ekf.policy.content import Content
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import STATE, read_small


def detached_head(repo: Repository) -> Iterator[Finding]:
    """A commit is made on a branch; a rebase, cherry-pick or bisect in progress is fine."""
    if repo.head_branch is None and repo.operation is None:
        release = next(reversed(repo.release_branches), None) or "BRANCH"
        yield Finding(
            "HEAD is detached: the commit would be on no branch and could be lost",
            f"git switch {shell(release)} (uncommitted changes come along)",
            ref="HEAD",
        )


def linear_history(repo: Repository, branch: str) -> Iterator[Finding]:
    """No merge commit is made on a release branch."""
    fix = "git merge --quit && git commit makes an ordinary commit of it, with all that is resolved"
    if _merges_the_vendor(repo):
        fix = "git merge --abort, then: git ekf sync, or git ekf upgrade"
        if branch not in repo.channels:
            fix = "git merge --abort, then: git ekf upgrade"
        if repo.operation == "merge":
            fix += "; to keep what is resolved: git commit --no-verify, then: git ekf check"
    yield Finding(
        f"this would be a merge commit on {branch}; the next upgrade could not replay it",
        fix,
        ref=HEADS + branch,
    )


def _merges_the_vendor(repo: Repository) -> bool:
    """Whether one of the commits that are being merged is the vendor's."""
    # git-merge(1) writes MERGE_HEAD only when the hook has refused; before, it names the commits
    # in variables for its merge drivers (builtin/merge.c).
    heads = [name.removeprefix("GITHEAD_") for name in os.environ if name.startswith("GITHEAD_")]
    if repo.operation == "merge":
        path = os.path.join(repo.place.git_dir, "MERGE_HEAD")
        heads = (read_small(path, STATE) or b"").decode().split()
    globs = repo.vendor_globs()
    return not heads or any(not repo.git.commits([head], globs=globs, at_most=1) for head in heads)


def conflict_marker(repo: Repository, content: Content, old: str, new: str) -> Iterator[Finding]:
    """No file gets conflict markers that it did not have before.

    `new` is a commit, or "" for the index.
    """
    # Git runs hooks at the top, also for who stands below it.
    top = ":/" if os.environ.get("GIT_PREFIX") else ""
    for path in content.paths_with_new_markers(old, new):
        then = "git commit" if new else f"git add {shell(top + path)}"
        yield Finding(
            f"{path} has conflict markers",
            f"edit the file, then: {then}",
            commit=new,
            path=path,
        )


def directory_judged(path: str) -> str:
    """The top-level directory by which a path is the vendor's or not.

    "" for one at the top, and in a deploy overlay, which are nobody's.
    """
    top, slash, _ = path.partition("/")
    return top if slash and "/overlays/deploy/" not in path else ""


def vendor_path(
    repo: Repository, content: Content, old: str, new: str, vendor: str | None
) -> Iterator[Finding]:
    """A new file is not put in a directory of the vendor's, unless in a deploy overlay.

    `new` as in `conflict_marker`; `vendor` is a commit of the vendor. A top-level directory is the
    vendor's when that commit has it and `paths.customer` does not name it. A deploy overlay is a
    directory `overlays/deploy`, which a vendor lays out for the customer to edit.
    """
    added = [path for path in content.added_paths(old, new) if directory_judged(path)]
    if not added or vendor is None:
        return
    theirs = repo.git.top_directories(vendor) - set(repo.config.customer_paths)
    for path in added:
        top = directory_judged(path)
        if top in theirs:
            yield Finding(
                f"{path} is a new file in {top}/, which belongs to the vendor:"
                " an upgrade may clash with it",
                "move it to an overlays/deploy directory or to a top-level directory of your own",
                commit=new,
                path=path,
            )
