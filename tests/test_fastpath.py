"""The fast path may pass only what the full rules find nothing in. Both judge the same random situations."""

from __future__ import annotations

import os
import posix
import shutil
import signal
from pathlib import Path

import pytest
from conftest import Clone, make_clone
from hypothesis import given
from hypothesis import strategies as st
from reach import generated

from git_ekf.errors import EkfError
from git_ekf.hooks import fastpath, judge, spawn
from git_ekf.names import RELEASE_PATTERN, Scheme
from git_ekf.policy.finding import Finding

ZERO = "0" * 40


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved clone with branches and tags of every kind, to be copied for each example."""
    top = tmp_path_factory.mktemp("world")
    clone = make_clone(top)
    clone.commit("own/a", "1\n")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    clone.git("branch", "published")
    clone.commit("own/a", "2\n")
    clone.commit("own/a", "3\n")
    clone.git("branch", "ahead")
    clone.git("merge", "-q", "--no-ff", "--no-verify", "origin/release-1.9", "-m", "merged")
    clone.git("branch", "merged")
    clone.git("reset", "-q", "--hard", "published")
    clone.git("commit", "-q", "--amend", "-m", "Rewritten")
    clone.git("branch", "rewritten")
    clone.git("reset", "-q", "--hard", "ahead")
    clone.commit("own/a", "<<<<<<< ours\n", verify=False)
    clone.git("branch", "marked")
    clone.git("reset", "-q", "--hard", "ahead")
    clone.git("branch", "vendor", "origin/release-1.8")
    clone.git("branch", "foreign", "origin/release-1.9")
    return top


def enter(world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clone:
    """A fresh copy of the work tree, with the process standing in it as a hook does."""
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
    shutil.copytree(world / "work", tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    return Clone(tmp_path / "work")


CONFIGURATIONS = [
    None,
    "",
    "[rules]\nvendor-path = 'off'\n",
    "[branches]\nallow = ['ahead', 'wip/*', 'published']\n",
    "[branches]\nrelease = 'rel-{version}'\n",
    "[remotes]\nprimary = 'vendor'\n",
    "[remotes]\ninternal = 'cluster'\n",
    "[paths]\ncustomer = ['apps']\n",
]
GIT_CONFIGURATIONS = [
    (),
    ("ekf.branches.allow", "ahead"),
    ("ekf.branches.allow", "wip/*"),
    ("ekf.rules.branch-name", "warning"),
    ("branch.release-1.8.remote", "internal"),
    ("branch.release-1.8.merge", "refs/heads/release-1.9"),
    ("url./nowhere/.insteadOf", "x:"),
    ("remote.origin.pushurl", "../internal.git"),
    ("core.hooksPath", "/dev/null"),
]
SERVER_CONFIGURATIONS = [
    (),
    ("ekf.branches.allow", "wip/*"),
    ("ekf.branches.release", "rel-{version}"),
    ("ekf.rules.linear-history", "off"),
    ("ekf.rules.nonsense", "off"),
    ("ekf.server.judge", "false"),
    ("ekf.server.mirror", "/nowhere"),
    ("ekf.server.config", "/nowhere"),
    ("ekf.server.signed", "all", "ekf.server.allowed-signers", "/dev/null"),
    ("ekf.server.signed", "records", "ekf.server.allowed-signers", "/dev/null"),
    ("ekf.server.user", "WHO", "ekf.server.may-push", "a: refs/heads/*"),
    ("ekf.server.user", "WHO", "ekf.server.may-push", "*: refs/tags/*, refs/heads/release-1.?"),
    ("ekf.server.user", "WHO", "ekf.server.may-push", "a*: *"),
]
EDITS = [
    ("own/a", "4\n"),
    ("own/a", "<<<<<<< ours\n"),
    ("own/a", "x\n>>>>>>> theirs\n"),
    ("own/a", "=======\n"),
    ("own/new", "x\n"),
    ("own/with space/b x", "x\n"),
    ("own/\u00e9", "x\n"),
    ("apps/\u00e9", "x\n"),
    ("top", "new file mode 100644\n"),
    ("apps/new/overlays/deploy/x", "x\n"),
    ("apps/new/x", "x\n"),
    ("VERSION", "mine\n"),
    ("apps/istio/overlays/deploy/kustomization.yaml", "x\n"),
    ("own/binary", "\0<<<<<<< ours\n"),
]


def both(argv: list[str], stdin: bytes = b"") -> tuple[bool, list[Finding]]:
    """The verdicts of both paths; the full one first, so that the fast one finds what it remembers."""
    full = judge.hook_findings([fastpath.PROTOCOL, *argv], stdin)
    return fastpath.passes([fastpath.PROTOCOL, *argv], stdin), full


@generated(12)
@given(
    branch=st.sampled_from(
        ["release-1.8", "ahead", "wip/x", "main", "rel-1.8", "release-1.9", "HEAD"]
    ),
    toml=st.sampled_from(CONFIGURATIONS),
    git_config=st.sampled_from(GIT_CONFIGURATIONS),
    edits=st.lists(st.sampled_from(EDITS), max_size=2),
    merging=st.booleans(),
)
def test_commits(
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    branch: str,
    toml: str | None,
    git_config: tuple[str, ...],
    edits: list[tuple[str, str]],
    merging: bool,
) -> None:
    clone = enter(world, monkeypatch, tmp_path)
    clone.git("switch", "-q", *(["--detach"] if branch == "HEAD" else ["-C", branch]), "ahead")
    for path, text in edits:
        clone.write(path, text)
    clone.git("add", ".")
    if toml is not None:
        clone.write(".ekf.toml", toml)
    if git_config:
        clone.git("config", *git_config)
    if merging:
        clone.write(".git/MERGE_HEAD", clone.out("rev-parse", "origin/release-1.9") + "\n")
    fast, full = both(["pre-commit"])
    assert not (fast and full), full


@generated(12)
@given(
    new=st.sampled_from(
        [
            "ahead",
            "marked",
            "published",
            "merged",
            "rewritten",
            "vendor",
            "foreign",
            "release-1.8",
            ZERO,
        ]
    ),
    old=st.sampled_from(["published", "ahead", "vendor", "rewritten", ZERO, "1" * 40]),
    name=st.sampled_from(["release-1.8", "release-1.9", "main", "ahead"]),
    toml=st.sampled_from(CONFIGURATIONS),
    git_config=st.sampled_from(GIT_CONFIGURATIONS),
    target=st.sampled_from(["internal", "origin", "url"]),
    twice=st.booleans(),
)
def test_pushes(
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    new: str,
    old: str,
    name: str,
    toml: str | None,
    git_config: tuple[str, ...],
    target: str,
    twice: bool,
) -> None:
    clone = enter(world, monkeypatch, tmp_path)
    if toml is not None:
        clone.write(".ekf.toml", toml)
    if git_config:
        clone.git("config", *git_config)
    oids = {
        oid: oid if set(oid) <= set("01") else clone.out("rev-parse", f"{oid}^{{commit}}")
        for oid in (new, old)
    }
    line = f"refs/heads/{name} {oids[new]} refs/heads/{name} {oids[old]}\n"
    urls = {
        "internal": str(world / "internal.git"),
        "origin": str(world / "vendor.git"),
        "url": str(world / "internal.git"),
    }
    remote = urls["url"] if target == "url" else target
    fast, full = both(["pre-push", remote, urls[target]], (line * (2 if twice else 1)).encode())
    assert not (fast and full), full


def test_the_usual_commit_and_push_are_fast(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The other direction for what people do all day; otherwise a fast path that never passes would do."""
    clone = enter(world, monkeypatch, tmp_path)
    clone.write("own/a", "4\n")
    clone.git("add", ".")
    new, old = clone.out("rev-parse", "ahead"), clone.out("rev-parse", "published")
    push = ["pre-push", "internal", str(world / "internal.git")]
    line = f"refs/heads/release-1.8 {new} refs/heads/release-1.8 {old}\n".encode()
    assert both(["pre-commit"]) == (True, [])
    for path in ("own/new", "sites/one two/x", "top", "apps/istio/overlays/deploy/patch.yaml"):
        clone.write(path, "x\n")
        clone.git("add", ".")
        assert both(["pre-commit"]) == (True, []), path
    assert both(push, line) == (True, [])
    assert both(push, b"") == (True, [])
    for toml, name in (
        ("[paths]\ncustomer = ['x']\n", "release-1.8"),
        ("[branches]\nallow = ['plain']\n", "plain"),
    ):
        clone.write(".ekf.toml", toml)
        clone.git("switch", "-q", "-C", name)
        clone.git("config", f"branch.{name}.remote", "origin")
        clone.git("config", f"branch.{name}.merge", f"refs/heads/{name}")
        assert both(["pre-commit"]) == (True, [])
    assert both(push, line) == (True, [])


@generated(12)
@given(
    new=st.sampled_from(
        ["ahead", "marked", "published", "merged", "rewritten", "vendor", "foreign", ZERO]
    ),
    old=st.sampled_from(["published", "ahead", "vendor", "rewritten", ZERO, "1" * 40]),
    name=st.sampled_from(
        [
            "heads/release-1.8",
            "heads/release-1.9",
            "heads/main",
            "tags/release-1.8",
            "ekf/upstream/release-1.8",
        ]
    ),
    git_config=st.sampled_from(SERVER_CONFIGURATIONS),
    user=st.sampled_from(["", "a", "alice", "b"]),
    symbolic=st.booleans(),
    twice=st.booleans(),
)
def test_receives(
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    new: str,
    old: str,
    name: str,
    git_config: tuple[str, ...],
    user: str,
    symbolic: bool,
    twice: bool,
) -> None:
    server = serve(world, tmp_path)
    if symbolic:
        server.git("symbolic-ref", f"refs/{name}", "refs/heads/published")
    for key, value in zip(git_config[::2], git_config[1::2], strict=True):
        server.git("config", key, value)
    oids = {
        oid: oid if set(oid) <= set("01") else server.out("rev-parse", f"{oid}^{{commit}}")
        for oid in (new, old)
    }
    line = f"{oids[old]} {oids[new]} refs/{name}\n"
    monkeypatch.chdir(server.path)
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", ".")
        patch.setenv("WHO", user)
        stdin = (line * (2 if twice else 1)).encode()
        try:
            fast, full = both(["pre-receive"], stdin)
        except EkfError:
            assert not fastpath.passes([fastpath.PROTOCOL, "pre-receive"], stdin)
        else:
            assert not (fast and full), full


def test_the_usual_push_is_received_fast(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = serve(world, tmp_path)
    old, new = server.out("rev-parse", "published"), server.out("rev-parse", "ahead")
    push = f"{old} {new} refs/heads/release-1.8\n".encode()
    monkeypatch.chdir(server.path)
    monkeypatch.setenv("GIT_DIR", ".")
    assert both(["pre-receive"], push) == (True, [])
    server.git("config", "ekf.server.mirror", str(world / "vendor.git"))
    assert both(["pre-receive"], push) == (True, [])
    file = tmp_path / "server.toml"
    file.write_text("[branches]\nallow = ['wip/*']\n")
    server.git("config", "ekf.server.config", str(file))
    assert both(["pre-receive"], push) == (True, [])
    for may_push in (
        "'a: refs/heads/*'",
        "'*: refs/tags/*', 'al*: refs/ekf/*, refs/heads/release-1.8'",
    ):
        file.write_text(f"[server]\nuser = 'WHO'\nmay-push = [{may_push}]\n")
        monkeypatch.delenv("WHO", raising=False)
        assert not fastpath.passes([fastpath.PROTOCOL, "pre-receive"], push)
        fast, [finding] = both(["pre-receive"], push)
        assert (fast, finding.rule) == (False, "push-denied")
        monkeypatch.setenv("WHO", "a" if may_push.startswith("'a") else "alice")
        assert both(["pre-receive"], push) == (True, [])
        monkeypatch.setenv("WHO", "bob")
        assert not fastpath.passes([fastpath.PROTOCOL, "pre-receive"], push)
    file.write_text("[server]\nsigned = 'records'\nallowed-signers = '/dev/null'\n")
    assert both(["pre-receive"], push) == (True, [])
    server.git("symbolic-ref", "refs/heads/release-1.8", "refs/heads/published")
    assert not fastpath.passes([fastpath.PROTOCOL, "pre-receive"], push)
    server.git("symbolic-ref", "--delete", "refs/heads/release-1.8")
    # What a client remembers of the same repository is nothing to a server.
    file.unlink()
    assert not fastpath.passes([fastpath.PROTOCOL, "pre-receive"], push)


def test_the_time_is_over_at_any_moment(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It gives up, and leaves nothing running; that it is late is nothing to say."""
    server = serve(world, tmp_path)
    old, new = server.out("rev-parse", "published"), server.out("rev-parse", "ahead")
    push = f"{old} {new} refs/heads/release-1.8\n".encode()
    monkeypatch.chdir(server.path)
    monkeypatch.setenv("GIT_DIR", ".")
    before = signal.getsignal(signal.SIGALRM)
    waitpid = posix.waitpid

    def late(*args: int) -> tuple[int, int]:
        ended = waitpid(*args)
        signal.raise_signal(signal.SIGALRM)  # between its end and the note of it
        return ended

    try:
        seen = set()
        for step in range(60):
            monkeypatch.setattr(fastpath, "_SECONDS", 0.0004 * (step + 1))
            seen.add(fastpath.passes([fastpath.PROTOCOL, "pre-receive"], push))
            assert not spawn._running
        monkeypatch.setattr(posix, "waitpid", late)
        fastpath.passes([fastpath.PROTOCOL, "pre-receive"], push)
        assert not spawn._running
    finally:
        signal.signal(signal.SIGALRM, before)
    assert False in seen


def serve(world: Path, tmp_path: Path) -> Clone:
    """A bare repository with everything that the work tree has, and the vendor's channels."""
    shutil.rmtree(tmp_path / "server.git", ignore_errors=True)
    shutil.copytree(world / "work" / ".git", tmp_path / "server.git", symlinks=True)
    server = Clone(tmp_path / "server.git")
    server.git("config", "core.bare", "true")
    for channel in ("release-1.8", "release-1.9"):
        server.git("update-ref", f"refs/ekf/upstream/{channel}", f"refs/remotes/origin/{channel}")
    return server


def test_what_is_remembered_is_never_stale(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clone = enter(world, monkeypatch, tmp_path)
    clone.git("switch", "-q", "-C", "plain")
    clone.write(".ekf.toml", "[branches]\nallow = ['plain']\n")
    assert both(["pre-commit"])[0]
    stamp = os.stat(".ekf.toml")
    clone.write(".ekf.toml", "[branches]\nallow = ['plaim']\n")
    os.utime(".ekf.toml", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert not fastpath.passes([fastpath.PROTOCOL, "pre-commit"], b"")
    assert not both(["pre-commit"])[0]


@given(st.text(alphabet="release-1.8x0{}/ ", max_size=14))
def test_a_release_name_has_a_version(name: str) -> None:
    scheme = Scheme(RELEASE_PATTERN)
    version = scheme.version(name)
    assert (version is not None) == scheme.is_release(name)
    if version is not None:
        assert scheme.branch(version) == name
        assert scheme.parse(version) == name
