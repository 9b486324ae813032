"""Trust is for bytes: a file of another version, of another tree, or behind a link, does not run."""

from __future__ import annotations

import json

import pytest
from conftest import Clone
from upgrading import ISTIO, World, vendor_commit

from git_ekf.errors import Refused
from git_ekf.files_named import files_named
from git_ekf.git.calls import Git
from git_ekf.manifests.build import broken
from git_ekf.repository import Repository

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


BASE = ISTIO.rpartition("/")[0]
WORDS = [
    ["sh", "tools/x.sh", "{path}"],
    ["sh", "{path}/../../../tools/x.sh"],
    ["sh", "tools/{path}.sh"],
    ["sh", "-c", '. ./tools/x.sh "$1"', "sh", "{path}"],
    ["sh", "-c", "true {path} && sh tools/x.sh"],
    ["bash", "-O", "extglob", "tools/x.sh", "{path}"],
    ["env", "BASH_ENV=tools/x.sh", "bash", "-c", "exit 0", "{path}"],
]


def builder(world: World, words: list[str], text: str) -> None:
    for name in ("tools/x.sh", f"tools/{BASE}.sh"):
        world.write(name, text)
    world.write(".ekf.toml", f"[render]\ncommand = {json.dumps(words)}\n")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Build")


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_the_builder_of_another_commit(world: World, words: list[str]) -> None:
    """Both sides of a comparison are built in their own files, as is the check of an upgrade."""
    world.git("config", "--unset-all", "ekf.render.command", ok=False)
    builder(world, words, TOOL.format(world.path.with_name("ran")))
    builder(world, words, "exit 0\n")
    assert world.ekf("trust", "--yes").code == 0
    # A kustomization is changed, so that there is something to build.
    world.write(ISTIO, "kind: List\n")
    world.git("commit", "-q", "-a", "-m", "Change")
    done = world.ekf("diff", "--rendered", "HEAD~2", "HEAD", BASE)
    assert (done.code, ran(world)) == (4, False), done
    hint = done.err.splitlines()[-1].removeprefix("hint: git ekf ")
    assert hint.startswith("trust ")
    assert world.ekf(*hint.split(), "--yes").code == 0
    done = world.ekf("diff", "--rendered", "HEAD~2", "HEAD", BASE)
    assert (done.code, ran(world)) == (0, True), done


def test_the_builder_of_what_an_upgrade_makes(world: World) -> None:
    """Of both commits that are built, the one before has the vendor's file of that name."""
    text = TOOL.format(world.path.with_name("ran"))
    world.git("config", "--unset-all", "ekf.render.command", ok=False)
    builder(world, ["sh", "tools/x.sh", "{path}"], "exit 0\n")
    assert world.ekf("trust", "--yes").code == 0
    builder(world, ["sh", "tools/x.sh", "{path}"], f"{text}exit 1\n")
    repo = Repository(Git(str(world.path)))
    now, before = world.stack()[-1], world.stack()[-2]
    for old, new in ((before, now), (now, before)):
        with pytest.raises(Refused) as refused:
            broken(repo, old, new, [BASE])
        assert refused.value.hint.startswith("git ekf trust")
    assert not ran(world)


def test_trust_of_a_revision_that_is_none(world: World) -> None:
    done = world.ekf("trust", "nowhere")
    assert (done.code, done.err.splitlines()[0]) == (2, "git-ekf: nowhere names no commit")
    assert world.ekf("trust", "--revoke", "HEAD").code == 2


@pytest.mark.parametrize("words", [*WORDS[2:4], ["sh", "{path}/deploy.sh"]], ids=" ".join)
def test_a_word_with_the_path_of_a_deployment(world: World, words: list[str]) -> None:
    for name in (f"{BASE}/deploy.sh", "tools/x.sh", f"tools/{BASE}.sh"):
        world.write(name, TOOL.format(world.path.with_name("ran")))
    for word in words:
        world.git("config", "--add", "ekf.apply.command", word)
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Deploy")
    done = world.ekf("apply", BASE)
    assert (done.code, ran(world)) == (4, False), done
    assert world.ekf("trust", "--yes").code == 0
    done = world.ekf("apply", BASE)
    assert (done.code, ran(world)) == (0, True), done


@pytest.mark.parametrize("name", ["own/to-{to}.sh", "own/{from}/x.sh"])
def test_a_word_with_the_release_of_a_migration(world: World, name: str) -> None:
    file = name.replace("{to}", "1.9").replace("{from}", "1.8")
    world.write(file, TOOL.format(world.path.with_name("ran")))
    world.write(".ekf.toml", f'[[upgrade.migrations]]\nto = "1.9"\ncommand = ["sh", "{name}"]\n')
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Migrate")
    assert world.ekf("trust", "--yes").code == 0
    world.write(file, f"touch {world.path.with_name('ran')} # another one\n")
    world.git("commit", "-q", "-a", "-m", "Another one")
    done = world.ekf("upgrade", "1.9", "--no-save-check", "--no-build")
    assert (done.code, ran(world)) == (4, False), done


LINES = [
    *("cd tools && ./x.sh", "cd tools; sh x.sh", "x=${Y:-tools/x.sh}; sh $x", "sh tools/*.sh"),
    *("sh tools/?.sh", 'sh to""ols/x.sh', "sh to\\ols/x.sh", 'sh "$PWD"/tools/x.sh'),
    *("sh $PWD/tools/x.sh", "sh tools/{x,y}.sh", "$(git rev-parse --show-toplevel)/tools/x.sh"),
    *("cd own && ../tools/x.sh", "for f in tools/*; do sh $f; done", "PATH=tools:$PATH x.sh"),
    *("cd linked && ./x.sh", "sh {path}/../../../tools/x.sh"),
]
MORE = [
    *(["sh", "-c", line, "sh", "{path}"] for line in LINES),
    ["env", "-C", "tools", "./x.sh", "{path}"],
    ["env", "PATH=tools:/usr/bin", "x.sh"],
    ["find", "tools", "-name", "x.sh", "-exec", "sh", "{}", ";"],
    ["sh", "TOP/tools/x.sh", "{path}"],
    ["TOP/tools/x.sh", "{path}"],
]
READ = {
    "Makefile": [["make", "deploy"], ["sh", "-c", "env make deploy", "sh"]],
    "tools/Makefile": [
        ["make", "-C", "tools"],
        ["sh", "-c", "make -Ctools"],
        ["sh", "-c", "cd tools && make"],
    ],
    "tools/__main__.py": [["python3", "tools", "{path}"], ["python3", "-m", "tools"]],
    "own/run.py": [["python3", "-m", "own.run", "{path}"]],
}


def test_a_way_up_behind_a_link(world: World) -> None:
    """What was a directory is a link in the vendor's tree, and the way up leads elsewhere."""
    text = TOOL.format(world.path.with_name("ran"))
    for path in ("x.sh", "tools/y", "other/tools/x.sh"):
        world.write(path, "exit 0\n")
    command = 'to = "1.9"\ncommand = ["sh", "tools/../x.sh"]\n'
    world.write(".ekf.toml", f"[[upgrade.migrations]]\n{command}")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Migrate")
    assert world.ekf("trust", "--yes").code == 0
    world.git("rm", "-qr", "tools")
    (world.path / "tools").symlink_to("other/tools")
    world.write("other/x.sh", text)
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "A link")
    done = world.ekf("upgrade", "1.9", "--no-save-check", "--no-build")
    assert (done.code, ran(world)) == (4, False), done
    assert "other/x.sh" in done.err, done


def test_a_file_by_whatever_way_a_command_gets_to_it(world: World) -> None:
    for path in ("tools/x.sh", *READ):
        world.write(path, "echo\n")
    world.write("tools/values.yaml", "a: 1\n")
    (world.path / "linked").symlink_to("tools")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Tools")
    repo = Repository(Git(str(world.path)))
    top = str(world.path)
    for path, commands in {"tools/x.sh": MORE, **READ}.items():
        for words in commands:
            named = files_named(repo, tuple(word.replace("TOP", top) for word in words), "HEAD")
            assert path in dict(named) or f"linked/{path[6:]}" in dict(named), words
            assert "tools/values.yaml" not in dict(named)
    for words in (["kubectl", "apply", "-k", "apps/istio"], ["kustomize", "build", "{path}"]):
        assert files_named(repo, tuple(words), "HEAD") == []
