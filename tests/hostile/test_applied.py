"""A record says what was applied: nothing that git does not see is deployed along with HEAD."""

from __future__ import annotations

import os

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


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_what_the_path_builds_on(configured: Clone, option: str) -> None:
    """A tool may read it; what a sparse checkout leaves out it cannot."""
    base = next(path for path in configured.out("ls-files").split("\n") if "/base/" in path)
    configured.git("update-index", option, base)
    (configured.path / base).unlink()
    assert configured.ekf("apply", PATH).code == 0
    configured.write(base, "another: one\n")
    done = configured.ekf("apply", PATH, "-m", "x")
    assert (done.code, f"{base} is changed, and git" in done.err) == (4, True), done


def test_what_links_lead_to(configured: Clone) -> None:
    elsewhere = configured.path.with_name("elsewhere")
    elsewhere.write_text("a: secret\n")
    (configured.path / PATH / "link").symlink_to(elsewhere)
    (configured.path / PATH / "dangling").symlink_to("nothing")
    (configured.path / PATH / "inside").symlink_to("../../../../own")
    configured.write("own/file", "x\n")
    configured.git("add", "-A")
    configured.git("commit", "-q", "-m", "Links")
    done = configured.ekf("apply", PATH, "-m", "x")
    assert (done.code, f"{PATH}/link is a link to what HEAD does not have" in done.err) == (4, True)
    configured.git("config", "ekf.apply.ignored", "link")
    assert configured.ekf("apply", PATH, "-m", "With a link.").code == 0
    assert f"\nIgnored: {PATH}/link\n" in configured.out("tag", "-l", "--format=%(contents)")
    configured.write("own/x.secret", "y\n")
    done = configured.ekf("apply", PATH)
    assert (done.code, "own/x.secret is ignored by git" in done.err) == (4, True), done


@pytest.mark.parametrize("what", ["ignored", "hidden"])
def test_what_a_tool_writes_where_the_next_one_reads(configured: Clone, what: str) -> None:
    second = "apps/dashboard/overlays/deploy"
    script = configured.path.with_name("script")
    script.write_text(
        f"echo 1 >{second}/x.secret\n"
        if what == "ignored"
        else f"git update-index --assume-unchanged {FILE}\necho x >>{FILE}\n"
    )
    configured.git("config", "--unset-all", "ekf.apply.command")
    for word in ("sh", str(script), "{path}"):
        configured.git("config", "--add", "ekf.apply.command", word)
    done = configured.ekf("apply", PATH, second, "-m", "x")
    assert done.code == 5, done
    assert "this repository changed while the tool ran" in done.err
    assert configured.out("tag", "-l") == ""


@pytest.mark.parametrize("what", ["HEAD", "HEAD^{tree}"])
def test_what_is_replaced(configured: Clone, what: str) -> None:
    configured.commit(FILE, "resources: []\n", "Other")
    configured.git("replace", what, what.replace("HEAD", "HEAD~1"))
    configured.git("reset", "-q", "--hard")
    assert configured.out("status", "--porcelain") == ""
    done = configured.ekf("apply", PATH, "-m", "x")
    assert (done.code, "git replace" in done.err) == (4, True), done
    configured.git("replace", "-d", configured.out("replace", "-l"))
    configured.git("reset", "-q", "--hard")
    assert configured.ekf("apply", PATH, "-m", "x").code == 0


def test_what_stays_of_the_size_and_time_that_it_had(configured: Clone) -> None:
    file = configured.path / FILE
    configured.git("config", "core.checkStat", "minimal")
    configured.git("config", "core.trustctime", "false")
    before = file.stat()
    os.utime(file, (1, 1))
    configured.git("update-index", "--refresh")
    other = configured.path.with_name("other")
    other.write_text(file.read_text().swapcase())
    os.utime(other, (1, 1))
    other.replace(file)
    assert file.stat().st_size == before.st_size
    assert configured.out("status", "--porcelain") == ""
    done = configured.ekf("apply", PATH, "-m", "x")
    assert (done.code, f"{FILE} is changed, and core.checkStat" in done.err) == (4, True), done


def test_the_hint_is_for_the_directory_that_one_is_in(configured: Clone) -> None:
    configured.git("update-index", "--assume-unchanged", FILE)
    configured.write(FILE, "x\n")
    below = Clone(configured.path / PATH)
    hint = below.ekf("apply").err + below.ekf("apply", ".").err
    assert "-- kustomization.yaml" in hint
