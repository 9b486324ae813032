"""The configuration: precedence, and errors that name file, line and key."""

from __future__ import annotations

import pytest
from conftest import Clone

from git_ekf.config import Config, load
from git_ekf.config_values import MigrationCommand, Preferred
from git_ekf.errors import UsageError
from git_ekf.names import (
    Scheme,
    normalise_url,
    valid_branch,
    valid_day,
    version_key,
    without_credentials,
)

EVERYTHING = b"""
[remotes]
primary = "vendor"
internal = "cluster"
allow = ["usb", "backup-*"]
[branches]
release = "v{version}-branch"
allow = ["wip/*"]
[tags]
required = ["Date", "Ticket"]
sign = true
[paths]
customer = ["sites"]
[rules]
vendor-path = "error"
tag-fields = "off"
[apply]
command = ["kubectl", "apply", "-k", "{path}"]
paths = ["apps/istio"]
[render]
command = ["kustomize", "build", "{path}"]
[[upgrade.migrations]]
to = "1.9"
command = ["tools/migrate", "{from}"]
[[upgrade.migrations]]
to = "1.10"
command = ["tools/migrate", "{to}"]
[[upgrade.prefer]]
path = "apps/istio"
side = "local"
since = "1.9"
"""


def test_the_defaults() -> None:
    assert load(None, []) == Config() == load(b"", [])


def test_every_key() -> None:
    config = load(EVERYTHING, [])
    assert config._replace(scheme=Config().scheme, rules={}) == Config(
        primary="vendor",
        internal="cluster",
        remotes_allow=("usb", "backup-*"),
        scheme=Config().scheme,
        branches_allow=("wip/*",),
        tags_required=("Date", "Ticket"),
        tags_sign=True,
        customer_paths=("sites",),
        rules={},
        apply_command=("kubectl", "apply", "-k", "{path}"),
        apply_paths=("apps/istio",),
        render_command=("kustomize", "build", "{path}"),
        migrations=(
            MigrationCommand("1.9", ("tools/migrate", "{from}")),
            MigrationCommand("1.10", ("tools/migrate", "{to}")),
        ),
        preferred=(Preferred("apps/istio", "local", "1.9"),),
    )
    assert config.scheme.pattern == "v{version}-branch"
    assert (config.rules["vendor-path"], config.rules["tag-fields"], config.rules["tag-name"]) == (
        "error",
        "off",
        "error",
    )


def test_git_config_wins_over_the_file() -> None:
    pairs = [
        ("ekf.remotes.primary", "one"),
        ("ekf.remotes.primary", "two"),
        ("ekf.branches.allow", "a"),
        ("ekf.branches.allow", "b"),
        ("ekf.tags.sign", "off"),
        ("ekf.rules.vendor-path", "warning"),
        ("ekf.paths.customer", "x"),
        ("ekf.paths.customer", ""),
        ("ekf.paths.customer", "y"),
        ("user.name", "Somebody"),
    ]
    config = load(EVERYTHING, pairs)
    assert config.primary == "two"
    assert config.branches_allow == ("a", "b")
    assert config.tags_sign is False
    assert config.rules["vendor-path"] == "warning"
    assert config.customer_paths == ("y",)
    assert config.internal == "cluster"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (b"[remotes]\nprimary = 1\n", ".ekf.toml:2: remotes.primary must be a string"),
        (b"\n[tags]\n\nsign = 'yes'\n", ".ekf.toml:4: tags.sign must be true or false"),
        (b"[branches]\nallow = 'x'\n", ".ekf.toml:2: branches.allow must be a list of strings"),
        (
            b"[branches]\nallow = ['x', 1]\n",
            ".ekf.toml:2: branches.allow must be a list of strings",
        ),
        (
            b"[branches]\nalow = []\n",
            ".ekf.toml:2: branches.alow is not a key of the configuration (did you mean branches.allow?)",
        ),
        (
            b"[branch]\nallow = []\n",
            ".ekf.toml:2: branch.allow is not a key of the configuration (did you mean branches.allow?)",
        ),
        (b"branches.allow = 1\n", ".ekf.toml:1: branches.allow must be a list of strings"),
        (b"remotes = 1\n", ".ekf.toml:1: remotes is not a key of the configuration"),
        (
            b"[branches]\nrelease = 'main'\n",
            ".ekf.toml:2: branches.release must contain {version} exactly once",
        ),
        (
            b"[branches]\nrelease = '-{version}'\n",
            ".ekf.toml:2: branches.release does not make valid branch names",
        ),
        (
            b"[rules]\n\n'vendor-path' = 'warn'\n",
            '.ekf.toml:3: rules.vendor-path must be "error", "warning" or "off"',
        ),
        (
            b"[apply]\ncommand = []\n",
            ".ekf.toml:2: apply.command must be a list of strings: the program, then its arguments",
        ),
        (
            b"[upgrade]\nmigrations = 1\n",
            '.ekf.toml:2: upgrade.migrations must be [[upgrade.migrations]] tables with "to" and "command"',
        ),
        (
            b"[upgrade]\nprefer = 'local'\n",
            '.ekf.toml:2: upgrade.prefer must be [[upgrade.prefer]] tables with "path", "side" and "since"',
        ),
        (
            b"[[upgrade.prefer]]\npath = 'a'\nside = 'local'\n",
            '.ekf.toml:1: upgrade.prefer must be [[upgrade.prefer]] tables with "path", "side" and "since"',
        ),
        (
            b"[[upgrade.prefer]]\npath = 'a'\nside = 'local'\nsince = '1.9'\nuntil = '1.9'\n",
            '.ekf.toml:1: upgrade.prefer must be [[upgrade.prefer]] tables with "path", "side" and "since"',
        ),
        (
            b"[[upgrade.prefer]]\npath = ''\nside = 'local'\nsince = '1.9'\n",
            '.ekf.toml:1: upgrade.prefer has a "path" that must not be empty',
        ),
        (
            b"[[upgrade.prefer]]\npath = 'a'\nside = 'ours'\nsince = '1.9'\n",
            '.ekf.toml:1: upgrade.prefer has a "side" that must be "local" or "vendor"',
        ),
        (
            b"[[upgrade.prefer]]\npath = 'a'\nside = 'local'\nsince = 1.9\n",
            '.ekf.toml:1: upgrade.prefer has a "since" that must be a string',
        ),
        (
            b"[[upgrade.prefer]]\npath = 'a'\nside = 'local'\nsince = 'next'\n",
            '.ekf.toml:1: upgrade.prefer has a "since" that must be a release, such as "1.10"',
        ),
        (
            b"[[upgrade.migrations]]\nto = '1'\n",
            '.ekf.toml:1: upgrade.migrations must be [[upgrade.migrations]] tables with "to" and "command"',
        ),
        (b"\xff", ".ekf.toml is not UTF-8 text"),
    ],
)
def test_what_is_wrong_and_where(toml: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(toml, [])
    assert caught.value.message == message


def test_broken_toml_names_the_line() -> None:
    with pytest.raises(UsageError) as caught:
        load(b"[remotes]\nprimary = \n", [])
    assert caught.value.message.startswith(".ekf.toml:2: ")


def test_a_rule_that_does_not_exist() -> None:
    with pytest.raises(
        UsageError,
        match=r"^\.ekf\.toml:2: rules\.no-such is not a rule; the rules are remote-missing, ",
    ):
        load(b"[rules]\nno-such = 'off'\n", [])


def test_wrong_git_config_names_the_key() -> None:
    with pytest.raises(UsageError) as caught:
        load(None, [("ekf.tags.sign", "maybe")])
    assert caught.value.message == "git config ekf.tags.sign: tags.sign must be true or false"
    assert caught.value.hint == "find it with: git config --show-origin --get-all ekf.tags.sign"


@pytest.mark.parametrize("command", [["status"], ["check"], ["releases"], ["init"]])
def test_every_command_says_it(clone: Clone, command: list[str]) -> None:
    clone.write(".ekf.toml", "[tags]\nsing = true\n")
    result = clone.ekf(*command)
    assert result.code == 2
    assert result.err == (
        "git-ekf: .ekf.toml:2: tags.sing is not a key of the configuration (did you mean tags.sign?)\n"
        "hint: correct the file, then check it with: git ekf check\n"
    )


def test_a_broken_configuration_stops_commits_until_it_is_mended(clone: Clone) -> None:
    clone.write(".ekf.toml", "[tags]\nsing = true\n")
    clone.git("add", ".")
    refused = clone.git("commit", "-q", "-m", "x", ok=False)
    assert refused.code == 1
    assert refused.err.startswith("git-ekf: .ekf.toml:2: ")
    clone.write(".ekf.toml", "[tags]\nsign = true\n")
    clone.git("commit", "-q", "-am", "x")


# --- names ---


def test_versions_order_as_numbers() -> None:
    versions = ["1.9", "1.10", "1.10.1", "1.10.2", "1.10.x", "1.11", "2"]
    keys = [version_key(version) or () for version in versions]
    assert keys == sorted(keys)
    assert () not in keys
    for wrong in (
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "x",
        "1.x.2",
        "1.8-rc1",
        "\u0661.2",
        "1_0",
        " 1",
        "9999999999",
    ):
        assert version_key(wrong) is None, wrong


@pytest.mark.parametrize(
    ("pattern", "branch", "version"),
    [
        ("v{version}-branch", "v1.10-branch", "1.10"),
        ("release-v{version}", "release-v0.44.x", "0.44.x"),
    ],
)
def test_schemes_of_real_vendors(pattern: str, branch: str, version: str) -> None:
    scheme = Scheme(pattern)
    assert scheme.version(branch) == version
    assert scheme.branch(version) == branch
    assert scheme.parse(version) == scheme.parse("v" + version) == scheme.parse(branch) == branch
    assert scheme.version("release-1.8") is None


def test_branch_names_as_git_has_them(clone: Clone) -> None:
    names = [
        "a",
        "-a",
        "a b",
        "a..b",
        "a/",
        "/a",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a@{b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[",
        "a\\b",
        "a//b",
        "é",
        "a.",
        "a\x7f",
        "x" * 250,
    ]
    for name in names:
        assert valid_branch(name) == (
            clone.git("check-ref-format", "--branch", name, ok=False).code == 0
        ), name


def test_days() -> None:
    assert [
        valid_day(day)
        for day in (
            "2028-02-29",
            "2000-02-29",
            "1900-02-29",
            "2026-04-31",
            "0000-01-01",
            "2026-1-01",
            "2026-00-10",
        )
    ] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]


def test_urls() -> None:
    assert normalise_url("https://u:p@Git.Example.com:443/A/b.git/") == "git.example.com/A/b"
    assert normalise_url("http://h:443/x") == "h:443/x"
    assert normalise_url("git+ssh://h:22/x") == "h/x"
    assert normalise_url("file:///a/b%20c.git") == "/a/b c"
    assert normalise_url("./a:b") == "./a:b"
    assert without_credentials("https://u:p@h/x") == "https://h/x"
    assert without_credentials("https://token@h/x") == "https://h/x"
    assert without_credentials("ssh://git@h/x") == "ssh://git@h/x"
    assert without_credentials("ssh://git:p@h/x") == "ssh://h/x"
    assert without_credentials("git@h:x") == "git@h:x"
