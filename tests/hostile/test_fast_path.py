"""The fast path against the full rules, with content made to confuse it: what it passes they find nothing in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Clone
from hypothesis import given
from hypothesis import strategies as st
from reach import generated, rare
from servertools import BRANCH, UPSTREAM, Site

from git_ekf.hooks import fastpath, judge
from git_ekf.policy.finding import Finding

SUBMODULE = "160000 commit " + "1" * 40


def both(argv: list[str], stdin: bytes = b"") -> tuple[bool, list[Finding]]:
    """The verdicts of both paths; the full one first, so that the fast one finds what it remembers."""
    full = judge.hook_findings([fastpath.PROTOCOL, *argv], stdin)
    return fastpath.passes([fastpath.PROTOCOL, *argv], stdin), full


def write_object(clone: Clone, kind: str, content: bytes) -> str:
    """An object as it is, whatever git makes of it."""
    path = clone.path.parent / "object"
    path.write_bytes(content)
    return clone.out("hash-object", "-t", kind, "-w", "--literally", str(path))


def import_commits(clone: Clone, branch: str, tip: str, contents: list[bytes], name: str) -> str:
    """A commit for each content, of another file but for the first. The last one's id."""
    stream = b""
    for number, content in enumerate(contents):
        stream += (
            f"commit refs/heads/{branch}\ncommitter x <x> 1900000000 +0000\ndata 1\nx\n".encode()
        )
        stream += b"" if number else f"from {tip}\n".encode()
        path = f"{name}-{number > 0}"
        stream += f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
    written = clone.path.parent / "stream"
    written.write_bytes(stream)
    with written.open("rb") as file:
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"], cwd=clone.path, stdin=file, check=True
        )
    return clone.out("rev-parse", branch)


@pytest.mark.parametrize(
    "count", [pytest.param(199, marks=rare), 200, 201, pytest.param(1000, marks=rare), 1001]
)
@pytest.mark.parametrize("leaves_out", [False, True])
def test_a_chain_that_claims_to_end(site: Site, count: int, leaves_out: bool) -> None:
    """A file that speaks as git does, below as many commits as the fast path lists, above a merge."""
    work = site.work
    work.commit("own/a", "unrecorded\n")
    site.accepted(BRANCH)
    old = site.server.out("rev-parse", BRANCH)
    if leaves_out:  # a published commit is gone
        work.git("reset", "-q", "--hard", f"{old}~1")
        below = work.commit("own/other", "1\n")
    else:
        below = site.merge()
    forged = b"x" * 8100 + f"\n\0>{below} {old}\n".encode()
    contents = [forged, *(b"%d\n" % number for number in range(count - 1))]
    tip = import_commits(work, "forged", below, contents, "own/forged")
    done = site.push(f"+{tip}:refs/heads/{BRANCH}")
    assert done.code == 1, done
    wanted = "rewrite-unsaved" if leaves_out else "linear-history"
    assert wanted in done.err, done
    assert site.server.out("rev-parse", BRANCH) == old


# --- hostile content ---

LINES = [
    *(b"plain", b"", b"\0", b"<<<<<<< a", b">>>>>>> b", b"<<<<<<<", b"<<<<<<<<<<<< a", b"> quoted"),
    *(
        b"< a",
        b"=======",
        b"\r",
        b"<<<<<<<\r",
        b"<<<<<<<\tx",
        b"diff --git a/x b/x",
        b"@@ -1 +1 @@",
    ),
    *(
        b"new file mode 100644",
        b"+<<<<<<< a",
        b"-",
        b"\xff\xfe",
        b"Binary files a/x and b/x differ",
    ),
    *(b"x" * 9000, b"\\ No newline at end of file", b"\0>", b"* -diff", b"* binary"),
    *(b"* conflict-marker-size=1", b"* conflict-marker-size=12", b"*.x conflict-marker-size=99"),
]
NAMES = [
    *(b"a", b"b.x", b"c d", "\u00e9".encode(), b'"q"', b"new\nline", b"tab\t", b".gitattributes"),
    *(b".git", b"..", b"git~1", b".gitmodules", b"\xff", b"-x", b":(top)"),
]
MODES = [b"100644", b"100755", b"120000", b"40000", b"160000", b"040000", b"100664"]

contents = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(st.sampled_from(LINES), max_size=4),
    st.sampled_from([b"", b"\n"]),
)
# A directory is (name, mode, content): of a directory below, the content is one file's.
entries = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(MODES), contents), min_size=1, max_size=3
)


def write_tree(clone: Clone, listed: list[tuple[bytes, bytes, bytes]], *, ordered: bool) -> bytes:
    """The id of a tree with these entries."""
    parts = []
    for name, mode, content in listed:
        if mode == b"160000":
            oid = b"\x11" * 20
        elif mode.endswith(b"40000"):
            blob = bytes.fromhex(write_object(clone, "blob", content))
            below = [(inner, b"100644 " + inner + b"\0" + blob) for inner in (b"a", name)]
            oid = bytes.fromhex(
                write_object(
                    clone, "tree", b"".join(part for _, part in sorted(dict(below).items()))
                )
            )
        else:
            oid = bytes.fromhex(write_object(clone, "blob", content))
        parts.append((name + (b"/" if mode.endswith(b"40000") else b""), mode, name, oid))
    if ordered:
        parts = sorted({part[2]: part for part in parts}.values())
    raw = b"".join(mode + b" " + name + b"\0" + oid for _, mode, name, oid in parts)
    return bytes.fromhex(write_object(clone, "tree", raw))


@generated(12)
@given(
    trees=st.lists(st.tuples(entries, st.booleans()), min_size=1, max_size=2),
    merge=st.sampled_from([False, False, False, True]),
    info=st.sampled_from(["", "* -diff\n", "* conflict-marker-size=3\n"]),
    copied=st.booleans(),
)
def test_pushes(
    site_template: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trees: list[tuple[list[tuple[bytes, bytes, bytes]], bool]],
    merge: bool,
    info: str,
    copied: bool,
) -> None:
    path = tmp_path / "server.git"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(site_template.server.path, path, symlinks=True)
    server = Clone(path)
    (path / "info").mkdir(exist_ok=True)
    (path / "info" / "attributes").write_text(info)
    old = commit = server.out("rev-parse", BRANCH)
    if copied:  # what is there already has markers: at another path they are new
        marked = write_tree(server, [(b"m", b"100644", b"<<<<<<< a\n")], ordered=True).hex()
        old = commit = server.out("commit-tree", marked, "-p", commit, "-m", "x")
    for number, (listed, ordered) in enumerate(trees):
        tree = write_tree(server, listed, ordered=ordered).hex()
        others = ["-p", server.out("rev-parse", UPSTREAM)] if merge and not number else []
        commit = server.out("commit-tree", tree, "-p", commit, *others, "-m", f"{number}")
    if copied:
        server.git("update-ref", f"refs/heads/{BRANCH}", old)
    line = f"{old} {commit} refs/heads/{BRANCH}\n".encode()
    monkeypatch.chdir(path)
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", ".")
        patch.setenv("GIT_OBJECT_DIRECTORY", str(path / "objects"))  # as if it were the quarantine
        fast, full = both(["pre-receive"], line)
    assert not (fast and full), full


@generated(12)
@given(
    files=st.lists(
        st.tuples(
            st.sampled_from(["own/a", "own/b.x", "own/c d", "own/\u00e9", 'own/"q"', "own/n\nl"]),
            contents,
        ),
        min_size=1,
        max_size=3,
    ),
    attributes=st.sampled_from(
        ["", "* -diff\n", "* diff\n", "* binary\n", "* diff=x\n", "* conflict-marker-size=3\n"]
    ),
    where=st.sampled_from([".gitattributes", "own/.gitattributes", ".git/info/attributes"]),
    link=st.booleans(),
)
def test_commits(
    site_template: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: list[tuple[str, bytes]],
    attributes: str,
    where: str,
    link: bool,
) -> None:
    path = tmp_path / "work"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(site_template.work.path, path, symlinks=True)
    clone = Clone(path)
    clone.git("config", "diff.x.textconv", "echo")
    clone.git("config", "diff.x.command", "true")
    (path / ".git" / "info").mkdir(exist_ok=True)
    clone.write(where, attributes)
    for name, content in files:
        file = path / name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        if link and content and b"\0" not in content and len(content) < 200:
            file.symlink_to(content.decode("utf-8", "surrogateescape"))
        else:
            file.write_bytes(content)
    clone.git(
        "add", "-A", "--", "own", ":!.ekf.toml", *(["."] if where == ".gitattributes" else [])
    )
    monkeypatch.chdir(path)
    fast, full = both(["pre-commit"])
    assert not (fast and full), full
