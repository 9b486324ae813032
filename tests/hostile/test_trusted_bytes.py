"""Trust is for bytes: a file of another version, of another tree, or behind a link, does not run."""

from __future__ import annotations

import pytest
from conftest import Clone
from upgrading import World, vendor_commit

TOOL = "#!/bin/sh\ntouch {}\n"


def ran(world: World) -> bool:
    return world.path.with_name("ran").exists()


def commit_tool(world: World, text: str = "#!/bin/sh\n") -> None:
    world.write("tools/migrate", text)
    (world.path / "tools/migrate").chmod(0o755)
    world.write(".ekf.toml", '[[upgrade.migrations]]\nto = "1.9"\ncommand = ["tools/migrate"]\n')
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Migrate")


@pytest.mark.parametrize("how", [["--plan"], ["--no-save-check", "--no-build"]], ids=" ".join)
def test_the_vendors_file_of_a_trusted_name(world: World, how: list[str]) -> None:
    commit_tool(world)
    assert world.ekf("trust", "--yes").code == 0
    text = TOOL.format(world.path.with_name("ran"))
    vendor_commit(world, "release-1.9", {"tools/migrate": text}, mode="755")
    done = world.ekf("upgrade", "1.9", *how)
    world.git("fetch", "-q", "origin")
    done = world.ekf("upgrade", "1.9", *how)
    assert (done.code, ran(world)) == (4, False), done
    assert done.err.endswith("hint: git ekf trust\n")


def test_an_argument_that_is_a_file_of_each_commit(world: World) -> None:
    """The base of the stack is the vendor's: its file of that name is another one."""
    world.write("own/migrate.sh", "exit 0\n")
    world.write(
        ".ekf.toml", '[[upgrade.migrations]]\nto = "1.9"\ncommand = ["sh", "own/migrate.sh"]\n'
    )
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Migrate")
    assert world.ekf("trust", "--yes").code == 0
    world.write("own/migrate.sh", TOOL.format(world.path.with_name("ran")))
    world.git("commit", "-q", "-a", "-m", "Another one")
    done = world.ekf("upgrade", "1.9", "--no-save-check", "--no-build")
    assert (done.code, ran(world)) == (4, False), done


def test_a_link_is_followed(world: World) -> None:
    commit_tool(world)
    (world.path / "tools/migrate").rename(world.path / "tools/real")
    (world.path / "tools/migrate").symlink_to("real")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Link")
    assert world.ekf("trust", "--yes").code == 0
    world.write("tools/real", TOOL.format(world.path.with_name("ran")))
    world.git("commit", "-q", "-a", "-m", "Another one behind the link")
    done = world.ekf("upgrade", "1.9", "--no-save-check", "--no-build")
    assert (done.code, ran(world)) == (4, False), done


def test_a_colleagues_deploy_tool(clone: Clone) -> None:
    clone.write("tools/deploy", "#!/bin/sh\n")
    (clone.path / "tools/deploy").chmod(0o755)
    clone.git("config", "ekf.apply.command", "tools/deploy")
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "Deploy")
    assert clone.ekf("trust", "--yes").code == 0
    assert clone.ekf("apply", "--no-tag").code == 0 or clone.ekf("apply").code == 0
    clone.write("tools/deploy", TOOL.format(clone.path.with_name("ran")))
    clone.git("commit", "-q", "-a", "-m", "Another one")
    assert clone.ekf("apply").code == 4
    assert not clone.path.with_name("ran").exists()
