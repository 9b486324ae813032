"""The tour: it runs to its end on a machine with a hostile configuration, and leaves nothing behind."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import forking
import pexpect
import pictures
import pytest
from conftest import Clone, run
from manpages import ROOT
from reach import rare

from git_ekf.demo.tour import SCENES


def test_it_walks_through_every_scene_and_can_be_kept(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The pictures of the README show what is printed; `make pictures` draws them anew."""
    (tmp_path / "config").write_text(
        "[core]\n\thooksPath = /nowhere\n[user]\n\tuseConfigOnly = true\n", encoding="utf-8"
    )
    env = {
        "TMPDIR": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "config"),
        "EKF_HOOKS": "0",
        "GIT_DIR": str(tmp_path),
    }
    quick = tmp_path_factory.mktemp("quick")
    with forking.program(quick):
        env["PATH"] = f"{quick}{os.pathsep}{os.environ['PATH']}"
        done = run("git-ekf", "demo", tmp_path / "sandbox", env=env)
    assert done.code == 0, done
    assert_pictured(done.out)
    assert [line[2:] for line in done.out.splitlines() if line.startswith("$ ")] == [
        scene.command for scene in SCENES
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "sandbox"]
    again = run("git-ekf", "demo", tmp_path / "sandbox")
    assert (again.code, again.err.splitlines()[0]) == (
        4,
        f"git-ekf: {tmp_path}/sandbox exists already and is not empty",
    )
    cluster = Clone(tmp_path / "sandbox/cluster")
    assert cluster.rules() == ["vendor-path"]
    assert cluster.out("show", "-s", "--format=%s") == "Migrate to 1.9"
    assert cluster.out("ls-files", "site") == "site/records.yaml"
    assert cluster.out("rev-parse", "--abbrev-ref", "HEAD") == "release-1.9"


@rare
def test_on_a_terminal_it_waits(tmp_path: Path) -> None:
    def tour(*options: str) -> pexpect.spawn[str]:
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        return pexpect.spawn(
            "git-ekf",
            ["demo", *options],
            cwd=str(tmp_path),
            timeout=60,
            encoding="utf-8",
            env=environment,
        )

    child = tour()
    for scene in SCENES[:2]:
        child.expect_exact(f"$ {scene.command} [Enter] ")
        child.sendline()
    child.expect_exact("$ ")
    child.sendintr()
    child.expect_exact("git-ekf: interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert list(tmp_path.iterdir()) == []
    child = tour()
    child.expect_exact("[Enter] ")
    child.sendeof()
    child.expect_exact("git-ekf: interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    child = tour("--yes")
    child.expect_exact(f"$ {SCENES[1].command}\r\ninternal has no deploy record")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert list(tmp_path.iterdir()) == []


def assert_pictured(printed: str) -> None:
    for name, text in pictures.outputs(printed).items():
        svg = (ROOT / "docs" / name).read_text(encoding="utf-8")
        parts = re.findall(r'<text class="\S+-r\d+" x="(\S+)" y="(\S+)"[^>]*>([^<]*)</text>', svg)
        lines: dict[float, str] = {}
        for _, height, part in sorted(parts, key=lambda part: (float(part[1]), float(part[0]))):
            lines[float(height)] = lines.get(float(height), "") + html.unescape(part).replace(
                "\xa0", " "
            )
        drawn = ["".join(line.split()) for line in lines.values() if line.strip()]
        assert drawn == [
            "".join(re.sub(r"\x1b\[\d*m", "", line).split()) for line in text.splitlines() if line
        ]
