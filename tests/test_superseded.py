"""Commits that the vendor has in another form: what counts as that, what is asked, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pexpect
import pytest
from bench.superseded import MADE, made
from conftest import GIT_EKF, run, slim
from reach import rare
from resolving import make_team
from test_schemas import answer
from upgrading import World, assert_clean, copy, script, snapshot, vendor_commit

from git_ekf.git.calls import Git
from git_ekf.git.trees import Entry
from git_ekf.replay import superseded as module
from git_ekf.replay.evidence import Superseded
from git_ekf.replay.stack import Commit
from git_ekf.replay.superseded import Supersession

Content = str | bytes | tuple[str, str] | None  # a mode before it, where it is not a plain file


# --- what is superseded ---


class History:
    """Commits made by `git fast-import`, in a bare repository."""

    def __init__(self, path: Path) -> None:
        self.git = Git(str(path))
        self._path = path
        self._made = 0

    def commit(self, parent: str, files: Mapping[str, Content], subject: str = "Change") -> str:
        """A commit with other files than its parent ("" for none); None removes one."""
        self._made += 1
        branch = f"refs/heads/b{self._made}"
        stream = [
            f"commit {branch}\nmark :1\ncommitter C <c@example.com> 1700000000 +0000\n".encode()
        ]
        stream.append(b"data <<.\n%s\n.\n" % subject.encode())
        if parent:
            stream.append(f"from {parent}\n".encode())
        for path, given in files.items():
            mode, content = given if isinstance(given, tuple) else ("100644", given)
            raw = content.encode() if isinstance(content, str) else content
            if raw is None:
                stream.append(f"D {path}\n".encode())
            elif mode == "160000":
                stream.append(b"M %s %s %s\n" % (mode.encode(), raw, path.encode()))
            else:
                head = f"M {mode} inline {path}\ndata {len(raw)}\n"
                stream.append(head.encode() + raw + b"\n")
        stream.append(b"get-mark :1\n")
        done = run(
            "git",
            "fast-import",
            "--quiet",
            cwd=self._path,
            stdin=b"".join(stream).decode("utf-8", "surrogateescape"),
        )
        assert done.code == 0, done
        return done.out.strip()

    def look(
        self,
        old: str,
        new: str,
        commit: str,
        carried: Mapping[str, Entry | None] | None = None,
        place: Callable[[str], str] = lambda path: "",
    ) -> Superseded | None:
        """What speaks for the last of the customer's commits being in `new`."""
        changes = self.git.diff_trees(f"{commit}^", commit)
        [(_, subject)] = self.git.subjects([commit], [f"{commit}^"])
        one = Commit(commit, subject, changes, commit, commit)
        look = Supersession(self.git, old, new, place)
        return look.look_at(one, f"{commit}^", carried or {})


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    path = tmp_path_factory.mktemp("history")
    assert run("git", "init", "-q", "--bare", path).code == 0
    return History(path)


def text(**lines: str) -> str:
    """Forty lines; some are another one, by number: line3="…"."""
    found = [f"line {number} of the vendor's file" for number in range(1, 41)]
    for name, line in lines.items():
        found[int(name.removeprefix("line")) - 1] = line
    return "".join(f"{line}\n" for line in found if line != "-")


MINE = {"line3": "memory: 512Mi", "line30": "replicas: three"}
FILE = "apps/a.yaml"
CERTAIN, HINT = True, False


@pytest.mark.parametrize(
    ("old", "new", "mine", "found"),
    [
        # All that it adds is there, and nothing that it removes.
        ({FILE: text()}, {FILE: text(**MINE, line4="more")}, {FILE: text(**MINE)}, CERTAIN),
        # A single hunk says less.
        ({FILE: text()}, {FILE: text(**MINE)}, {FILE: text(line3=MINE["line3"])}, HINT),
        # One line of two is missing.
        ({FILE: text()}, {FILE: text(line3=MINE["line3"])}, {FILE: text(**MINE)}, None),
        # The line that it removes is still there.
        (
            {FILE: text()},
            {FILE: text(line3=f"line 3 of the vendor's file\n{MINE['line3']}", line30=MINE["line30"])},
            {FILE: text(**MINE)},
            None,
        ),
        # What it adds the vendor has always had.
        ({FILE: text(**MINE)}, {FILE: text(**MINE, line9="-")}, {FILE: text(**MINE, line9="-")}, None),
        # Lines that say too little.
        ({FILE: text()}, {FILE: text(line3="a: 1", line30="   b: 22   ")}, {FILE: text(line3="a: 1", line30="   b: 22   ")}, None),
        # Eight characters are more bytes in some languages, and seven are not eight.
        ({FILE: text()}, {FILE: text(line3="記憶體: 五百", line30="äöüäöü")}, {FILE: text(line3="記憶體: 五百", line30="äöüäöü")}, None),
        ({FILE: text()}, {FILE: text(line3="記憶體: 五百兆", line30="äöüäöü")}, {FILE: text(line3="記憶體: 五百兆", line30="äöüäöü")}, CERTAIN),
        # One of two lines that are alike.
        (
            {FILE: text(line3="flag: --insecure", line30="flag: --insecure")},
            {FILE: text(line3="flag: --insecure", line30="flag: --insecure", line9="another line", line20="x")},
            {FILE: text(line3="flag: --insecure", line30="-", line9="another line", line20="x")},
            None,
        ),
        (
            {FILE: text()},
            {FILE: text(line3="flag: --insecure")},
            {FILE: text(line3="flag: --insecure", line30="flag: --insecure")},
            None,
        ),
        # It only removes.
        ({FILE: text()}, {FILE: text(line3="-", line30="-")}, {FILE: text(line3="-", line30="-")}, None),
        # White space and line ends count.
        ({FILE: text()}, {FILE: text(**MINE)}, {FILE: text(**{n: f"{one} " for n, one in MINE.items()})}, None),
        ({FILE: text()}, {FILE: text(**MINE).replace("\n", "\r\n")}, {FILE: text(**MINE)}, None),
        # Another file of the commit is not there.
        ({FILE: text(), "b": text()}, {FILE: text(**MINE)}, {FILE: text(**MINE), "b": text(**MINE)}, None),
        # Both are.
        ({FILE: text(), "b": text()}, {FILE: text(**MINE), "b": text(**MINE)}, {FILE: text(**MINE), "b": text(**MINE)}, CERTAIN),
        # The vendor has moved the file, and has the lines there.
        ({FILE: text()}, {FILE: None, "new/a.yaml": text(**MINE)}, {FILE: text(**MINE)}, CERTAIN),
        # The vendor has deleted the file.
        ({FILE: text(), "b": text()}, {FILE: None, "b": text(**MINE)}, {FILE: text(**MINE), "b": text(**MINE)}, None),
        # A file that it deletes is gone there.
        ({FILE: text(), "b": "other\n"}, {FILE: text(**MINE), "b": None}, {FILE: text(**MINE), "b": None}, CERTAIN),
        # … is still there.
        ({FILE: text(), "b": "other\n"}, {FILE: text(**MINE)}, {FILE: text(**MINE), "b": None}, None),
        # … is only elsewhere.
        (
            {FILE: text(), "b": "other\nlines\nin\nit\n"},
            {FILE: text(**MINE), "b": None, "c": "other\nlines\nin\nit\n"},
            {FILE: text(**MINE), "b": None},
            None,
        ),
        # Both have added a file, the vendor with more in it.
        ({FILE: text()}, {FILE: text(**MINE), "n": "a new file\nand more\n"}, {FILE: text(**MINE), "n": "a new file\n"}, CERTAIN),
        ({FILE: text()}, {FILE: text(**MINE)}, {FILE: text(**MINE), "n": "a new file\n"}, None),
        # The mode is a part of the change.
        ({FILE: text()}, {FILE: ("100755", text(**MINE))}, {FILE: ("100755", text(**MINE))}, CERTAIN),
        ({FILE: text()}, {FILE: text(**MINE)}, {FILE: ("100755", text(**MINE))}, None),
        ({FILE: text()}, {FILE: ("100755", text(**MINE))}, {FILE: text(**MINE)}, CERTAIN),
        # Binary files, links and submodules have no lines: they have to be the same.
        ({FILE: text(), "p": "\0old"}, {FILE: text(**MINE), "p": "\0new"}, {FILE: text(**MINE), "p": "\0new"}, CERTAIN),
        ({FILE: text(), "p": "\0old"}, {FILE: text(**MINE), "p": "\0newer"}, {FILE: text(**MINE), "p": "\0new"}, None),
        ({FILE: text(), "l": ("120000", "x")}, {FILE: text(**MINE), "l": ("120000", "y")}, {FILE: text(**MINE), "l": ("120000", "y")}, CERTAIN),
        ({FILE: text(), "l": ("120000", "x")}, {FILE: text(**MINE), "l": ("120000", "z")}, {FILE: text(**MINE), "l": ("120000", "y")}, None),
        ({FILE: text(), "l": ("120000", "x")}, {FILE: text(**MINE), "l": "a longer text\n"}, {FILE: text(**MINE), "l": ("120000", "a longer text\n")}, None),
        ({FILE: text(), "s": ("160000", "1" * 40)}, {FILE: text(**MINE), "s": ("160000", "2" * 40)}, {FILE: text(**MINE), "s": ("160000", "2" * 40)}, CERTAIN),
        ({FILE: text(), "s": ("160000", "1" * 40)}, {FILE: text(**MINE), "s": ("160000", "3" * 40)}, {FILE: text(**MINE), "s": ("160000", "2" * 40)}, None),
        # A directory in place of the file.
        ({FILE: text(), "d": text()}, {FILE: text(**MINE), "d": None, "d/e": text(**MINE)}, {FILE: text(**MINE), "d": text(**MINE)}, None),
        # Bytes that are no text.
        ({FILE: text()}, {FILE: text(**MINE).encode() + b"\xff\xfe\xfd here\n"}, {FILE: text(**MINE).encode() + b"\xff\xfe\xfd here\n"}, CERTAIN),
        # Names that git would take for patterns.
        ({":(top)*": text(), "[a]?": text()}, {":(top)*": text(**MINE), "[a]?": text(**MINE)}, {":(top)*": text(**MINE), "[a]?": text(**MINE)}, CERTAIN),
    ],
)  # fmt: skip
def test_content(
    history: History,
    old: dict[str, Content],
    new: dict[str, Content],
    mine: dict[str, Content],
    found: bool | None,
) -> None:
    base = history.commit("", old)
    vendor = history.commit(base, new, "Vendor's")
    superseded = history.look(base, vendor, history.commit(base, mine, "Mine"))
    assert (superseded and superseded.certain) == found


def test_evidence(history: History) -> None:
    """Where the lines are, and who brought them: before the file was moved, and after."""
    base = history.commit("", {FILE: text()}, "Base")
    first = history.commit(base, {FILE: text(line3=MINE["line3"])}, "Memory")
    moved = history.commit(first, {FILE: None, "new/a.yaml": text(line3=MINE["line3"])}, "Move")
    vendor = history.commit(moved, {"new/a.yaml": text(line1="first\nmore", **MINE)}, "Replicas")
    mine = {FILE: text(line30="replicas: three\nand: another", line3=MINE["line3"])}
    assert history.look(base, vendor, history.commit(base, mine)) is None
    found = history.look(base, vendor, history.commit(base, {FILE: text(**MINE)}, "Mine"))
    assert found
    assert found.certain
    assert found.subject == ""
    assert found.files == ((FILE, "new/a.yaml", (4, 31), first),)
    assert found.lines() == [
        "superseded: the vendor has all of it in another form,"
        f" at new/a.yaml:4,31 (since {first[:7]})"
    ]


def test_a_file_is_followed_through_the_releases(history: History) -> None:
    """Which git does not know again from the first to the last."""
    base = history.commit("", {FILE: text()}, "Base")
    other = {f"line{number}": f"other {number}" for number in range(4, 29)}
    vendor = history.commit(base, {FILE: None, "new/a.yaml": text(**MINE, **other)}, "Vendor's")
    mine = history.commit(base, {FILE: text(**MINE)}, "Mine")
    assert history.look(base, vendor, mine) is None
    found = history.look(base, vendor, mine, place={FILE: "new/a.yaml"}.__getitem__)
    assert found
    assert found.certain
    assert [file.there for file in found.files] == ["new/a.yaml"]


def test_more_files_than_are_named(history: History) -> None:
    names = [f"f{number:02}" for number in range(12)]
    base = history.commit("", dict.fromkeys(names, text()))
    vendor = history.commit(base, dict.fromkeys(names, text(line3="one more\nand one more")))
    own = {name: text(line3="one more", line4="and one more") for name in names}
    found = history.look(base, vendor, history.commit(base, own))
    assert found is None  # line 4 is still there
    own = {name: text(line3="and one more\none more") for name in names}
    found = history.look(base, vendor, history.commit(base, own))
    assert found
    assert [file.path for file in found.files] == names
    assert [file.vendor for file in found.files] == [vendor] * 10 + [""] * 2
    since = f":3-4 (since {vendor[:7]})"
    listed = ", ".join(f"{name}{since}" for name in names[:5])
    assert found.lines()[0].endswith(f" at {listed} and 7 more")


def test_files_with_lines_are_named_first(history: History) -> None:
    base = history.commit("", {"a": text(), "b": text()})
    vendor = history.commit(base, {"a": text(line3="-"), "b": text(**MINE)})
    found = history.look(
        base, vendor, history.commit(base, {"a": text(line3="-"), "b": text(**MINE)})
    )
    assert found
    assert [(file.path, file.lines) for file in found.files] == [("a", ()), ("b", (3, 30))]
    assert found.lines()[0].endswith(f" at b:3,30 (since {vendor[:7]}), a")


def test_what_earlier_commits_put_back(history: History) -> None:
    """A commit carried over before it has the removed line there again: it is work left to do."""
    base = history.commit("", {FILE: text()})
    vendor = history.commit(base, {FILE: text(**MINE)})
    mine = history.commit(base, {FILE: text(**MINE)})
    back = history.git.entries(history.commit(vendor, {FILE: text()}), [FILE])
    more = history.git.entries(history.commit(vendor, {FILE: text(line9="x", **MINE)}), [FILE])
    assert history.look(base, vendor, mine, back) is None
    assert history.look(base, vendor, mine, {FILE: None}) is None
    found = history.look(base, vendor, mine, dict(more))
    assert found
    assert found.certain


@pytest.mark.parametrize(
    ("vendors", "ours", "same"),
    [
        ("Raise the memory", "Raise the memory", True),
        ("Raise the memory (#123)", "Raise the memory", True),
        ("Raise the memory", "Raise the memory (#9)", True),
        ("Raise the memory", "Raise memory", False),
        ("Update", "Update", False),
    ],
)
def test_a_subject_is_a_hint(history: History, vendors: str, ours: str, same: bool) -> None:
    base = history.commit("", {FILE: text()}, "Base")
    vendor = history.commit(base, {FILE: text(line3="something else")}, vendors)
    found = history.look(base, vendor, history.commit(base, {FILE: text(**MINE)}, ours))
    if not same:
        assert found is None
        return
    assert found == Superseded((), several=False, subject=vendor)
    assert found.lines() == [f"hint: the vendor's {vendor[:7]} has the same subject"]
    assert not found.certain


def test_files_that_are_too_large(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    base = history.commit("", {FILE: text()}, "Base")
    vendor = history.commit(base, {FILE: text(line4="x", **MINE)}, "Vendor's")
    mine = history.commit(base, {FILE: text(**MINE)}, "Mine")
    assert history.look(base, vendor, mine)
    monkeypatch.setattr(module, "_MOST", 100)
    assert history.look(base, vendor, mine) is None


# --- what becomes of it ---


BIG = "apps/big.yaml"
OTHER = "apps/other.yaml"
# In memory, and where git has to do all of it.
WAYS = [False, pytest.param(True, marks=rare)]
NOTHING = "note: --drop superseded: no commit that would conflict is superseded; none is left out\n"


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five commits, of which 1.9 has the fourth in another form."""
    world = copy(template, tmp_path_factory.mktemp("superseded"))
    vendor_commit(world, "release-1.8", {BIG: text(), OTHER: text()}, "Two files")
    theirs = {BIG: text(line4="the vendor's own", **MINE), OTHER: text(line3="the vendor's other")}
    vendor_commit(world, "release-1.9", theirs, "Take more memory")
    assert world.ekf("sync").code == 0
    world.commit(BIG, text(**MINE), "More memory")
    world.commit("own/last", "last\n", "Last")
    assert world.ekf("save").code == 0
    slim(world.path.parent)
    return world.path.parent


def since(world: World) -> str:
    vendor = world.short("origin/release-1.9")
    return f"superseded: the vendor has all of it in another form, at {BIG}:3,30 (since {vendor})"


def subjects(world: World, onto: str = "origin/release-1.9") -> list[str]:
    return world.out("log", "--format=%s", f"{onto}..").splitlines()


def left_out(world: World) -> str:
    """The tree that git makes of the stack when the user skips that commit."""
    path = world.path.with_name("skipped")
    world.git("worktree", "add", "-q", "--detach", str(path), "release-1.8")
    other = World(path)
    base = ("--onto", "origin/release-1.9", "origin/release-1.8")
    assert other.git("rebase", "-q", *base, ok=False, env={"EKF_HOOKS": "0"}).code == 1
    other.git("rebase", "--skip", env={"EKF_HOOKS": "0"})
    tree = other.tree()
    world.git("worktree", "remove", "--force", str(path))
    return tree


def test_the_plan(world: World) -> None:
    before = snapshot(world)
    commit = world.stack()[3]
    done = world.ekf("upgrade", "--plan")
    assert done.code == 1, done
    lines = done.out.splitlines()
    at = lines.index(f"  CONFLICT  {commit[:7]} More memory")
    assert lines[at + 1 : at + 3] == [f"            content: {BIG}", f"            {since(world)}"]
    assert lines[-1] == "1 of them is superseded, and left out with --drop superseded"
    document = answer(world, "upgrade", code=1)
    vendor = world.out("rev-parse", "origin/release-1.9")
    assert [one["superseded"] for one in document["commits"]] == [
        None,
        None,
        None,
        {
            "certain": True,
            "files": [{"path": BIG, "there": BIG, "lines": [3, 30], "vendor": vendor}],
            "subject": None,
        },
        None,
    ]
    assert snapshot(world) == before


def test_the_plan_without_it(world: World) -> None:
    commit = world.stack()[3]
    done = world.ekf("upgrade", "--plan", "--drop", "superseded")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    at = lines.index(f"  dropped   {commit[:7]} More memory")
    assert lines[at + 1] == f"            {since(world)}"
    assert lines[-2:] == [
        "4 clean, 1 dropped",
        "It would go through: git ekf upgrade 1.9 --drop superseded",
    ]
    document = answer(world, "upgrade", "--drop", "superseded", code=0)
    assert document["commits"][3]["verdict"] == "dropped"
    assert document["counts"] == {
        "clean": 4,
        "upstream": 0,
        "empty": 0,
        "dropped": 1,
        "conflict": 0,
        "depends": 0,
    }
    assert document["clean"]


@pytest.mark.parametrize("by_git", [False, True])
def test_it_is_left_out(world: World, by_git: bool) -> None:
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    tree = left_out(world)
    commit = world.stack()[3]
    before = snapshot(world)
    done = world.ekf("upgrade", "--drop", "superseded")
    assert (done.code, done.err) == (0, "")
    assert f"  dropped   {commit[:7]} More memory\n            {since(world)}\n" in done.out
    assert "4 configuration commits on origin/release-1.9" in done.out
    assert subjects(world) == ["Last", "More", "Three replicas", "Settings"]
    assert world.tree() == tree
    assert_clean(world)
    done = world.ekf("undo")
    assert (done.code, done.out.splitlines()[2:]) == (
        0,
        [f"release-1.8 has again what the upgrade had dropped: {commit[:7]}"],
    )
    after = snapshot(world)
    told = ("ekf/journal", "ekf/rebase", "logs/HEAD")
    assert {key: one for key, one in after.items() if key not in told} == {
        key: one for key, one in before.items() if key not in told
    }


@pytest.mark.parametrize("by_git", WAYS)
def test_it_stops_where_nobody_said_so(world: World, by_git: bool) -> None:
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    commit = world.stack()[3]
    done = world.ekf("upgrade")
    assert done.code == 3
    lines = done.out.splitlines()
    assert lines[0] == f"Stopped at commit 4 of 5: {commit[:7]} More memory"
    assert lines[-1] == f"  {since(world)}"
    done = world.ekf("upgrade", "--skip")
    assert done.code == 0, done
    assert "skipped, or nothing of it was left" in done.out


@rare
def test_behind_another_conflict(world: World) -> None:
    """What was said at the beginning holds until the end, also in the rebase that goes on."""
    world.git("reset", "-q", "--hard", "HEAD~2")
    world.commit(OTHER, text(line3="my other"), "Mine")
    world.commit(BIG, text(**MINE), "More memory")
    world.commit("own/last", "last\n", "Last")
    world.save()
    commit = world.stack()[4]
    before = snapshot(world)
    stopped = world.ekf("upgrade", "--drop", "superseded")
    assert stopped.code == 3, stopped
    assert "Mine" in stopped.out.splitlines()[0]
    assert stopped.err.startswith("git-ekf: the upgrade has stopped half-way")
    world.write(OTHER, text(line3="both"))
    world.git("add", OTHER)
    done = world.ekf("upgrade", "--continue")
    assert (done.code, done.err) == (0, "")
    assert f"  dropped   {commit[:7]} More memory\n            {since(world)}\n" in done.out
    assert subjects(world) == ["Last", "Mine", "More", "Three replicas", "Settings"]
    assert (world.path / BIG).read_text() == world.out("show", f"origin/release-1.9:{BIG}") + "\n"
    assert_clean(world)
    undone = world.ekf("undo")
    assert undone.code == 0, undone
    assert undone.out.endswith(
        f"release-1.8 has again what the upgrade had dropped: {commit[:7]}\n"
    )
    assert snapshot(world)["refs"] == before["refs"]


@pytest.mark.parametrize("by_git", WAYS)
def test_with_a_resolution_that_is_remembered(world: World, by_git: bool) -> None:
    """That is taken where nothing else is said, and the commit left out where that is."""
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    world.git("config", "rerere.enabled", "true")
    assert world.ekf("upgrade").code == 3
    world.write(BIG, text(line29="by hand", **MINE))
    world.git("add", BIG)
    assert world.ekf("upgrade", "--abort").code == 0
    done = world.ekf("upgrade")
    assert (done.code, done.err) == (0, "")
    assert f"{BIG}: as it was resolved before" in done.out
    assert subjects(world)[1] == "More memory"
    assert world.ekf("undo").code == 0
    done = world.ekf("upgrade", "--drop", "superseded")
    assert (done.code, done.err) == (0, "")
    assert "  dropped   " in done.out
    assert "More memory" not in subjects(world)


@rare
def test_killed_before_the_skip(world: World) -> None:
    """Who resolves the conflict after all has the commit, and reads of no other."""
    assert world.ekf("upgrade").code == 3
    path = world.path / ".git/ekf/rebase"
    state = json.loads(path.read_text())
    commit = world.out("rev-parse", "REBASE_HEAD")
    state |= {"superseded": [commit], "dropped": [[commit, "superseded"]]}
    path.write_text(json.dumps(state))
    world.write(BIG, text(**MINE))
    world.git("add", BIG)
    done = world.ekf("upgrade", "--continue")
    assert done.code == 0, done
    assert "dropped" not in done.out
    assert subjects(world)[1] == "More memory"
    assert "dropped" not in world.ekf("undo").out


@pytest.mark.parametrize("by_git", [False, True])
def test_before_another_conflict(world: World, by_git: bool) -> None:
    """What was left out before a stop is told of at the stop, and when the rebase has ended."""
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    commit = world.stack()[3]
    world.commit(OTHER, text(line3="my other"), "Mine")
    world.save()
    stopped = world.ekf("upgrade", "--drop", "superseded")
    assert stopped.code == 3, stopped
    assert f"  dropped   {commit[:7]} More memory\n" in stopped.out
    world.write(OTHER, text(line3="both"))
    world.git("add", OTHER)
    done = world.ekf("upgrade", "--continue")
    assert (done.code, done.err) == (0, "")
    assert f"  dropped   {commit[:7]} More memory\n            {since(world)}\n" in done.out
    assert subjects(world) == ["Mine", "Last", "More", "Three replicas", "Settings"]


@rare
def test_commits_on_top_of_it(world: World) -> None:
    """They are foretold anew: what they change beside it arrives, what is in its way conflicts."""
    world.commit(BIG, text(line20="a line of mine", **MINE), "Another line")
    world.commit(BIG, text(line20="a line of mine", line5="the next", **MINE), "In the way")
    world.save()
    done = world.ekf("upgrade", "--plan", "--drop", "superseded")
    assert done.code == 1, done
    old = world.stack()
    assert f"  merged    {old[5][:7]} Another line\n" in done.out
    assert f"  CONFLICT  {old[6][:7]} In the way\n" in done.out
    stopped = world.ekf("upgrade", "--drop", "superseded")
    assert stopped.code == 3, stopped
    assert subjects(world)[0] == "Another line"
    assert world.ekf("upgrade", "--abort").code == 0
    assert_clean(world)


@rare
@pytest.mark.parametrize("by_git", WAYS)
def test_with_merges_and_a_migration(world: World, by_git: bool) -> None:
    """What is looked at are the commits as they are carried over."""
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    theirs = {BIG: None, "moved/big.yaml": text(line4="the vendor's own", **MINE)}
    vendor = vendor_commit(world, "release-1.9", theirs, "Move it")
    world.git("switch", "-q", "-c", "side", "HEAD~1")
    world.commit("own/side", "side\n", "Side")
    world.git("switch", "-q", "release-1.8")
    world.git("merge", "-q", "--no-edit", "--no-ff", "--no-verify", "side")
    script(world.path / "tools/migrate", f"#!/bin/sh\nmkdir moved && mv {BIG} moved/\n")
    migration = '[[upgrade.migrations]]\nto = "1.9"\ncommand = ["tools/migrate"]\n'
    world.git("add", "tools")
    world.commit(".ekf.toml", migration, "Migrate")
    assert world.ekf("trust", "--yes").code == 0
    commit = world.stack()[3]
    options = ("--flatten", "--drop", "superseded", "--no-save-check")
    done = world.ekf("upgrade", *options)
    assert (done.code, done.err) == (0, "")
    since = f"moved/big.yaml:3,30 (since {world.short(f'{vendor}^')})"
    assert f"  dropped   {commit[:7]} More memory\n" in done.out
    assert f"the vendor has all of it in another form, at {since}\n" in done.out
    assert subjects(world)[:3] == ["Migrate", "Merge branch 'side' into release-1.8", "Last"]
    assert "More memory" not in subjects(world)
    assert_clean(world)
    assert world.ekf("undo").code == 0


def test_where_the_branch_of_the_release_is_there_already(world: World) -> None:
    """The vendor's state is what that stands on; his newer commits are no matter."""
    world.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    world.commit("own/theirs", "theirs\n", "Theirs")
    world.git("branch", "-q", "--set-upstream-to=origin/release-1.9")
    world.git("push", "-q", "--no-verify", "internal", "release-1.9")
    world.git("switch", "-q", "release-1.8")
    vendor_commit(world, "release-1.9", {BIG: text()}, "Take it back")
    done = world.ekf("upgrade", "--drop", "superseded")
    assert (done.code, done.err) == (0, "")
    assert "  dropped   " in done.out
    assert "More memory" not in subjects(world, "release-1.8@{upstream}")
    assert "Theirs" in subjects(world, "release-1.8@{upstream}")


def test_attributes_of_later_commits(world: World) -> None:
    """What a first look has read of them has no part in the second."""
    world.commit(OTHER, text(line20="a line of mine"), "Before the attributes")
    world.commit(".gitattributes", f"{OTHER} -merge\n", "Attributes")
    world.commit(OTHER, text(line20="a line of mine", line25="and more"), "Behind them")
    world.save()
    old = world.stack()
    done = world.ekf("upgrade", "--plan", "--drop", "superseded")
    assert done.code == 1, done
    assert f"  merged    {old[5][:7]} Before the attributes\n" in done.out
    assert f"  CONFLICT  {old[7][:7]} Behind them\n" in done.out


def test_sync(world: World) -> None:
    theirs = {BIG: text(line4="the vendor's own", **MINE)}
    vendor_commit(world, "release-1.8", theirs, "Take more memory")
    plan = world.ekf("sync", "--plan")
    assert "1 of them is superseded" in plan.out, plan
    done = world.ekf("sync", "--drop", "superseded")
    assert (done.code, done.err) == (0, "")
    assert "  dropped   " in done.out
    assert "More memory" not in subjects(world, "origin/release-1.8")
    assert world.ekf("undo").code == 0
    assert "More memory" in subjects(world, "origin/release-1.8")


def test_what_is_left_out_asks_nothing_of_the_team(world: World, tmp_path: Path) -> None:
    """Another commit's file is no answer to its conflict."""
    team = make_team(tmp_path / "team")
    team.set_up(world)
    world.git("config", "commit.cleanup", "strip")  # git itself leaves it out then
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.commit(OTHER, text(line3="my other"), "Mine")
    world.save()
    assert world.ekf("upgrade", "--drop", "superseded", "--no-build").code == 3
    world.write(OTHER, text(line3="both"))
    world.git("add", OTHER)
    assert world.ekf("upgrade", "--continue", "--no-build").code == 0
    assert "More memory" not in subjects(world)
    shared = world.ekf("resolutions", "save")
    assert (shared.code, shared.out.count("  shared ")) == (0, 1), shared
    assert shared.out.splitlines()[0].endswith(f" {OTHER}")


@pytest.mark.parametrize("by_git", WAYS)
def test_nothing_to_drop(world: World, by_git: bool) -> None:
    """It is said, and the upgrade goes on."""
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    world.git("reset", "-q", "--hard", "HEAD~2")
    world.save()
    if not by_git:
        plan = world.ekf("upgrade", "--plan", "--drop", "superseded")
        assert (plan.code, plan.err) == (0, NOTHING)
    done = world.ekf("upgrade", "--drop", "superseded")
    assert (done.code, done.err) == (0, NOTHING)
    assert subjects(world) == ["More", "Three replicas", "Settings"]


def test_nothing_new_at_all(world: World) -> None:
    done = world.ekf("sync", "--drop", "superseded")
    assert (done.code, done.err) == (0, NOTHING)
    assert done.out.endswith("nothing to do\n")


def test_a_stop_of_an_older_version(world: World) -> None:
    """It noted nothing of superseded commits, and goes on."""
    assert world.ekf("upgrade").code == 3
    path = world.path / ".git/ekf/rebase"
    state = json.loads(path.read_text())
    for name in ("vendor", "drops", "superseded"):
        del state[name]
    path.write_text(json.dumps(state))
    done = world.ekf("upgrade", "--skip")
    assert (done.code, done.err) == (0, "")


def test_a_hint_is_never_dropped(world: World) -> None:
    """Neither a single hunk, nor a subject."""
    world.git("reset", "-q", "--hard", "HEAD~2")
    commit = world.commit(BIG, text(line3=MINE["line3"]), "Take more memory (#7)")
    world.save()
    vendor = world.short("origin/release-1.9")
    plan = world.ekf("upgrade", "--plan", "--drop", "superseded")
    assert (plan.code, plan.err) == (1, NOTHING)
    assert (
        f"  CONFLICT  {commit[:7]} Take more memory (#7)\n"
        f"            content: {BIG}\n"
        f"            hint: the vendor has the same hunk, at {BIG}:3 (since {vendor})\n"
        f"            hint: the vendor's {vendor} has the same subject\n"
    ) in plan.out
    stopped = world.ekf("upgrade", "--drop", "superseded")
    assert stopped.code == 3, stopped
    assert stopped.out.splitlines()[-2:] == [
        f"  hint: the vendor has the same hunk, at {BIG}:3 (since {vendor})",
        f"  hint: the vendor's {vendor} has the same subject",
    ]


def test_what_prefer_settles_is_no_conflict(world: World) -> None:
    done = world.ekf("upgrade", "--prefer", "local", "--drop", "superseded")
    assert (done.code, done.err) == (0, NOTHING)
    assert subjects(world)[1] == "More memory"


def test_wrong_usage(world: World) -> None:
    before = snapshot(world)
    done = world.ekf("upgrade", "--drop", "everything")
    assert done.code == 2, done
    assert "superseded" in done.err
    done = world.ekf("upgrade", "--continue", "--drop", "superseded")
    assert done.code == 2, done
    assert "--drop would have no effect with --continue" in done.err
    assert snapshot(world) == before


@pytest.mark.parametrize(
    ("answer", "code", "by_git"),
    [
        ("y", 0, False),
        ("n", 3, False),
        ("y", 0, True),
        pytest.param("n", 3, True, marks=rare),
    ],
)
def test_a_person_is_asked_once(world: World, answer: str, code: int, by_git: bool) -> None:
    if by_git:
        world.git("config", "commit.cleanup", "strip")
    commit = world.stack()[3][:7]
    child = world.in_terminal("upgrade")
    child.setwinsize(24, 250)
    child.expect_exact("Leave it out? [y/N]: ")
    assert f"{commit} More memory would conflict." in (child.before or "")
    assert since(world) in (child.before or "")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code, child.before
    assert "Leave it out?" not in (child.before or "")
    if answer == "y":
        assert f"dropped   {commit} More memory" in (child.before or "")
        assert subjects(world) == ["Last", "More", "Three replicas", "Settings"]
    else:
        assert world.out("rev-parse", "--short=7", "REBASE_HEAD") == commit


@rare
def test_a_person_is_asked_when_it_goes_on(world: World) -> None:
    """Of a commit that is superseded; at one that is not it stops."""
    world.git("reset", "-q", "--hard", "HEAD~2")
    world.commit(OTHER, text(line3="my other"), "Mine")
    world.commit(BIG, text(**MINE), "More memory")
    world.commit(BIG, text(line5="in the way", line31="too", **MINE), "Again")
    world.save()
    assert world.ekf("upgrade").code == 3
    world.write(OTHER, text(line3="both"))
    world.git("add", OTHER)
    command = ["upgrade", "--continue"]
    child = world.in_terminal(*command)
    child.expect_exact("More memory would conflict.")
    child.expect_exact("Leave it out?")
    child.sendline("y")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3, child.before
    assert "Stopped at commit 6 of 6" in (child.before or "")
    assert "dropped" in (child.before or "")
    assert subjects(world, "origin/release-1.9")[0] == "Mine"


def test_interrupted_at_the_question(world: World) -> None:
    before = snapshot(world)
    child = pexpect.spawn(str(GIT_EKF), ["upgrade"], cwd=str(world.path), timeout=60)
    child.expect_exact(b"Leave it out?")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert snapshot(world)["refs"] == before["refs"]
    assert_clean(world)


def test_interrupted_at_the_question_of_a_rebase(world: World) -> None:
    """It says how to go on, which the terminal shows below the question."""
    world.git("config", "commit.cleanup", "strip")
    before = snapshot(world)
    for how, code in (("--abort", 0), ("--skip", 0)):
        child = world.in_terminal("upgrade")
        child.setwinsize(24, 250)
        child.expect_exact("Leave it out?")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130
        assert (
            (child.before or "")
            .replace("\r\n", "\n")
            .endswith(
                "\ngit-ekf: interrupted; the upgrade has stopped half-way\n"
                "hint: git status shows where; then: git ekf upgrade --continue, or --abort\n"
            )
        )
        assert world.ekf("upgrade", how).code == code
        if how == "--abort":
            assert snapshot(world)["refs"] == before["refs"]
            assert_clean(world)
    assert subjects(world) == ["Last", "More", "Three replicas", "Settings"]


@rare
@pytest.mark.skipif(not MADE.exists(), reason="the real upgrades are not on this machine")
def test_no_commit_that_people_kept(tmp_path: Path) -> None:
    """Of 55 real upgrades: what is superseded was left behind, and is in what people made of them."""
    found = [row for row in made(tmp_path) if row.found and row.found.certain]
    assert len(found) == 17
    assert not any(row.kept for row in found)
    assert all(row.human for row in found)
