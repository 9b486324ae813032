"""How many git processes a command starts: each is a few milliseconds, whatever the machine."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import Clone, run
from servertools import BRANCH, Site
from upgrading import World, wrapper

from git_ekf.git.calls import Git

UPGRADE = ("upgrade", "--no-fetch", "--no-build", "--no-save-check", "1.9")
PACKAGE = Path(__file__).parents[1] / "git_ekf"
# Where the questions are, and what an upgrade has nothing to do with.
AROUND = ("questions", "demo", "airgap", "fleet", "report")
PLAN = ("upgrade", "--plan", "--no-fetch", "1.9")


@pytest.mark.parametrize(("command", "most"), [(UPGRADE, 27), (PLAN, 16)])
def test_an_upgrade_of_one_commit(
    clone: Clone, tmp_path: Path, command: tuple[str, ...], most: int
) -> None:
    clone.commit("site/values.yaml", "1\n")
    trace = tmp_path / "trace"
    done = clone.ekf(*command, env={"GIT_TRACE": str(trace)})
    assert (done.code, done.err) == (0, "")
    started = re.findall(r"trace: built-in: git (.*)", trace.read_text())
    assert 0 < len(started) <= most, started


def test_what_an_upgrade_asks_is_what_contributing_lists(world: World, tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| | git | methods of `Git` |\n|---|---|---|\n")[2]
    rows = [line.split("|")[2:4] for line in table.partition("\n\n")[0].splitlines()]
    assert len(rows) > 10
    used = "".join(
        path.read_text() for path in PACKAGE.rglob("*.py") if path.parts[-2] not in AROUND
    )
    for _, methods in rows:
        for name in re.findall(r"`([a-z_]+)`", methods):
            assert hasattr(Git, name), name
            assert re.search(rf"\b{name}\b", used), name
    asked = [always.partition(";")[0] for always, _ in rows]
    listed = {name for always in asked for name in re.findall(r"`([a-z-]+)`", always)} - {"rebase"}
    trace = tmp_path / "trace"
    done = world.ekf("upgrade", "1.9", env={"GIT_TRACE": str(trace)})
    assert done.code == 0, done
    started = set(re.findall(r"trace: built-in: git ([a-z-]+)", trace.read_text()))
    assert started - {"upload-pack", "maintenance"} == listed  # which git itself starts


def test_an_upgrade_of_what_the_vendor_has(clone: Clone, tmp_path: Path) -> None:
    """Nothing is to be written, so nothing is started that writes commits."""
    clone.git("switch", "-q", "--detach", "origin/release-1.9")
    taken = clone.commit("site/values.yaml", "1\n")
    clone.git("update-ref", "refs/remotes/origin/release-1.9", taken)
    clone.git("switch", "-q", "release-1.8")
    clone.commit("site/values.yaml", "1\n")
    trace = tmp_path / "trace"
    done = clone.ekf(*UPGRADE, env={"GIT_TRACE": str(trace)})
    assert (done.code, done.err) == (0, "")
    assert "0 configuration commits on" in done.out
    started = re.findall(r"trace: built-in: git (.*)", trace.read_text())
    assert not any("fast-import" in one or "cherry" in one for one in started)


def test_a_question_is_asked_once(clone: Clone, tmp_path: Path) -> None:
    clone.commit("site/values.yaml", "1\n")
    trace = tmp_path / "trace"
    clone.ekf(*PLAN, env={"GIT_TRACE": str(trace)})
    started = re.findall(r"trace: built-in: git (.*)", trace.read_text())
    # One that is talked to for the forecast, and one for the policy.
    started = [one for one in started if one != "cat-file --batch"]
    assert len(set(started)) == len(started)


def test_each_further_channel_of_a_forecast(clone: Clone, tmp_path: Path) -> None:
    clone.commit("site/values.yaml", "1\n")
    counts = []
    for number in range(11, 15):
        clone.git("update-ref", f"refs/remotes/origin/release-1.{number}", "origin/release-1.10")
        trace = tmp_path / f"trace-{number}"
        done = clone.ekf("releases", "--forecast", env={"GIT_TRACE": str(trace)})
        assert done.out.count("an upgrade would go through: 1 clean\n") == number - 8
        counts.append(trace.read_text().count("trace: built-in: git "))
    assert {after - before for before, after in pairwise(counts)} == {1}


def test_what_channels_merge_alike_is_merged_once(clone: Clone, tmp_path: Path) -> None:
    """By the same attributes, that is: the last one has others."""
    lines = [f"{number}\n" for number in range(20)]

    def vendor(release: str, path: str, content: str) -> None:
        made = clone.commit(path, content)
        clone.git("update-ref", f"refs/remotes/origin/release-{release}", made)

    clone.git("switch", "-q", "--detach", "origin/release-1.8")
    vendor("1.8", "lines", "".join(lines))
    clone.git("switch", "-q", "-C", "release-1.8", "--no-track")
    clone.git("branch", "-q", "-u", "origin/release-1.8")
    clone.commit("lines", "".join([*lines[:-1], "ours\n"]))
    clone.git("switch", "-q", "--detach", "origin/release-1.8")
    vendor("1.9", "lines", "".join(["theirs\n", *lines[1:]]))
    vendor("1.10", "more", "1\n")
    vendor("1.11", "more", "2\n")
    vendor("1.12", ".gitattributes", "lines -merge\n")
    clone.git("switch", "-q", "release-1.8")
    trace = tmp_path / "trace"
    done = clone.ekf("releases", "--forecast", env={"GIT_TRACE": str(trace)})
    assert done.out.count("an upgrade would go through: 1 clean\n") == 3
    assert done.out.count("an upgrade would stop: 1 in conflict (1 file)\n") == 1
    assert trace.read_text().count("trace: built-in: git merge-tree") == 2


def test_a_forecast_without_a_commit(clone: Clone, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    done = clone.ekf("releases", "--forecast", env={"GIT_TRACE": str(trace)})
    assert done.out.count("an upgrade would go through: nothing to carry over\n") == 2
    assert "ls-tree" not in trace.read_text()  # no channel is compared with anything


@pytest.mark.parametrize("log", ["", "moved", "garbage\n", "no line end"])
def test_the_fork_point_is_asked_for_where_the_reflog_tells_more(
    clone: Clone, tmp_path: Path, log: str
) -> None:
    """Which is not where the channel was only made, or has moved forward."""
    clone.commit("site/values.yaml", "1\n")
    channel = "refs/remotes/origin/release-1.8"
    if log == "moved":
        there = clone.out("rev-parse", channel)
        clone.git("update-ref", "-m", "back", channel, f"{there}^")
        clone.git("update-ref", "-m", "forth", channel, there)
    elif log:
        clone.write(f".git/logs/{channel}", log)
    trace = tmp_path / "trace"
    done = clone.ekf(*PLAN, env={"GIT_TRACE": str(trace)})
    assert (done.code, done.err) == (0, "")
    assert ("--fork-point" in trace.read_text()) == bool(log)


def test_a_push_that_the_full_rules_judge(site: Site, tmp_path: Path) -> None:
    """What is asked before they are loaded is what they ask, so that nothing is asked twice."""
    old = site.work.out("rev-parse", "HEAD")
    new = site.work.commit("own/a", "2\n")
    name = site.record(f"deploy/2026-11-19/{BRANCH}", Date="2026-11-19")
    tag = site.work.out("rev-parse", name)
    site.server.git("fetch", "-q", "--no-tags", str(site.work.path), new, tag)
    log = tmp_path / "log"
    env = wrapper(tmp_path / "bin", f'echo "$*" >>{log}\nexec $real "$@"')
    done = run(
        site.server.path / "hooks/pre-receive",
        cwd=site.server.path,
        env={**env, "GIT_DIR": ".", "GIT_OBJECT_DIRECTORY": str(site.server.path / "objects")},
        stdin=f"{old} {new} refs/heads/{BRANCH}\n{'0' * 40} {tag} refs/tags/{name}\n",
    )
    assert (done.code, done.err) == (0, "")
    asked = log.read_text().splitlines()
    assert len(asked) == 7, asked
    # Of the list of commits only what it reads differs.
    lists = [one for one in asked if one.startswith("rev-list --parents")]
    assert len(set(asked)) == len(asked) - 1, asked
    assert len(lists) == 2, asked
