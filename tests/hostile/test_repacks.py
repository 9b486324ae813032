"""Another program packs the repository anew, and drops what no ref leads to, at every step.

That is what `git gc --prune=now` from cron does, or `git repack -ad`: here before each git that
git-ekf starts, and within each change of refs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import rare
from upgrading import ISTIO, copy, make, script, vendor_commit, wrapper

from git_ekf.demo.sample import deployment
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine

# The steps of one repack do not mix with those of another. git itself leaves single objects unnamed
# for a moment in a fetch, a rebase and a commit, so nothing is pruned within those; nor before
# the question to internal, which is asked beside a fetch.
_STEP = """(
unset $("$real" rev-parse --local-env-vars)
cd %s || exit
exec 9>"%s"
flock 9
"$real" repack -adq
[ -z "$PRUNING" ] || "$real" prune --expire=now
) >/dev/null 2>&1
"""
_BEFORE_EACH = """PRUNING=1
[ "$1" != ls-remote ] || PRUNING=
%s
case $1 in fetch|rebase|push) PRUNING= ;; esac
export PRUNING
exec "$real" "$@"
"""
_HOOK = """#!/bin/sh
real=%s
[ "$1" = prepared ] || exit 0
%s
exit 0
"""


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    clean = make(tmp_path_factory.mktemp("clean"))
    new = {"VERSION": "1.8.1\n", ISTIO: deployment("istio", "1.8.1", 1)}
    vendor_commit(clean, "release-1.8", new, "1.8.1")
    stops = copy(clean.path.parent, tmp_path_factory.mktemp("stops"))
    stops.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    stops.commit("own/last", "last\n", "Last")
    stops.save()
    return {"clean": clean.path.parent, "stops": stops.path.parent}


@pytest.fixture
def repacking(tmp_path: Path) -> Callable[[Path], dict[str, str]]:
    """Has a repository packed anew at every step; the environment for that."""

    def begin(repository: Path) -> dict[str, str]:
        git_dir = repository / ".git" if (repository / ".git").exists() else repository
        step = _STEP % (git_dir / "objects/..", tmp_path / "repacking.lock")
        script(git_dir / "hooks/reference-transaction", _HOOK % (shutil.which("git"), step))
        return wrapper(tmp_path / "repacking", _BEFORE_EACH % step)

    return begin


def assert_whole(repository: Path) -> None:
    """Every ref leads to all that it should, and nothing is left that keeps or holds anything."""
    clone = Clone(repository)
    fsck = clone.git("fsck", "--full", "--no-dangling", "--no-progress", ok=False)
    assert (fsck.code, fsck.out, fsck.err) == (0, "", "")
    assert clone.out("for-each-ref", "refs/ekf/hold") == ""
    objects = Path(clone.out("rev-parse", "--path-format=absolute", "--git-path", "objects"))
    assert list(objects.glob("pack/*.keep")) == []
    assert list(objects.glob("ekf-*")) == []


def done(result: Run, code: int = 0) -> None:
    assert result.code == code, result
    assert "bad object" not in result.err


Repacking = Callable[[Path], dict[str, str]]


@pytest.mark.parametrize("command", ["upgrade", pytest.param("sync", marks=rare)])
def test_upgrade_and_sync(
    templates: dict[str, Path], tmp_path: Path, repacking: Repacking, command: str
) -> None:
    world = copy(templates["clean"], tmp_path)
    env = repacking(world.path)
    done(world.ekf(command, "--no-build", env=env))
    assert_whole(world.path)
    done(world.ekf("undo", env=env))
    assert_whole(world.path)


@rare
def test_again_after_undo(templates: dict[str, Path], tmp_path: Path, repacking: Repacking) -> None:
    """Much of what is to be written is there already, and no ref leads to it."""
    world = copy(templates["clean"], tmp_path)
    world.git("config", "core.logAllRefUpdates", "false")
    done(world.ekf("upgrade", "--no-build"))
    done(world.ekf("undo"))
    shutil.rmtree(world.path / ".git/logs")
    done(world.ekf("upgrade", "--no-build", env=repacking(world.path)))
    assert_whole(world.path)


@rare
@pytest.mark.parametrize("command", [pytest.param("upgrade", marks=rare), "sync"])
def test_with_a_conflict(
    templates: dict[str, Path], tmp_path: Path, repacking: Repacking, command: str
) -> None:
    world = copy(templates["stops"], tmp_path)
    env = repacking(world.path)
    done(world.ekf(command, "--no-build", env=env), 3)
    while (world.path / ".git/rebase-merge").exists():
        world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
        world.git("add", ISTIO)
        result = world.ekf(command, "--continue", "--no-build", env=env)
        assert result.code in (0, 3), result
    assert len(world.stack(upstream="origin/release-1.9")) >= 4
    assert_whole(world.path)


@rare
@pytest.mark.parametrize("stack", ["clean", "stops"])
def test_a_migration(
    templates: dict[str, Path], tmp_path: Path, repacking: Repacking, stack: str
) -> None:
    world = copy(templates[stack], tmp_path)
    script(tmp_path / "migrate", '#!/bin/sh\nmkdir -p own; echo "$EKF_TO" >own/migrated\n')
    command = f'to = "1.9"\ncommand = ["{tmp_path / "migrate"}"]\n'
    world.commit(".ekf.toml", f"[[upgrade.migrations]]\n{command}", "Migrate")
    world.save()
    done(world.ekf("trust", "--yes"))
    env = repacking(world.path)
    result = world.ekf("upgrade", "1.9", "--no-build", env=env)
    done(result, 0 if stack == "clean" else 3)
    if stack == "stops":
        world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
        world.git("add", ISTIO)
        done(world.ekf("upgrade", "--continue", "--no-build", env=env))
    assert_whole(world.path)


@rare
def test_records_and_rollback(
    templates: dict[str, Path], tmp_path: Path, repacking: Repacking
) -> None:
    world = copy(templates["clean"], tmp_path)
    env = repacking(world.path)
    done(world.ekf("tag", "-m", "First", env=env))
    assert_whole(world.path)
    world.commit("own/more", "even more\n", "Even more")
    [name] = world.out("tag", "--list", "deploy/*").split()
    done(world.ekf("rollback", name, env=env))
    assert world.tree() == world.tree(name)
    assert_whole(world.path)
    done(world.ekf("undo", env=env))
    done(world.ekf("save", env=env))
    assert_whole(world.path)


@rare
def test_pull(templates: dict[str, Path], tmp_path: Path, repacking: Repacking) -> None:
    """With a commit and a record of either, whose name the other clone took."""
    world = copy(templates["clean"], tmp_path)
    other = copy(templates["clean"], tmp_path / "other")
    other.git("remote", "set-url", "internal", str(world.path.with_name("internal.git")))
    for clone in (other, world):
        clone.commit(f"own/{clone.path.parent.name}", "more\n", "More")
        done(clone.ekf("tag", "-m", clone.path.parent.name))
    done(other.ekf("save"))
    env = repacking(world.path)
    done(world.ekf("pull", env=env))
    assert_whole(world.path)
    assert len(world.out("tag", "--list", "deploy/*").split()) == 2
    done(world.ekf("undo", env=env))
    done(world.ekf("pull", env=env))
    done(world.ekf("save", env=env))
    assert_whole(world.path)


@rare
def test_adopt(templates: dict[str, Path], tmp_path: Path, repacking: Repacking) -> None:
    world = copy(templates["clean"], tmp_path)
    world.git("tag", "-a", "-m", "By hand", "deploy/2026-11-19/release-1.8")
    world.git("push", "-q", "--no-verify", "internal", "deploy/2026-11-19/release-1.8")
    world.git("fetch", "-q", "internal")
    env = repacking(world.path)
    done(world.ekf("adopt", "deploy/2026-11-19/release-1.8", "-m", "Said.", env=env))
    assert_whole(world.path)
    done(world.ekf("undo", env=env))
    done(world.ekf("adopt", "deploy/2026-11-19/release-1.8", "-m", "Said.", env=env))
    done(world.ekf("save", env=env))
    assert_whole(world.path)


@rare
def test_signed(templates: dict[str, Path], tmp_path: Path, repacking: Repacking) -> None:
    world = copy(templates["clean"], tmp_path)
    key = tmp_path / "key"
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).code == 0
    settings = {"gpg.format": "ssh", "user.signingKey": f"{key}.pub"}
    settings |= {"commit.gpgSign": "true", "tag.gpgSign": "true"}
    for name, value in settings.items():
        world.git("config", name, value)
    env = repacking(world.path)
    done(world.ekf("upgrade", "--no-build", env=env))
    done(world.ekf("tag", "-m", "First", env=env))
    assert_whole(world.path)
    for revision in world.stack():
        assert "gpgsig" in world.out("cat-file", "commit", revision)
    [name] = world.out("tag", "--list", "deploy/*").split()
    assert "SSH SIGNATURE" in world.out("cat-file", "tag", name)


@rare
def test_mirror_and_bundle(
    templates: dict[str, Path], tmp_path: Path, repacking: Repacking
) -> None:
    world = copy(templates["clean"], tmp_path)
    vendor = world.vendor.path
    mirror, applied = tmp_path / "mirror.git", tmp_path / "applied.git"
    for path in (mirror, applied):
        assert run("git", "init", "-q", "--bare", path).code == 0
    bundle = tmp_path / "b"
    for number in range(2):
        env = repacking(mirror)
        done(run("git-ekf", "mirror", vendor, mirror, env=env))
        assert_whole(mirror)
        receipt = ["--receipt", f"{bundle}0.receipt"] if number else []
        bundled = run("git-ekf", "bundle", "create", f"{bundle}{number}", *receipt, cwd=mirror)
        done(bundled)
        env = repacking(applied)
        done(run("git-ekf", "bundle", "apply", f"{bundle}{number}", applied, env=env))
        assert_whole(applied)
        vendor_commit(world, "release-1.8", {"VERSION": f"1.8.{number + 2}\n"}, "Next")


def test_what_a_killed_one_leaves(templates: dict[str, Path], tmp_path: Path) -> None:
    """The next command clears it away, and nothing of anybody else's."""
    world = copy(templates["clean"], tmp_path)
    git = Git(str(world.path))
    objects = world.path / ".git/objects"
    quarantine = Quarantine(git, str(objects))
    quarantine.__enter__()
    blob = quarantine.git(git).write_blob(b"new\n")
    quarantine.migrate(blob)
    world.git("repack", "-adq")
    world.git("prune", "--expire=now")
    assert world.out("cat-file", "-p", "refs/ekf/hold/0") == "new"
    theirs = objects / "pack/pack-theirs.keep"
    theirs.write_text("mine\n")
    assert len(list(objects.glob("pack/*.keep"))) == 2
    done(world.ekf("upgrade", "--no-build"))
    assert list(objects.glob("pack/*.keep")) == [theirs]
    theirs.unlink()
    assert_whole(world.path)
