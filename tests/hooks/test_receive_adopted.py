"""Records that stand for older ones, as they arrive at a server that judges."""

from __future__ import annotations

import time

from servertools import Site

OLD = "deploy/2026-11-19/release-1.8"
ADOPTING = "deploy/2026-11-19.2/release-1.8"


def published_by_hand(site: Site) -> None:
    """A lightweight tag, from before the hook."""
    site.work.commit("own/a", "1")
    site.accepted("release-1.8")
    commit = site.work.out("rev-parse", "HEAD")
    site.server.git("update-ref", f"refs/tags/{OLD}", commit)
    site.work.git("tag", OLD)


def test_an_adoption_is_accepted(site: Site) -> None:
    published_by_hand(site)
    site.work.git("fetch", "-q", "internal")
    done = site.work.ekf("adopt", OLD, "-m", "By hand")
    assert done.code == 0, done
    site.accepted(ADOPTING)
    assert site.work.rules("--all") == []


def test_old_and_new_may_arrive_together(site: Site) -> None:
    site.work.commit("own/a", "1")
    site.accepted("release-1.8")
    site.work.git("fetch", "-q", "internal")
    site.work.git("tag", OLD)
    site.refused("tag-lightweight", OLD)
    assert site.work.ekf("adopt", OLD, "-m", "By hand").code == 0
    site.accepted(OLD, ADOPTING)


def test_one_may_stand_for_several(site: Site) -> None:
    """Which arrive with it, and of which one has a wrong name."""
    site.work.commit("own/a", "1")
    site.accepted("release-1.8")
    for name in (OLD, "deploy/first"):
        site.work.git("tag", name)
    date = f"2026-11-19\nAdopts: {OLD}\nAdopts: deploy/first"
    new = site.record(ADOPTING, Date=date)
    site.accepted(OLD, "deploy/first", new)


def test_an_untrue_adoption_is_refused(site: Site) -> None:
    published_by_hand(site)
    name = site.record(ADOPTING, Date=f"2026-11-19\nAdopts: {OLD}", Context="")
    site.refused("tag-fields", name)
    name = site.record(ADOPTING, Date="2026-11-19\nAdopts: deploy/2026-10-10/release-1.8")
    site.refused("tag-mismatch", name)
    site.work.commit("own/b", "2")
    site.accepted("release-1.8")
    site.refused("tag-mismatch", site.record(ADOPTING, Date=f"2026-11-19\nAdopts: {OLD}"))


def test_a_tagger_more_than_a_day_ahead_is_refused(site: Site) -> None:
    """By the server's clock; a day makes no difference."""
    site.work.commit("own/a", "1")
    site.accepted("release-1.8")
    made = site.record(OLD, Date="2026-11-19")
    text = site.work.out("for-each-ref", "--format=%(contents)", f"refs/tags/{made}")
    for ahead, refused in ((2 * 86400, True), (43200, False)):
        later = {"GIT_COMMITTER_DATE": f"{int(time.time()) + ahead} +0000"}
        site.work.git("tag", "-a", "-f", "-F", "-", OLD, stdin=text, env=later)
        if refused:
            site.refused("tag-date", OLD)
        else:
            site.accepted(OLD)
