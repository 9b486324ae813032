"""Records that say something else than the repository does, and tags that hide another ref."""

from __future__ import annotations

from servertools import Site

BRANCH = "release-1.9"


def test_what_is_all_the_vendors_stands_on_itself(site: Site) -> None:
    """Not on a commit far below, as if all since were the customer's."""
    work = site.work
    channel = f"origin/{BRANCH}:refs/ekf/upstream/{BRANCH}"
    site.accepted(channel, f"origin/{BRANCH}:refs/heads/{BRANCH}")
    tip = work.out("rev-parse", f"origin/{BRANCH}")
    root = work.out("rev-list", "--max-parents=0", tip)
    facts = {
        "Local_branch": BRANCH,
        "Upstream_branch": f"origin/{BRANCH}",
        "Backup_branch": f"internal/{BRANCH}",
    }
    name = site.record(f"deploy/2026-11-20/{BRANCH}", tip, Upstream_SHA=root, **facts)
    assert root != tip
    site.refused("tag-mismatch", name)
    site.record(name, tip, Upstream_SHA=tip, **facts)
    site.accepted(name)


def test_tags_by_which_git_cannot_tell_other_refs(site: Site) -> None:
    """Each command of whoever fetches them would warn, and git branch -u fails."""
    names = ("HEAD", "heads/release-1.8", "refs/heads/release-1.8", "remotes/origin/release-1.8")
    done = site.refused("ref-name", *(f"HEAD:refs/tags/{name}" for name in (*names, "tags/v1")))
    assert done.err.count("is a tag by which git could not tell another ref from it") == 5
    site.accepted("HEAD:refs/tags/HEAD.1", "HEAD:refs/tags/v1/heads/x")
