"""The tour: it runs to its end on a machine with a hostile configuration, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from conftest import Clone, run

from git_ekf.demo import SCENES


def test_it_walks_through_every_scene(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[core]\n\thooksPath = /nowhere\n[user]\n\tuseConfigOnly = true\n", encoding="utf-8")
    env = {"TMPDIR": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / "config"), "EKF_HOOKS": "0", "GIT_DIR": str(tmp_path)}
    done = run("git-ekf", "demo", env=env)
    assert done.code == 0, done
    assert [line[2:] for line in done.out.splitlines() if line.startswith("$ ")] == [scene.command for scene in SCENES]
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


def test_it_can_be_kept(tmp_path: Path) -> None:
    done = run("git-ekf", "demo", tmp_path / "sandbox")
    assert done.code == 0, done
    again = run("git-ekf", "demo", tmp_path / "sandbox")
    assert (again.code, again.err.splitlines()[0]) == (4, f"git-ekf: {tmp_path}/sandbox exists already and is not empty")
    cluster = Clone(tmp_path / "sandbox/cluster")
    assert cluster.rules() == ["vendor-path"]
    assert cluster.out("show", "-s", "--format=%s") == "Migrate to 1.9"
    assert cluster.out("ls-files", "site") == "site/records.yaml"
    assert cluster.out("rev-parse", "--abbrev-ref", "HEAD") == "release-1.9"
