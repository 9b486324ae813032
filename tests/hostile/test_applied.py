"""A record says what was applied: nothing that git does not see is deployed along with HEAD."""

from __future__ import annotations

import pytest
from conftest import Clone, run

PATH = "apps/istio/overlays/deploy"
FILE = f"{PATH}/kustomization.yaml"


def configure(clone: Clone) -> None:
    clone.git("config", "ekf.apply.command", "true")
    clone.git("config", "--add", "ekf.apply.command", "{path}")
    clone.write(".gitignore", "*.secret\nbuild/\n")
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "Ignore")
    assert clone.ekf("apply", PATH).code == 0


ARRANGED = {"configured": configure}


@pytest.fixture
def configured(clone: Clone) -> Clone:
    return clone


@pytest.mark.parametrize("name", ["x.secret", "build/deep/y", "Größe .secret"])
@pytest.mark.parametrize("where", ["gitignore", "exclude", "global"])
def test_ignored_files(configured: Clone, name: str, where: str) -> None:
    if where != "gitignore":
        configured.git("rm", "-q", ".gitignore")
        configured.git("commit", "-q", "-m", "Do not ignore")
        excludes = configured.path / ".git/info/exclude"
        if where == "global":
            excludes = configured.path.with_name("ignore")
            configured.git("config", "core.excludesFile", str(excludes))
        excludes.write_text("*.secret\nbuild/\n")
    configured.write(f"{PATH}/{name}", "hidden: true\n")
    done = configured.ekf("apply", PATH, "-m", "x")
    assert (done.code, len(done.err.splitlines())) == (4, 2), done
    assert "ignored by git, so that no record would have what is applied" in done.err
    assert configured.ekf("apply", "apps/dashboard/overlays/deploy").code == 0
    assert configured.out("tag", "-l") == ""


def test_ignored_files_that_are_let_through(configured: Clone) -> None:
    configured.write(f"{PATH}/x.secret", "1\n")
    configured.git("config", "ekf.apply.ignored", "*.secret")
    done = configured.ekf("apply", PATH, "-m", "With a secret.")
    assert done.code == 0, done
    assert f"\nIgnored: {PATH}/x.secret\n" in configured.out("tag", "-l", "--format=%(contents)")
    assert configured.rules() == ["tag-mismatch"] or configured.ekf("save").code == 0
    configured.write(f"{PATH}/build/y", "1\n")
    assert configured.ekf("apply", PATH).code == 4


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("change", ["edit", "delete", "link"])
def test_files_that_git_was_told_not_to_look_at(
    configured: Clone, option: str, change: str
) -> None:
    configured.git("update-index", option, FILE)
    assert configured.ekf("apply", PATH).code == 0
    file = configured.path / FILE
    if change == "edit":
        file.write_text("resources: []\n")
    else:
        file.unlink()
    if change == "link":
        file.symlink_to("elsewhere")
    done = configured.ekf("apply", PATH, "-m", "x")
    assert done.code == 4, done
    assert f"{FILE} is changed, and git was told not to look" in done.err
    hint = done.err.splitlines()[1].removeprefix("hint: ")
    assert run("sh", "-c", hint, cwd=configured.path).code == 0
    assert "uncommitted work" in configured.ekf("apply", PATH).err
