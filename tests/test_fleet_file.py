"""The fleet file: what it says, and one clear sentence for whatever is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from manpages import blocks, sections

from git_ekf.errors import Refused, UsageError
from git_ekf.fleet.file import Fleet, Member, read_fleet
from git_ekf.fleet.places import host_of
from git_ekf.names import Scheme

SCHEME = Scheme()
VENDOR = 'vendor = "https://git.example.com/vendor/manifests.git"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file is, which is then called as it is in the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fleet(text: str | bytes) -> Fleet:
    content = text if isinstance(text, bytes) else text.encode()
    Path("fleet.toml").write_bytes(content)
    return read_fleet("fleet.toml")


def error(text: str | bytes) -> str:
    with pytest.raises(UsageError) as caught:
        fleet(text)
    assert caught.value.hint == "correct fleet.toml; its keys are in: git ekf man fleet.toml"
    return caught.value.message


def cluster(name: str, url: str, more: str = "") -> str:
    return f'\n[[cluster]]\nname = "{name}"\ninternal = "{url}"\n{more}'


def test_everything_that_it_may_say(folder: Path) -> None:
    for name in ("ops-a", "ops-b"):
        (folder / f"{name}.git").mkdir()
    (folder / "group.txt").write_text(
        "# all\n\nssh://git@h/ops/eu.git\r\n  git@h:ops/us.git\nhttps://h/ops/here\n",
        encoding="utf-8",
    )
    found = fleet(
        'vendor = "vendor.git"\nrelease = "v{version}-branch"\nwaves = ["canary", "rest"]\n'
        'jobs = 8\nper-host = 2\ntimeout = 9\nstore = "/srv/store.git"\n'
        + cluster("here", "https://h/ops/here.git", 'wave = "canary"\nlabels = { region = "eu" }\n')
        + '[[discover]]\nfile = "group.txt"\nwave = "rest"\n'
        '[[discover]]\nglob = "ops-*.git"\nname = \'ops-(.)\'\nlabels.site = "local"\n'
    )
    members = (
        Member("here", "https://h/ops/here.git", "canary", {"region": "eu"}),
        Member("eu", "ssh://git@h/ops/eu.git", "rest", {}),
        Member("us", "git@h:ops/us.git", "rest", {}),
        Member("a", str(folder / "ops-a.git"), "", {"site": "local"}),
        Member("b", str(folder / "ops-b.git"), "", {"site": "local"}),
    )
    assert found._replace(scheme=SCHEME) == Fleet(
        "fleet.toml",
        str(folder / "vendor.git"),
        members,
        ("canary", "rest"),
        SCHEME,
        8,
        2,
        9,
        "/srv/store.git",
    )
    assert found.scheme.is_release("v1.9-branch")


def test_example_of_the_page_is_valid(folder: Path) -> None:
    (folder / "group.txt").write_text("git@git.example.com:ops/us.git\n", encoding="utf-8")
    found = fleet(blocks(sections("ekf-fleet.toml.5")["EXAMPLES"])[0])
    assert [(one.name, one.wave) for one in found.members] == [
        ("eu-west-1", "canary"),
        ("us", "rest"),
    ]


def test_error_of_the_page_is_the_programs(folder: Path) -> None:
    message = error(VENDOR + "\n" * 1 + '[[cluster]]\nintrenal = "x"\n')
    assert f"git-ekf: {message}\n" in blocks(sections("ekf-fleet.toml.5")["ERRORS"])[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "vendr = 'x'\n",
            "fleet.toml:1: vendr is not a key of a fleet file (did you mean vendor?)",
        ),
        ("waves = []\n", "fleet.toml: vendor is missing: the URL of the vendor's repository"),
        (VENDOR, "fleet.toml: it names no cluster: [[cluster]] and [[discover]] do"),
        ("vendor = 3\n", "fleet.toml:1: vendor must be a string"),
        (VENDOR + cluster("", "/a.git"), "fleet.toml:4: cluster.name must not be empty"),
        (VENDOR + "jobs = 0\n", "fleet.toml:2: jobs must be a number from 1 to 999999"),
        (VENDOR + "jobs = true\n", "fleet.toml:2: jobs must be a number from 1 to 999999"),
        (VENDOR + "store = 'here'\n", "fleet.toml:2: store must be an absolute path"),
        (
            VENDOR + "release = 'release'\n",
            "fleet.toml:2: release must contain {version} exactly once",
        ),
        (VENDOR + "waves = ['a', 'a']\n", "fleet.toml:2: waves names a wave twice"),
        (
            VENDOR + 'waves = ["a\\u0000"]\n',
            "fleet.toml:2: waves has a control character, or a byte that is no text",
        ),
        (VENDOR + "cluster = 1\n", "fleet.toml: cluster must be tables: [[cluster]]"),
        (VENDOR + "[[cluster]]\nname = 'a'\n", "fleet.toml:2: a cluster has no internal"),
        (VENDOR + "[[cluster]]\ninternal = 'a'\n", "fleet.toml:2: a cluster has no name"),
        (
            VENDOR + cluster("a", "/a.git") + cluster("a", "/b.git"),
            "fleet.toml:8: two clusters are called a",
        ),
        (
            VENDOR + cluster("a", "git@H:ops/a.git") + cluster("b", "ssh://h/ops/a/"),
            "fleet.toml:9: ssh://h/ops/a/ is the repository of a, and of b",
        ),
        (
            VENDOR + cluster("a", "https://me:secret@git.example.com/vendor/manifests"),
            "fleet.toml:5: https://git.example.com/vendor/manifests is the repository of the vendor, and of a",
        ),
        (
            'waves = ["canary"]\n' + VENDOR + cluster("a", "/a.git", 'wave = "canry"\n'),
            'fleet.toml:7: cluster.wave is "canry", which is none of waves (did you mean canary?)',
        ),
        (
            VENDOR + cluster("a", "/a.git", 'labels = { wave = "x" }\n'),
            'fleet.toml:6: cluster.labels has a label that cannot be called "wave"',
        ),
        (
            VENDOR + cluster("a", "/a.git", "labels.tier = 1\n"),
            'fleet.toml:6: cluster.labels has a label "tier" that must be a string',
        ),
        (VENDOR + "[[discover]]\n", "fleet.toml:2: a [[discover]] has either a file or a glob"),
        (
            VENDOR + "[[discover]]\nfile = 'a'\nglob = 'b'\n",
            "fleet.toml:3: a [[discover]] has either a file or a glob",
        ),
        (
            VENDOR + "[[discover]]\nglob = 'x*'\n",
            "fleet.toml:3: discover.glob finds no directory: x*",
        ),
        (
            VENDOR + "[[discover]]\nname = '('\nglob = 'x*'\n",
            "fleet.toml:3: discover.name is not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            VENDOR + "[[discover]]\nname = 'x'\nglob = 'x*'\n",
            r"fleet.toml:3: discover.name must have one group, which is the name: '([^/]+)\.git$'",
        ),
        (b"vendor = '\xff'\n", "fleet.toml is not UTF-8 text"),
        ("vendor = \n", "fleet.toml:1: Invalid value"),
        ("[" * 100_000, "fleet.toml:1: Invalid initial character for a key part"),
        (f"vendor = {'[' * 100_000}", "fleet.toml is nested too deeply"),
    ],
)
def test_what_is_wrong_is_one_sentence(folder: Path, text: str | bytes, message: str) -> None:
    assert error(text).startswith(message)


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "..",
        "a.lock",
        ".a",
        "-a",
        "a b",
        "a:b",
        "a~1",
        "@",
        "@a",
        "a@{1}",
        "x" * 201,
        "a\\\\b",
    ],
)
def test_a_name_is_one_component_of_a_ref(folder: Path, name: str) -> None:
    message = error(VENDOR + cluster(name, "/a.git"))
    assert message.startswith("fleet.toml:4: cluster.name is ")


@pytest.mark.parametrize("name", ["a\\nb", "a\\u001bb", "\\u202e", "\\u007f"])
@pytest.mark.parametrize("key", ["name", "internal", "wave"])
def test_control_characters_are_nowhere(folder: Path, key: str, name: str) -> None:
    message = error(VENDOR + f'[[cluster]]\n{key} = "x{name}"\n')
    assert (
        message == f"fleet.toml:3: cluster.{key} has a control character, or a byte that is no text"
    )


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch /tmp/x'",
        "Ext::sh",
        "fd::17",
        "gcrypt::ssh://h/a",
        "ext://h/a",
        "rsync://h/a",
        "testgit::/a",
    ],
)
def test_a_url_runs_no_program(folder: Path, url: str) -> None:
    sentence = "names a program of its own (git-remote-helpers(7)), which is not allowed"
    assert error(VENDOR + cluster("a", url)) == f"fleet.toml:5: cluster.internal {sentence}"
    assert error(f'vendor = "{url}"\n') == f"fleet.toml:1: vendor {sentence}"
    (folder / "list").write_text(f"/fine\n{url}\n", encoding="utf-8")
    found = error(VENDOR + "[[discover]]\nfile = 'list'\n")
    assert found == f"fleet.toml:3: discover.file: {folder}/list:2 {sentence}"


@pytest.mark.parametrize("url", ["-u", "--upload-pack=x", " ", "ssh://", "https:///"])
def test_a_url_names_a_repository(folder: Path, url: str) -> None:
    assert error(VENDOR + cluster("a", url)).startswith("fleet.toml:5: cluster.internal is ")


def test_what_is_discovered_is_as_strict(folder: Path) -> None:
    (folder / "list").write_bytes(b"/ops/a.git\n/ops/a\n")
    discover = VENDOR + "[[discover]]\nfile = 'list'\n"
    assert error(discover) == "fleet.toml:2: two clusters are called a"
    (folder / "list").write_bytes(b"/ops/\xff.git\n")
    assert error(discover).endswith("list:1 has a control character, or a byte that is no text")
    (folder / "list").write_bytes(b"/ops/a..b.git\n")
    assert "the name found in /ops/a..b.git is" in error(discover)
    assert error(discover + "name = '(zzz)'\n") == (
        "fleet.toml:4: discover.name finds no name in /ops/a..b.git"
    )
    (folder / "list").unlink()
    assert error(discover) == f"fleet.toml:3: discover.file: there is no {folder}/list"
    (folder / "list").mkdir()
    assert error(discover).endswith("cannot be read: it is not a regular file")


def test_without_a_file_there_is_no_fleet(folder: Path) -> None:
    with pytest.raises(Refused) as caught:
        read_fleet("fleet.toml")
    assert caught.value.message == "there is no fleet file fleet.toml"
    assert caught.value.hint == "git ekf man fleet.toml describes it, with an example"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("/a", ""),
        ("file:///a", ""),
        ("git@H:a", "h"),
        ("ssh://git@h:22/a", "h:22"),
        ("https://u:p@h/a", "h"),
    ],
)
def test_host(url: str, host: str) -> None:
    assert host_of(url) == host
