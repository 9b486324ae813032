"""Files of a commit that are read directory by directory are those that git lists."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry
from git_ekf.upgrade.contents import Changed, Contents, Tree, reading

BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
COMMIT = "1234567890123456789012345678901234567890"
FILES = {
    "top.yaml": ("100644", BLOB),
    "run": ("100755", BLOB),
    "apps/istio/base/kustomization.yaml": ("100644", BLOB),
    "apps/istio.yaml": ("100644", BLOB),
    "apps/link": ("120000", BLOB),
    "charts": ("160000", COMMIT),
    "names/with a space/é\udcff\nend": ("100644", BLOB),
}
ASKED = (
    *("", "/", "apps", "apps/", "/apps", "/top.yaml", "apps//istio", "apps/istio/base", "none/a"),
    *("apps/link/a", "charts/a", "top.yaml/a", "./run", "../run", "apps/../run", "names"),
    *FILES,
)


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contents]:
    monkeypatch.chdir(tmp_path)
    git = Git()
    git.init(".", bare=True)
    subprocess.run(["git", "hash-object", "-w", "--stdin"], input=b"", check=True)
    git.update_index((path, Entry(*entry)) for path, entry in FILES.items())
    with reading(git) as contents:
        yield contents


def test_all_that_git_lists_is_there_and_nothing_else(content: Contents) -> None:
    tree = content.tree(Git().write_tree())
    listed = {path: Entry(*entry) for path, entry in FILES.items()}
    assert {path: tree.get(path) for path in ASKED} == {path: listed.get(path) for path in ASKED}
    folders = {"", "apps", "apps/istio/base", "names"}
    assert {path for path in ASKED if tree.has_folder(path)} == folders
    assert dict(tree) == Git().ls_tree(Git().write_tree(), recursive=True) == listed
    assert {path: tree.get(path) for path in ASKED} == {path: listed.get(path) for path in ASKED}


def test_a_directory_that_is_too_large_to_be_read(content: Contents) -> None:
    whole = Git().write_tree()
    small = Tree(Git(), lambda name: None, whole)
    assert {path: small.get(path) for path in ASKED} == {
        path: content.tree(whole).get(path) for path in ASKED
    }


def test_modes_that_git_wrote_once(content: Contents) -> None:
    raw = b"".join(
        b"%s %s\0%s" % (mode, name, bytes.fromhex(BLOB))
        for mode, name in ((b"100664", b"group"), (b"100775", b"program"))
    )
    command = ["git", "hash-object", "-w", "-t", "tree", "--literally", "--stdin"]
    done = subprocess.run(command, input=raw, capture_output=True, check=True)
    tree = content.tree(done.stdout.decode().strip())
    assert {path: tree[path].mode for path in ("group", "program")} == {
        path: entry.mode for path, entry in tree.listed().items()
    }


def test_changes_lie_over_it(content: Contents) -> None:
    changed = Entry("100755", BLOB)
    tree = Changed(content.tree(Git().write_tree()), {"run": changed, "own/new/a.yaml": changed})
    assert (tree["run"], tree["own/new/a.yaml"], tree["charts"].mode) == (
        changed,
        changed,
        "160000",
    )
    assert [tree.has_folder(path) for path in ("own/new", "own", "apps", "", "ow")] == [
        *(True, True, True, True, False),
    ]
    assert sorted(tree) == sorted([*FILES, "own/new/a.yaml"])
    assert "apps/none" not in tree
