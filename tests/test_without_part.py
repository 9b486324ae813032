"""Options that have no part in what is asked for: named, and never passed over in silence."""

from __future__ import annotations

import pytest
from conftest import Clone
from upgrading import ISTIO, World, assert_refused, snapshot, vendor_commit

from git_ekf.demo.sample import deployment


def test_a_preference_that_no_file_matches_is_named(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.save()
    note = "note: --prefer {}: your commits change no file that it matches\n".format
    asked = ["--prefer", "local:aps/*", "--prefer", "vendor:own/nothing", "--prefer", "local:apps"]
    for how in ("--plan", "--json"):
        plan = world.ekf("upgrade", how, *asked)
        assert (plan.code, plan.err) == (0, note("local:aps/*") + note("vendor:own/nothing"))
    stopped = world.ekf("upgrade", "--prefer", "local:aps/*")
    assert stopped.code == 3
    assert stopped.err.startswith(note("local:aps/*"))


def test_a_preference_that_matches_is_not(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.save()
    for preference in ("local", "local:apps/istio/", "local:own/*", "vendor:*.yaml"):
        assert world.ekf("upgrade", "--plan", "--prefer", preference).err == ""
    done = world.ekf("upgrade", "--prefer", "local:apps")
    assert (done.code, done.err) == (0, "")


def test_a_preference_for_where_the_vendor_has_moved_a_file(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    there = "platform/istio.yaml"
    vendor_commit(
        world, "release-1.9", {ISTIO: None, there: deployment("istio", "1.9.0", 1)}, "Move it"
    )
    plan = world.ekf("upgrade", "--plan", "--prefer", "local:platform/*")
    assert (plan.code, plan.err) == (0, "")
    assert f"{there}: the local side is taken" in plan.out


@pytest.mark.parametrize("how", ["--continue", "--skip", "--abort"])
@pytest.mark.parametrize(
    "option",
    [
        ["--prefer", "local"],
        ["--plan"],
        ["-n"],
        ["--json"],
        ["--flatten"],
        ["--no-fetch"],
        ["--no-save-check"],
        ["--migrate-squash"],
        ["1.10"],
    ],
)
def test_what_comes_too_late_is_refused(world: World, how: str, option: list[str]) -> None:
    before = snapshot(world)
    names = {"-n": "--plan", "1.10": "X.Y"}
    assert_refused(
        world.ekf("upgrade", how, *option),
        f"{names.get(option[0], option[0])} would have no effect with {how}:"
        " the upgrade goes by what it began with",
        f"git ekf upgrade {how}",
        code=2,
    )
    assert snapshot(world) == before


def test_a_stop_stays_where_it_is(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.save()
    assert world.ekf("upgrade").code == 3
    before = snapshot(world)
    for words in (["--abort", "--prefer", "local", "--verify", "true"], ["--continue", "--plan"]):
        assert world.ekf("upgrade", *words).code == 2
        assert snapshot(world) == before
    late = world.ekf("upgrade", "--abort", "--prefer", "local", "--verify", "true", "--no-build")
    assert "--prefer, --verify, --no-build would have no effect with --abort:" in late.err
    done = world.ekf("upgrade", "--skip", "--no-build", "--verify", "true", "--range-diff")
    assert done.code == 0


def test_what_has_no_part_in_a_plan_is_named(world: World) -> None:
    for how in ("--plan", "--json"):
        plan = world.ekf("upgrade", how, "--verify", "false", "--range-diff", "--no-save-check")
        assert (plan.code, plan.err) == (
            0,
            "note: --verify, --range-diff: without effect on a plan, for nothing is carried over\n",
        )
    assert world.ekf("upgrade", "--plan", "--no-fetch", "--flatten").err == ""


@pytest.mark.parametrize("words", [["--rendered", "--json"], ["--json"]])
def test_diff_json_and_stat_exclude_each_other(clone: Clone, words: list[str]) -> None:
    assert_refused(
        clone.ekf("diff", *words, "--stat"),
        "--stat and --json exclude each other: the document has all of it",
        "git ekf diff " + " ".join(words),
        code=2,
    )
