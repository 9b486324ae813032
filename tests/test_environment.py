"""The user's environment and settings: what git-ekf starts sees them as under git itself."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from conftest import Clone
from test_upgrade import ssh_settings
from upgrading import (
    ISTIO,
    World,
    assert_as_rebased,
    assert_clean,
    rebased,
    script,
    wrapper,
)

from git_ekf.demo.sample import deployment

LOCALE = {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "LANGUAGE": "de"}
TELL = 'echo "$LC_ALL $LANG $LANGUAGE $GIT_OPTIONAL_LOCKS" >>'


def test_hooks_and_filters_see_the_users_locale(world: World) -> None:
    told = world.path.with_name("told")
    for hook in ("post-checkout", "pre-push.ekf-prev"):
        script(world.path / ".git/hooks" / hook, f"#!/bin/sh\n{TELL} {told}\n")
    script(world.path.with_name("smudge"), f"#!/bin/sh\n{TELL} {told}.smudge\ncat\n")
    world.git("config", "filter.tell.smudge", str(world.path.with_name("smudge")))
    world.write(".git/info/attributes", "* filter=tell\n")
    world.git("commit", "-q", "--allow-empty", "-m", "More")
    done = world.ekf("save", env=LOCALE)
    assert done.code == 0, done
    assert told.read_text() == "C.UTF-8 C.UTF-8 de \n"
    done = world.ekf("upgrade", env=LOCALE)
    assert done.code == 0, done
    assert told.read_text() == "C.UTF-8 C.UTF-8 de \n" * 2
    assert set(told.with_name("told.smudge").read_text().splitlines()) == {"C.UTF-8 C.UTF-8 de "}


def test_what_git_says_is_understood_in_any_language(world: World) -> None:
    # As a git with translations, which it looks for in a directory (gettext.c).
    german = "echo \"fatal: Konnte '$PWD/.git/index.lock' nicht erstellen\" >&2; exit 128"
    text = f'if [ -d "${{GIT_TEXTDOMAINDIR:-/}}" ]; then {german}; fi\nexec $real "$@"'
    (world.path / ".git/index.lock").touch()
    env = {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
    done = world.ekf(
        "upgrade", "--no-save-check", env=env | wrapper(world.path.with_name("bin"), text)
    )
    assert "another git command is at work here" in done.err, done


# --- commits are what git rebase makes of them ---


@pytest.mark.parametrize("hook", ["prepare-commit-msg", "post-commit"])
def test_a_hook_at_each_commit_meets_all_of_a_stack(world: World, hook: str) -> None:
    told = world.path.with_name("told")
    ticket = 'grep -q ^Ticket: "$1" || printf "\\nTicket: 1\\n" >>"$1"'
    text = f'#!/bin/sh\necho "$@" >>{told}\n'
    script(world.path / ".git/hooks" / hook, text + (ticket if "msg" in hook else ""))
    git = rebased(world)
    gits = told.read_text()
    told.unlink()
    done = world.ekf("upgrade")
    assert done.code == 0, done
    assert told.read_text() == gits
    assert len(gits.splitlines()) == 3
    assert_as_rebased(world, git)


def test_a_hook_at_each_commit_before_and_after_a_conflict(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.commit("own/last", "last\n", "Last")
    script(
        world.path / ".git/hooks/prepare-commit-msg",
        '#!/bin/sh\ngrep -q ^Ticket: "$1" || printf "\\nTicket: 1\\n" >>"$1"\n',
    )
    assert world.ekf("upgrade", "--no-save-check").code == 3
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "--", ISTIO)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    tickets = world.out("log", "--format=%(trailers:key=Ticket)", "origin/release-1.9..")
    assert tickets.strip().split("\n\n") == ["Ticket: 1"] * 5


@pytest.mark.parametrize(
    "author",
    [
        "Sam C. <sam@example.org> 1700000000 +0100",
        " <sam@example.org> 1700000000 +0100",
        "Sam <sam@example.org.> 1700000000 +0100",
        "'Sam' <sam@example.org> 1700000000 +0100",
        "Sam <> 1700000000 -0000",
        "Sam <sam@example.org> 1700000000 +2545",
    ],
)
def test_signing_keeps_authors_as_they_are(world: World, tmp_path: Path, author: str) -> None:
    raw = world.git("cat-file", "commit", "HEAD").out
    lines = [f"author {author}" if x.startswith("author ") else x for x in raw.split("\n")]
    oid = world.git(
        "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin="\n".join(lines)
    ).out.strip()
    world.git("reset", "-q", "--soft", oid)
    for name, value in {**ssh_settings(tmp_path), "commit.gpgSign": "true"}.items():
        world.git("config", name, value)
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert_as_rebased(world, git)
    assert f"\nauthor {author}\n" in world.git("cat-file", "commit", "HEAD").out


def test_a_replaced_commit_is_carried_over_as_git_shows_it(world: World) -> None:
    old = world.out("rev-parse", "HEAD")
    raw = world.git("cat-file", "commit", old).out.replace("\nMore\n", "\nBetter said\n")
    new = world.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw).out.strip()
    world.git("replace", old, new)
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, done
    assert world.out("log", "-1", "--format=%s") == "Better said"
    assert_as_rebased(world, git)


# --- a repository that variables name ---


def test_relative_paths_in_the_environment(world: World) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    env = {"GIT_DIR": "../.git", "GIT_WORK_TREE": "..", "GIT_COMMON_DIR": "../.git"}
    place = Clone(world.path / "own")
    status = place.ekf("status", env=env)
    assert (status.code, status.err) == (0, ""), status
    done = place.ekf("upgrade", "--no-save-check", env=env)
    assert done.code == 3, done
    world.write(ISTIO, deployment("istio", "1.9.0-mine", 3))
    world.git("add", "--", ISTIO)
    done = place.ekf("upgrade", "--continue", env=env)
    assert done.code == 0, done
    assert len(world.stack()) == 4
    assert_clean(world)


def test_a_relative_index(world: World) -> None:
    """git reads it from the top of the work tree, wherever it is called."""
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    shutil.copy(world.path / ".git/index", world.path / ".git/other")
    (world.path / ".git/index").write_bytes(b"not an index")
    env = {"GIT_INDEX_FILE": ".git/other"}
    place = Clone(world.path / "own")
    for command in (["status"], ["check"], ["save"]):
        done = place.ekf(*command, env=env)
        assert done.code == 0, (command, done)
    done = place.ekf("upgrade", "--prefer", "local", env=env)
    assert done.code == 0, done
    assert world.git("status", "--porcelain", env=env).out == ""
    assert (world.path / ".git/index").read_bytes() == b"not an index"
    assert not list(world.path.rglob("own/.git"))
    assert place.ekf("undo", env=env).code == 0


def test_relative_objects(world: World) -> None:
    """What is written goes there, and nothing to the directory that has no objects then."""
    objects = world.path / ".git/objects"
    objects.rename(world.path / ".git/others")
    env = {"GIT_OBJECT_DIRECTORY": ".git/others"}
    (objects / "info").mkdir(parents=True)
    for command in (["status"], ["upgrade"], ["undo"], ["tag", "-m", "x"], ["save"], ["check"]):
        done = world.ekf(*command, env=env)
        assert done.code == 0, (command, done)
    assert [path for path in objects.rglob("*") if path.is_file()] == []


def test_the_prompt_and_completion_of_relative_paths(world: World) -> None:
    env = {"GIT_DIR": "../.git", "GIT_WORK_TREE": ".."}
    place = Clone(world.path / "own")
    for command in (["status", "--prompt"], ["complete", "revisions", ""], ["check"]):
        found, plain = place.ekf(*command, env=env), place.ekf(*command)
        assert (found.code, found.out, found.err) == (0, plain.out, plain.err), command
    place.write("x", "x\n")
    assert place.git("add", "x", env=env).code == 0
    assert place.git("commit", "-q", "-m", "X", env=env).code == 0
    done = place.git("push", "-q", "internal", "release-1.8", env=env)
    assert done.code == 0, done


@pytest.mark.parametrize(
    ("value", "file", "folder"),
    [("group", 0o660, 0o2770), ("all", 0o664, 0o2775), ("0640", 0o640, 0o2750)],
)
def test_what_is_kept_has_the_modes_of_a_shared_repository(
    world: World, value: str, file: int, folder: int
) -> None:
    shutil.rmtree(world.path / ".git/ekf")
    world.git("config", "core.sharedRepository", value)
    before = os.umask(0o077)
    try:
        done = world.ekf("upgrade")
    finally:
        os.umask(before)
    assert done.code == 0, done
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (world.path / ".git/ekf").iterdir()
    }
    assert modes.keys() >= {"lock", "journal"}
    assert set(modes.values()) == {file}
    assert stat.S_IMODE((world.path / ".git/ekf").stat().st_mode) == folder
    packs = list((world.path / ".git/objects/pack").glob("*.pack"))
    newest = max(packs, key=lambda path: path.stat().st_mtime_ns)
    assert stat.S_IMODE(newest.stat().st_mode) == file & 0o444


def test_a_linked_work_trees_own_files_are_shared_too(world: World, tmp_path: Path) -> None:
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    world.git("config", "core.sharedRepository", "group")
    world.git("checkout", "-q", "--detach")
    world.git("worktree", "add", "-q", str(tmp_path / "linked"), "release-1.8")
    before = os.umask(0o077)
    try:
        done = Clone(tmp_path / "linked").ekf("upgrade", "--no-save-check")
    finally:
        os.umask(before)
    assert done.code == 3, done
    folder = world.path / ".git/worktrees/linked/ekf"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert "rebase" in modes
    assert set(modes.values()) == {0o660}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770


def test_hooks_of_a_shared_repository_are_for_all_who_share_it(world: World) -> None:
    """git passes over a hook that it may not run, and with it the rules."""
    hooks = world.path / ".git/hooks"
    for folder, mode in ((0o2770, 0o750), (0o2775, 0o755), (0o755, 0o700)):
        shutil.rmtree(hooks)
        hooks.mkdir()
        hooks.chmod(folder)
        before = os.umask(0o077)
        try:
            assert world.ekf("hooks", "install").code == 0
        finally:
            os.umask(before)
        assert {stat.S_IMODE(path.stat().st_mode) for path in hooks.iterdir()} == {mode}


@pytest.mark.parametrize("name", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
def test_what_pathspecs_mean_to_the_user_is_nothing_to_ours(world: World, name: str) -> None:
    """A plan with conflicts, which asks git for single paths, and the stop at the first of them."""
    world.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    env = {f"GIT_{name}_PATHSPECS": "1"}
    plan = ("upgrade", "--plan", "--no-fetch", "--prefer", "local:own/*")
    theirs = world.ekf(*plan, env=env)
    assert (theirs.code, theirs.out, theirs.err) == (1, world.ekf(*plan).out, "")
    stopped = world.ekf("upgrade", "--no-fetch", "--no-save-check", "--drop", "superseded", env=env)
    assert stopped.code == 3, stopped
    assert "both changed it; the vendor's last commit there is" in stopped.out
    assert world.ekf("upgrade", "--abort", env=env).code == 0
