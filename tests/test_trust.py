"""trust: a command that the tracked file names runs only after a person here has agreed to it, word by word."""

from __future__ import annotations

import json
from pathlib import Path

import pexpect
import pytest
from conftest import Clone, run

from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.trust import APPLY, MIGRATIONS, RENDER, require_trusted

TOML = """[apply]
command = ["tools/deploy", "--to", "prod cluster", "{path}"]

[render]
command = ["kustomize", "build", "{path}"]

[[upgrade.migrations]]
to = "1.9"
command = ["tools/migrate-1.9", "{from}", "{to}"]
"""
DEPLOY = ("tools/deploy", "--to", "prod cluster", "{path}")


def trusted(clone: Clone, section: str, *words: str) -> bool:
    refused = None
    try:
        require_trusted(Repository(Git(str(clone.path))), section, words)
    except Refused as error:
        refused = error
    if refused:
        assert (refused.code, refused.hint) == (4, "git ekf trust")
        assert (
            refused.message
            == f".ekf.toml names a command that is not trusted here: {shell(*words)}"
        )
    return refused is None


def lines(clone: Clone) -> list[object]:
    return [json.loads(line) for line in (clone.path / ".git/ekf/trusted").read_text().splitlines()]


def test_shown_agreed_to_and_remembered(clone: Clone) -> None:
    clone.commit(".ekf.toml", TOML)
    done = clone.ekf("trust", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        ".ekf.toml names:",
        "  not trusted  apply               tools/deploy --to 'prod cluster' '{path}'",
        "  not trusted  render              kustomize build '{path}'",
        "  not trusted  upgrade.migrations  tools/migrate-1.9 '{from}' '{to}'",
        "Trusted in this clone: 3 commands.",
    ]
    assert trusted(clone, APPLY, *DEPLOY)
    assert trusted(clone, RENDER, "kustomize", "build", "{path}")
    assert trusted(clone, MIGRATIONS, "tools/migrate-1.9", "{from}", "{to}")
    assert lines(clone) == [
        {"section": "apply", "command": list(DEPLOY)},
        {"section": "render", "command": ["kustomize", "build", "{path}"]},
        {"section": "upgrade.migrations", "command": ["tools/migrate-1.9", "{from}", "{to}"]},
    ]
    assert not list((clone.path / ".git/ekf").glob("trusted?*"))


def test_only_these_words_in_this_section(clone: Clone) -> None:
    clone.commit(".ekf.toml", TOML)
    assert not trusted(clone, APPLY, *DEPLOY)
    assert clone.ekf("trust", "--yes").code == 0
    assert trusted(clone, APPLY, *DEPLOY)
    assert not trusted(clone, RENDER, *DEPLOY)
    assert not trusted(clone, APPLY, *DEPLOY, "")
    assert not trusted(clone, APPLY, "tools/deploy", "--to", "prod", "cluster", "{path}")
    assert not trusted(clone, APPLY, "tools/deploy", "--to prod cluster", "{path}")


def test_a_changed_command_asks_again_and_the_old_one_stays(clone: Clone) -> None:
    clone.commit(".ekf.toml", TOML)
    assert clone.ekf("trust", "--yes").code == 0
    clone.commit(".ekf.toml", TOML.replace("prod cluster", "test cluster"))
    assert not trusted(clone, APPLY, "tools/deploy", "--to", "test cluster", "{path}")
    done = clone.ekf("trust", "--yes")
    assert done.out.splitlines() == [
        ".ekf.toml names:",
        "  not trusted  apply               tools/deploy --to 'test cluster' '{path}'",
        "  trusted      render              kustomize build '{path}'",
        "  trusted      upgrade.migrations  tools/migrate-1.9 '{from}' '{to}'",
        "Trusted in this clone: 1 command.",
    ]
    assert trusted(clone, APPLY, *DEPLOY)
    assert trusted(clone, APPLY, "tools/deploy", "--to", "test cluster", "{path}")


def test_the_list_changes_nothing(clone: Clone) -> None:
    clone.commit(".ekf.toml", TOML)
    done = clone.ekf("trust", "--list")
    assert done.code == 0
    assert done.out.count("not trusted") == 3
    assert not (clone.path / ".git/ekf/trusted").exists()
    clone.ekf("trust", "--yes")
    clone.commit(".ekf.toml", '[apply]\ncommand = ["other"]\n')
    before = lines(clone)
    assert clone.ekf("trust", "--list").out.splitlines() == [
        ".ekf.toml names:",
        "  not trusted  apply  other",
        "Trusted, and no longer named there:",
        "  trusted      apply               tools/deploy --to 'prod cluster' '{path}'",
        "  trusted      render              kustomize build '{path}'",
        "  trusted      upgrade.migrations  tools/migrate-1.9 '{from}' '{to}'",
    ]
    assert lines(clone) == before


def test_revoked(clone: Clone) -> None:
    clone.commit(".ekf.toml", TOML)
    clone.ekf("trust", "--yes")
    assert clone.ekf("trust", "--revoke").out == "Forgot 3 commands.\n"
    assert not trusted(clone, APPLY, *DEPLOY)
    assert clone.ekf("trust", "--revoke").out == "No command was trusted; nothing was changed.\n"
    assert clone.ekf("trust", "--revoke", "--list").code == 2


def test_what_needs_no_trust(clone: Clone) -> None:
    assert trusted(clone, APPLY, "rok-deploy", "--apply", "{path}")
    assert trusted(clone, RENDER, "kubectl", "kustomize", "{path}")
    assert not trusted(clone, MIGRATIONS, "rok-deploy", "--apply", "{path}")
    assert clone.ekf("trust").out == ".ekf.toml names no command that needs trust.\n"
    clone.commit(".ekf.toml", '[apply]\ncommand = ["rok-deploy", "--apply", "{path}"]\n')
    assert trusted(clone, APPLY, "rok-deploy", "--apply", "{path}")
    assert clone.ekf("trust").out == ".ekf.toml names no command that needs trust.\n"
    clone.commit(".ekf.toml", TOML)
    for word in DEPLOY:
        clone.git("config", "--add", "ekf.apply.command", word)
    assert trusted(clone, APPLY, *DEPLOY)
    clone.git("config", "--unset-all", "ekf.apply.command")
    assert not trusted(clone, APPLY, *DEPLOY)


def test_git_config_does_not_vouch_for_what_the_file_names(clone: Clone) -> None:
    """The command in force is the one that is judged, whatever else is configured."""
    clone.commit(".ekf.toml", TOML)
    clone.git("config", "ekf.apply.command", "mine")
    assert trusted(clone, APPLY, "mine")
    assert not trusted(clone, APPLY, *DEPLOY)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 4), ("", 4), ("\x03", 130)])
def test_asks_on_a_terminal(clone: Clone, answer: str, code: int) -> None:
    clone.commit(".ekf.toml", TOML)
    child = clone.in_terminal("trust")
    child.expect_exact("tools/deploy --to 'prod cluster' '{path}'")
    child.expect_exact("They run with all your rights. Trust them? [y/N]: ")
    child.send(answer if answer == "\x03" else answer + "\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert trusted(clone, APPLY, *DEPLOY) == (code == 0)


def test_nobody_to_ask(clone: Clone) -> None:
    clone.commit(".ekf.toml", TOML)
    done = clone.ekf("trust")
    assert done.code == 4
    assert done.err.splitlines() == [
        "git-ekf: nobody is there to ask whether these commands may run",
        "hint: git ekf trust --yes",
    ]
    assert "tools/deploy" in done.out
    assert not trusted(clone, APPLY, *DEPLOY)


def test_words_cannot_hide_anything(clone: Clone) -> None:
    clone.commit(
        ".ekf.toml",
        r"[apply]" + "\n" + r'command = ["sh", "a\u001b[2K\nb\u202e\\n'
        "'"
        '", "https://me:secret@example.com/x", ""]' + "\n",
    )
    done = clone.ekf("trust", "--list")
    assert (
        done.out.splitlines()[1]
        == r"  not trusted  apply  sh $'a\x1b[2K\nb\u202e\\n\'' https://example.com/x ''"
    )
    assert not set(done.out) & set("\x1b\u202e")
    shown = run("bash", "-c", r"printf %s $'a\x1b[2K\nb\u202e\\n\''", env={"LC_ALL": "C.UTF-8"})
    assert shown.out == "a\x1b[2K\nb\u202e\\n'"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\n",
        b"[]\n{}\nnull\n3\n",
        b'{"section": [], "command": 5}\n',
        b'{"section": "apply", "comm',
    ],
)
def test_a_damaged_file_trusts_nothing_and_is_mended(clone: Clone, content: bytes) -> None:
    clone.commit(".ekf.toml", TOML)
    (clone.path / ".git/ekf").mkdir(exist_ok=True)
    (clone.path / ".git/ekf/trusted").write_bytes(content)
    assert not trusted(clone, APPLY, *DEPLOY)
    assert clone.ekf("trust", "--yes").code == 0
    assert trusted(clone, APPLY, *DEPLOY)


def test_shared_by_linked_worktrees_and_not_by_clones(clone: Clone, tmp_path: Path) -> None:
    clone.commit(".ekf.toml", TOML)
    clone.git("worktree", "add", "-q", "-b", "release-1.9", str(tmp_path / "tree"), "release-1.8")
    assert Clone(tmp_path / "tree").ekf("trust", "--yes").code == 0
    assert trusted(clone, APPLY, *DEPLOY)
    assert run("git", "clone", "-q", clone.path, tmp_path / "copy").code == 0
    assert not trusted(Clone(tmp_path / "copy"), APPLY, *DEPLOY)


def test_not_while_another_command_is_at_work(clone: Clone) -> None:
    import fcntl

    clone.commit(".ekf.toml", TOML)
    (clone.path / ".git/ekf").mkdir(exist_ok=True)
    with open(clone.path / ".git/ekf/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = clone.ekf("trust", "--yes")
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: another git-ekf command is at work in this repository",
    )
    assert not trusted(clone, APPLY, *DEPLOY)


def test_a_wrong_file_is_no_question(clone: Clone) -> None:
    clone.write(".ekf.toml", "[apply]\ncommand = 'x'\n")
    done = clone.ekf("trust", "--yes")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "git-ekf: .ekf.toml:2: apply.command must be a list of strings",
    )
