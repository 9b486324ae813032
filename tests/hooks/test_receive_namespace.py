"""The server's judge, where backups and the vendor's commits are branches or tags."""

from __future__ import annotations

from pathlib import Path

import pytest
from reach import rare
from servertools import BRANCH, Site

NAMESPACES = ("refs/heads/ekf/", "refs/tags/ekf/")


@pytest.fixture(params=NAMESPACES)
def namespace(site: Site, request: pytest.FixtureRequest) -> str:
    """Known to both sides, and saved once."""
    for side in (site.work, site.server):
        side.git("config", "ekf.internal.namespace", request.param)
    assert site.work.ekf("init").code == 0
    site.work.commit("own/b", "1")
    done = site.work.ekf("save")
    assert done.code == 0, done
    return str(request.param)


@rare
def test_a_rewritten_branch_is_saved(site: Site, namespace: str) -> None:
    old = site.work.out("rev-parse", "HEAD")
    site.work.git("commit", "-q", "--amend", "-m", "Amended")
    site.refused("rewrite-unsaved", "--force", BRANCH)
    done = site.work.ekf("save")
    assert done.code == 0, done
    kept = site.server.out("for-each-ref", "--format=%(objectname)", f"{namespace}backup/")
    assert kept == old
    site.work.commit("own/c", "1")
    site.accepted(BRANCH)


def test_what_is_kept_is_immutable(site: Site, namespace: str) -> None:
    site.work.git("commit", "-q", "--amend", "-m", "Amended")
    assert site.work.ekf("save").code == 0
    backup = site.server.out("for-each-ref", "--format=%(refname)", f"{namespace}backup/")
    upstream = f"{namespace}upstream/{BRANCH}"
    site.refused("backup-moved", f":{backup}")
    site.refused("backup-moved", "--force", f"HEAD:{backup}")
    site.refused("upstream-moved", f":{upstream}")
    site.refused("upstream-moved", "--force", f"origin/{BRANCH}~1:{upstream}")
    site.refused("upstream-moved", "--force", f"HEAD:{upstream}")


def test_names_and_objects(site: Site, namespace: str) -> None:
    site.refused("ref-name", f"HEAD:{namespace}backup/alone")
    site.refused("ref-name upstream-moved", f"HEAD:{namespace}upstream/main")
    if namespace.startswith("refs/tags/"):
        site.refused("backup-moved", f"HEAD^{{tree}}:{namespace}backup/{BRANCH}/1")


def test_the_other_namespace_is_kept_as_well(site: Site, namespace: str) -> None:
    """What was there before another was chosen."""
    site.refused("upstream-moved", f":refs/ekf/upstream/{BRANCH}")


def test_a_server_that_does_not_know_it(site: Site, tmp_path: Path) -> None:
    site.work.git("config", "ekf.internal.namespace", "refs/heads/ekf/")
    assert site.work.ekf("init").code == 0
    site.work.commit("own/b", "1")
    done = site.work.ekf("save")
    assert done.code == 4
    assert "ekf/upstream/release-1.8 is not a release branch" in done.err


def test_doctor_leaves_nothing_with_a_judge(site: Site, namespace: str) -> None:
    before = site.refs()
    done = site.work.ekf("doctor", "--remote")
    assert "internal judges pushes by git-ekf" in done.out
    assert site.refs() == before
