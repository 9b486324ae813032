"""git ekf config: every key, its value, where that is from, and which one counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Clone, run

from git_ekf.config import known_keys


def shown(clone: Clone, *args: str) -> list[str]:
    """The lines, with single spaces."""
    done = clone.ekf("config", *args)
    assert (done.code, done.err) == (0, ""), done
    return [" ".join(line.split()) for line in done.out.splitlines()]


def test_every_key_has_a_line(clone: Clone) -> None:
    lines = shown(clone)
    assert [line.split()[0] for line in lines] == known_keys()
    assert all(line.endswith(" default") for line in lines)
    assert "branches.release release-{version} default" in lines
    assert 'render.command ["kubectl", "kustomize", "{path}"] default' in lines


def test_which_one_counts(clone: Clone) -> None:
    clone.write(".ekf.toml", "# ours\n[tags]\nsign = true\n[rules]\n\nvendor-path = 'off'\n")
    assert shown(clone, "tags.sign") == ["tags.sign true .ekf.toml:3"]
    assert shown(clone, "ekf.Rules.Vendor-Path") == ["rules.vendor-path off .ekf.toml:6"]
    clone.git("config", "--global", "ekf.tags.sign", "on")
    clone.git("config", "ekf.tags.sign", "no")
    home = clone.out("config", "--global", "--show-origin", "ekf.tags.sign")
    place = home.removeprefix("file:").partition("\t")[0]
    assert shown(clone, "tags.sign") == [
        "tags.sign false git config, local (.git/config)",
        f"true git config, global ({place}), does not count",
        "true .ekf.toml:3, does not count",
    ]
    done = clone.git("-c", "ekf.tags.sign=1", "ekf", "config", "tags.sign")
    assert done.out.splitlines()[0].split() == [
        *("tags.sign", "true", "git", "config,", "command", "(command", "line)")
    ]


def test_a_key_above_all_sections(clone: Clone) -> None:
    clone.write(".ekf.toml", "# ours\nname = 'production'\n[tags]\nsign = true\n")
    assert shown(clone, "name") == ["name production .ekf.toml:2"]
    assert "tags.sign true .ekf.toml:4" in shown(clone)
    clone.git("config", "ekf.name", "test")
    assert shown(clone, "name") == [
        "name test git config, local (.git/config)",
        "production .ekf.toml:2, does not count",
    ]


def test_a_list_of_several_files(clone: Clone) -> None:
    clone.write(".ekf.toml", "branches.allow = ['wip/*']\n")
    clone.git("config", "--global", "ekf.branches.allow", "mine")
    clone.git("config", "--add", "ekf.branches.allow", "a")
    clone.git("config", "--add", "ekf.branches.allow", "b \x1b[31m")
    lines = shown(clone, "branches.allow")
    assert lines[0] == 'branches.allow ["mine", "a", "b \\u001b[31m"] all of these together:'
    assert lines[2:] == [
        '["a", "b \\u001b[31m"] git config, local (.git/config)',
        '["wip/*"] .ekf.toml:1, does not count',
    ]
    clone.git("config", "--add", "ekf.branches.allow", "")
    lines = shown(clone, "branches.allow")
    assert lines[0] == "branches.allow [] git config, local (.git/config)"
    assert all(line.endswith("does not count") for line in lines[1:])
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("tags.sgn", "tags.sgn is not a key of the configuration (did you mean tags.sign?)"),
        ("rules", "rules is not a key of the configuration"),
        ("rules.zzzzzzzzzzzzzz", "rules.zzzzzzzzzzzzzz is not a key of the configuration"),
        ("x\ny", "x\\ny is not a key of the configuration"),
    ],
)
def test_a_key_that_there_is_not(clone: Clone, key: str, said: str) -> None:
    done = clone.ekf("config", key)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"git-ekf: {said}\nhint: git ekf config lists them\n"


def test_an_error_in_the_configuration_is_said(clone: Clone) -> None:
    clone.write(".ekf.toml", "[tags]\nsign = 1\n")
    done = clone.ekf("config")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("git-ekf: .ekf.toml:2: tags.sign must be true or false\n")


def test_outside_of_a_repository(tmp_path: Path) -> None:
    done = run("git-ekf", "config", cwd=tmp_path)
    assert done.code == 4
    assert done.err.startswith("git-ekf: this is not a git repository\n")


def test_the_file_of_a_server(clone: Clone, internal: Path, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text("[server]\nbudget-time = 5\n")
    server = Clone(internal)
    server.git("config", "ekf.server.config", str(file))
    assert shown(server, "server.budget-time") == [f"server.budget-time 5 {file}:2"]
    file.unlink()
    file.mkdir()
    done = server.ekf("config")
    assert done.code == 2
    assert done.err.startswith(f"git-ekf: {file} cannot be read: it is not a regular file\n")
