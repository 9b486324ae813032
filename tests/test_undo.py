"""undo, its journal, and a process killed at every step: afterwards it is as before or as after, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import long, rare, some
from test_rollback import FILE, record, state, switch, tree

from git_ekf import cli
from git_ekf.git.calls import Git
from git_ekf.transaction.journal import Journal, Operation

RECORDS = ("deploy/2026-11-19/release-1.8", "deploy/2026-11-20/release-1.8")


def two_records(clone: Clone) -> None:
    assert (record(clone, "first", "2026-11-19"), record(clone, "second")) == RECORDS


ARRANGED = {"two": two_records}


@pytest.fixture
def two(clone: Clone) -> Clone:
    """Two records of release-1.8, the second on its tip."""
    return clone


def journal(clone: Clone) -> Path:
    return clone.path / ".git/ekf/journal"


def refused(done: Run) -> list[str]:
    assert (done.code, done.out) == (4, ""), done
    return done.err.splitlines()


# --- what it takes back ---


def test_nothing_to_undo(clone: Clone) -> None:
    assert refused(clone.ekf("undo")) == [
        "git-ekf: there is nothing to undo",
        "hint: git reflog shows what git itself did",
    ]


def test_a_record(two: Clone) -> None:
    two.write("own/new", "a record touches no files")
    before = state(two)
    done = two.ekf("undo")
    assert (done.code, done.out, done.err) == (0, f"Undone: the tag of {RECORDS[1]}\n", "")
    assert two.out("tag", "-l") == RECORDS[0]
    assert {**state(two), "refs": ""} == {**before, "refs": ""}


def test_walks_back(two: Clone) -> None:
    before = state(two)
    two.ekf("rollback", RECORDS[0])
    middle = state(two)
    two.ekf("rollback", RECORDS[1])
    assert two.ekf("undo").code == 0
    assert state(two) == middle
    assert two.ekf("undo").code == 0
    assert state(two) == before
    assert two.ekf("undo").out == f"Undone: the tag of {RECORDS[1]}\n"
    two.ekf("rollback", RECORDS[0])
    assert two.ekf("undo").code == 0
    assert two.ekf("undo").out == f"Undone: the tag of {RECORDS[0]}\n"
    assert two.ekf("undo").code == 4


def arrange(clone: Clone, how: str) -> str:
    """Makes the rollback to the record returned one of that kind; HEAD is on release-1.8."""
    if how == "commit":
        return RECORDS[0]
    switch(clone, "release-1.9")
    name = record(clone, "nine")
    if how == "commit elsewhere":
        clone.commit(FILE, "nine and a half")
    clone.git("switch", "-q", "release-1.8")
    if how == "create":
        clone.git("branch", "-q", "-D", "release-1.9")
    elif how == "forward":
        clone.git("branch", "-q", "-f", "release-1.9", "release-1.9~1")
    return name


KINDS = ["commit", "commit elsewhere", "create", "forward", "switch"]


@pytest.mark.parametrize("how", KINDS)
def test_every_kind_of_rollback(two: Clone, how: str) -> None:
    name = arrange(two, how)
    before = state(two)
    assert two.ekf("rollback", name).code == 0
    assert state(two) != before
    done = two.ekf("undo")
    assert (done.code, done.err) == (0, "")
    branch = "release-1.8" if how == "commit" else "release-1.9"
    assert done.out == f"Undone: the rollback of {branch}\n" + (
        "" if how == "commit" else "On release-1.8 again\n"
    )
    assert state(two) == before


def test_settings_that_were_there_come_back(two: Clone) -> None:
    name = arrange(two, "create")
    two.git("config", "branch.release-1.9.remote", "elsewhere")
    two.git("config", "branch.release-1.9.description", "mine")
    settings = sorted(two.out("config", "--local", "--list").splitlines())
    assert two.ekf("rollback", name).code == 0
    assert two.out("rev-parse", "--abbrev-ref", "HEAD@{upstream}") == "origin/release-1.9"
    assert two.ekf("undo").code == 0
    assert sorted(two.out("config", "--local", "--list").splitlines()) == settings


# --- what it does not ---


def test_a_branch_that_moved_since(two: Clone) -> None:
    two.ekf("rollback", RECORDS[0])
    two.commit(FILE, "third")
    before = state(two)
    assert refused(two.ekf("undo")) == [
        "git-ekf: release-1.8 has moved since the rollback",
        "hint: git reflog release-1.8 shows where it was",
    ]
    assert state(two) == before


def test_a_record_that_moved_since(two: Clone) -> None:
    two.git("tag", "-f", "-a", "-m", "x", RECORDS[1])
    assert refused(two.ekf("undo"))[0] == f"git-ekf: {RECORDS[1]} has moved since the tag"


def test_another_branch_checked_out(two: Clone) -> None:
    two.ekf("rollback", arrange(two, "create"))
    two.git("switch", "-q", "release-1.8")
    before = state(two)
    assert refused(two.ekf("undo")) == [
        "git-ekf: release-1.9 is no longer checked out",
        "hint: git switch release-1.9, then: git ekf undo",
    ]
    assert state(two) == before


def test_the_branch_to_go_back_to_is_gone(two: Clone) -> None:
    two.ekf("rollback", arrange(two, "create"))
    two.git("branch", "-q", "-D", "release-1.8")
    before = state(two)
    assert refused(two.ekf("undo"))[0] == "git-ekf: release-1.8, where HEAD was, exists no longer"
    assert state(two) == before


def test_uncommitted_work_and_operations(two: Clone) -> None:
    two.ekf("rollback", RECORDS[0])
    two.write("own/new", "x")
    assert refused(two.ekf("undo"))[0] == "git-ekf: there is uncommitted work: own/new"
    (two.path / "own/new").unlink()
    (two.path / ".git/MERGE_HEAD").write_text(two.out("rev-parse", "HEAD~1") + "\n")
    assert refused(two.ekf("undo"))[0] == "git-ekf: a merge is in progress"
    (two.path / ".git/MERGE_HEAD").unlink()
    assert two.ekf("undo").code == 0


def test_a_published_record_stays(two: Clone) -> None:
    assert two.ekf("save").code == 0
    before = state(two)
    assert refused(two.ekf("undo")) == [
        f"git-ekf: {RECORDS[1]} is already on internal, and a published record stays",
        "hint: git ekf tag records what is deployed now",
    ]
    assert state(two) == before


def test_a_saved_rollback_stays_on_internal(two: Clone, internal: Path) -> None:
    before = two.out("rev-parse", "HEAD")
    two.ekf("rollback", RECORDS[0])
    new = two.out("rev-parse", "HEAD")
    assert two.ekf("save").code == 0
    assert two.ekf("undo").out.splitlines() == [
        "Undone: the rollback of release-1.8",
        "internal/release-1.8 has it, and keeps it: git ekf pull takes it here again",
    ]
    assert two.out("rev-parse", "HEAD") == before
    done = two.ekf("save")
    assert (done.code, done.err.splitlines()[-1]) == (4, "hint: git ekf pull")
    assert Clone(internal).out("rev-parse", "release-1.8") == new
    assert two.ekf("pull").code == 0
    assert two.out("rev-parse", "HEAD") == new


def test_what_was_on_internal_before_is_not_called_published_by_it(two: Clone) -> None:
    name = arrange(two, "switch")
    two.git("switch", "-q", "release-1.9")
    assert two.ekf("save").code == 0
    two.git("switch", "-q", "release-1.8")
    two.git("branch", "-q", "-D", "release-1.9")
    assert two.ekf("rollback", name).code == 0
    assert two.ekf("undo").out.splitlines() == [
        "Undone: the rollback of release-1.9",
        "On release-1.8 again",
    ]


# --- several work trees, several commands ---


def test_linked_work_trees(two: Clone, tmp_path: Path) -> None:
    other = two.work_tree(tmp_path / "other")
    two.ekf("rollback", RECORDS[0])
    before, there = state(two), other.out("rev-parse", "HEAD")
    assert refused(other.ekf("undo")) == [
        f"git-ekf: the rollback was made in the work tree {two.path}",
        f"hint: git -C {two.path} ekf undo",
    ]
    assert (state(two), other.out("rev-parse", "HEAD"), other.out("status", "--porcelain")) == (
        before,
        there,
        "",
    )
    assert run("git", "-C", two.path, "ekf", "undo").code == 0
    nine = record(other, "nine")
    other.commit(FILE, "nine and a half")
    assert other.ekf("rollback", nine).code == 0
    assert other.ekf("undo").code == 0
    assert (other.path / FILE).read_text() == "nine and a half"


HOLD = "import fcntl, sys\nf = open(sys.argv[1], 'a')\nfcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()\n"


def test_two_commands_exclude_each_other(two: Clone) -> None:
    before = state(two)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, two.path / ".git/ekf/lock"], stdin=-1, stdout=-1, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for command in (["undo"], ["rollback", RECORDS[0]], ["tag", "-m", "x"], ["save"]):
            assert refused(two.ekf(*command)) == [
                "git-ekf: another git-ekf command is at work in this repository",
                "hint: wait for it, then try again",
            ]
        assert two.ekf("status").code == 0
        assert two.ekf("rollback", "--dry-run", RECORDS[0]).code == 0
        assert state(two) == before
        holder.kill()
    assert two.ekf("undo").code == 0


# --- the journal ---


@rare
@pytest.mark.parametrize("what", ["tag", "rollback"])
def test_torn_at_every_byte(two: Clone, pristine: Callable[[], Clone], what: str) -> None:
    """A crash while "done" was written: whatever is left of the line, undo still takes it back."""
    before = settled_state(two)
    if what == "rollback":
        assert two.ekf("rollback", RECORDS[0]).code == 0
    pristine()
    whole = journal(two).read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(start, len(whole)):
        journal(two).write_bytes(whole[:cut])
        read = Journal(str(journal(two)))
        newest = read.operations[-1]
        assert (newest.command, newest.state) == (
            what,
            "done" if cut == len(whole) - 1 else "begun",
        ), cut
        if (cut - start) % 60 == 0 or cut == len(whole) - 1:
            assert two.ekf("undo").code == 0
            if what == "rollback":
                assert settled_state(two) == before, cut
            assert two.out("tag", "-l").splitlines() == list(RECORDS[: 1 if what == "tag" else 2])
            pristine()
    journal(two).write_bytes(whole[:start] + b'{"number": 9')
    assert two.ekf("tag", "-m", "after a torn line").code == 0
    assert two.ekf("undo").out.startswith("Undone: the tag of deploy/2026-11-20.2/release-1.8")


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\xff\xfe",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"{}",
        b'{"number": "x", "updates": []}',
        b'{"number": {}}',
        b'{"number": 1e999}',
        b"[" * 50_000,
    ],
)
def test_a_journal_with_rubbish(two: Clone, line: bytes) -> None:
    journal(two).write_bytes(b"\n" + line + b"\n\n" + journal(two).read_bytes() + line)
    done = two.ekf("undo")
    assert (done.code, done.err) == (0, "")
    assert two.out("tag", "-l") == RECORDS[0]


def test_a_journal_from_another_version(two: Clone) -> None:
    newest = json.loads(journal(two).read_bytes().splitlines()[-1])
    for changes in ({"notes": ["x"]}, {"state": "half"}):
        kept = journal(two).read_bytes()
        with journal(two).open("ab") as file:
            file.write(
                json.dumps({**newest, "number": 99, "command": "sync", **changes}).encode() + b"\n"
            )
        before = state(two)
        assert (
            refused(two.ekf("undo"))[0] == "git-ekf: another version of git-ekf made the last sync"
        )
        assert state(two) == before
        journal(two).write_bytes(kept)
    older = [
        {
            key: value
            for key, value in json.loads(line).items()
            if key not in ("worktree", "settings")
        }
        for line in kept.splitlines()
    ]
    journal(two).write_bytes(b"".join(json.dumps(values).encode() + b"\n" for values in older))
    assert two.ekf("undo").code == 0


def test_the_journal_is_tidied(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    book = Journal(path)
    sizes = []
    for number in range(1, 1201):
        operation = book.begin(Operation(0, "tag", (), "release-1.8", "release-1.8"))
        assert operation.number == number
        book.mark(operation, "done")
        sizes.append(os.path.getsize(path))
    assert max(sizes) < 250_000
    again = Journal(path)
    assert again.operations == book.operations
    assert again.last() == Operation(1200, "tag", (), "release-1.8", "release-1.8", "done")
    assert sorted(os.listdir(tmp_path)) == ["journal"]


# --- killed ---


def forked(clone: Clone, argv: list[str], prepare: Callable[[], None] = lambda: None) -> int:
    """Runs a command in a child of this process; its exit code, -9 when it was killed."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(clone.path)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            prepare()
            os._exit(cli.main(argv))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Killer:
    """Counts the steps of a process (git calls and journal writes, before and after each) and kills it at one."""

    def __init__(self, at: int, log: Path | None = None) -> None:
        self.at, self.log, self.count = at, log, 0

    def step(self, name: str) -> None:
        self.count += 1
        if self.log:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: object, name: str, shown: Callable[..., str]) -> None:
        inner = getattr(owner, name)

        def outer(*args: object, **kwargs: object) -> object:
            self.step(f"before {shown(*args)}")
            result = inner(*args, **kwargs)
            self.step(f"after {shown(*args)}")
            return result

        setattr(owner, name, outer)

    def install(self) -> None:
        changing = (
            "read-tree",
            "update-ref",
            "symbolic-ref",
            "update-index",
            "tag",
            "commit-tree",
            "config",
        )
        asking = {"--quiet", "--list", "--get-all"}
        run_git = Git._run

        def outer(git: Git, *args: str, **kwargs: object) -> object:
            if args[0] not in changing or asking & set(args):
                return run_git(git, *args, **kwargs)  # type: ignore[arg-type]
            self.step(f"before git {args[0]}")
            result = run_git(git, *args, **kwargs)  # type: ignore[arg-type]
            self.step(f"after git {args[0]}")
            return result

        Git._run = outer  # type: ignore[method-assign, assignment]
        self.around(Journal, "_append", lambda _journal, operation: f"journal {operation.state}")
        self.around(os, "unlink", lambda *_args: "unlink")


def everything(clone: Clone) -> set[str]:
    """All commits and tag objects there are, reachable or not: none may ever go."""
    lines = clone.out(
        "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"
    ).splitlines()
    return {line.split()[0] for line in lines if line.endswith((" commit", " tag"))}


def settled_state(clone: Clone) -> dict[str, str]:
    """The state with what differs from run to run left out: ids of commits made by a rollback (their tree stays)."""
    found = state(clone)
    refs = clone.out("for-each-ref", "--format=%(refname) %(tree) %(*tree) %(objecttype)")
    found["refs"] = without_holds(refs)
    return found


def without_holds(refs: str) -> str:
    """What a killed command held stays until the next one clears it away (hostile/test_repacks.py)."""
    return "\n".join(line for line in refs.splitlines() if "refs/ekf/hold/" not in line)


@pytest.fixture
def pristine(two: Clone) -> Callable[[], Clone]:
    """Brings the clone back to how it was when first asked."""
    spare = two.path.with_name("spare")

    def reset() -> Clone:
        if spare.exists():
            shutil.rmtree(two.path)
            shutil.copytree(spare, two.path, symlinks=True)
        else:
            shutil.copytree(two.path, spare, symlinks=True)
        return two

    return reset


# Steps of each command at which it is killed: git calls that change something and journal writes, before and after each.
STEPS = {
    ("do", "tag"): 13,
    ("do", "commit"): 18,
    ("do", "commit elsewhere"): 20,
    ("do", "create"): 14,
    ("do", "forward"): 10,
    ("do", "switch"): 8,
    ("undo", "tag"): 6,
    ("undo", "commit"): 8,
    ("undo", "commit elsewhere"): 10,
    ("undo", "create"): 14,
    ("undo", "forward"): 10,
    ("undo", "switch"): 8,
}
FOLLOWING = ("again", "tag", "status")


def cases_of(steps: list[str]) -> list[tuple[int, str]]:
    """The number of the step after which it is killed, and the command that follows.

    What undoes is tried after each step; the other commands in turn after every third.
    """
    cases = []
    for number in range(1, len(steps) + 1):
        cases.append((number, "undo"))
        if number % 3 == 0:
            cases.append((number, FOLLOWING[number // 3 % 3]))
    return cases


@long
@pytest.mark.parametrize(("direction", "how"), some(list(STEPS), 5))
def test_killed_at_every_step(
    two: Clone, pristine: Callable[[], Clone], tmp_path: Path, how: str, direction: str
) -> None:
    command = ["tag", "-m", "third"] if how == "tag" else ["rollback", arrange(two, how)]
    if direction == "undo":
        assert forked(two, command) == 0
        command = ["undo"]
    pristine()
    before = settled_state(two)
    log = tmp_path / "steps"
    assert forked(two, command, Killer(-1, log).install) == 0
    after = settled_state(two)
    assert before != after
    steps = log.read_text().splitlines()
    expected = STEPS[direction, how]
    cases = cases_of(steps)
    assert (len(steps), len(cases)) == (expected, expected + expected // 3), steps
    pristine()
    objects = everything(two)
    for number, following in some(cases, 8):
        step = steps[number - 1]
        pristine()
        assert forked(two, command, Killer(number).install) == -9, step
        found, begun = settled_state(two), unfinished(two)
        assert begun or found in (before, after), step
        if following == "undo":
            if begun:  # half a command is undone; an undo that was cut off is done
                assert forked(two, ["undo"]) == 0, step
                assert settled_state(two) == (before if direction == "do" else after), step
        elif following == "status":
            said = two.ekf("status")
            assert (said.code, " cut off" in said.out) == (0, begun), step
            assert settled_state(two) == found, step
        elif following == "tag":
            assert forked(two, ["tag", "-m", "next"]) == 0, step
            now = settled_state(two)
            assert {**now, "refs": ""} in ({**before, "refs": ""}, {**after, "refs": ""}), step
        elif command[0] == "rollback":
            assert forked(two, command) == 0, step
            assert settled_state(two) == after, step
        else:
            assert forked(two, command) == 0, step
        assert everything(two) >= objects, step
        assert following == "status" or not unfinished(two), step


def unfinished(clone: Clone) -> bool:
    return Journal(str(journal(clone))).unfinished() is not None


@rare
@pytest.mark.parametrize(
    ("moment", "whole"),
    some([*product(("writing files", "refs locked", "refs moved"), (False, True))], 2),
)
def test_killed_inside_git(two: Clone, moment: str, whole: bool) -> None:
    """git killed half-way through the files, or with its locks held; with or without us."""
    two.write("own/more/1", "x" * 100)
    two.write("own/zzz", "z")
    two.git("add", "-A")
    two.git("commit", "-q", "-m", "More")
    two.git("rm", "-q", "-r", "own/more")
    two.commit("own/killing", "away")
    two.git("rm", "-q", "own/killing")
    two.commit("own/aaa", "a")
    assert two.ekf("tag", "-m", "third").code == 0
    name = two.out("tag", "-l", "--sort=-refname", "deploy/2026-11-20.2/*")
    two.commit("own/killing", "away")
    two.git("rm", "-q", "own/aaa")
    two.commit(FILE, "fourth")
    ours = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); " if whole else ""
    if moment == "writing files":
        two.git("config", "filter.kill.smudge", f"{ours}kill -9 $PPID")
        (two.path / ".git/info/attributes").write_text("own/settings filter=kill\n")
    else:
        hook = two.path / ".git/hooks/reference-transaction"
        when = "prepared" if moment == "refs locked" else "committed"
        hook.write_text(
            f'#!/bin/sh\n[ "$1" = {when} ] || exit 0\n! grep -q refs/ekf/hold/ || exit 0\nrm "$0"\n{ours}kill -9 $PPID\n'
        )
        hook.chmod(0o755)
    before = settled_state(two)
    killed = two.ekf("rollback", name)
    # Where git fell after it had moved the refs, there is nothing to complain about.
    assert killed.code in ((-9,) if whole else (0,) if moment == "refs moved" else (4, 5)), killed
    assert "Traceback" not in killed.err
    (two.path / ".git/info/attributes").unlink(missing_ok=True)
    if unfinished(two) or killed.code == 0:
        done = insist(two, "undo")
        assert done.code == 0, done
    assert settled_state(two) == before
    assert insist(two, "rollback", name).code == 0
    assert tree(two, "HEAD") == tree(two, name)
    assert two.out("status", "--porcelain") == ""


def insist(clone: Clone, *args: str) -> Run:
    """Runs a command, and follows its hint where git has left a lock behind."""
    for _ in range(4):
        done = clone.ekf(*args)
        if "hint: rm -f " not in done.err:
            break
        assert done.code == 4
        os.unlink(done.err.split("hint: rm -f ")[1].strip())
    return done


def half_done(clone: Clone) -> None:
    """Kills a rollback after the files were written."""
    killer = Killer(-1)

    def install() -> None:
        killer.install()
        inner = killer.step

        def step(name: str) -> None:
            if name == "after git read-tree":
                os.kill(os.getpid(), signal.SIGKILL)
            inner(name)

        killer.step = step  # type: ignore[method-assign]

    assert forked(clone, ["rollback", RECORDS[0]], install) == -9
    assert (clone.path / FILE).read_text() == "first"


def test_what_was_changed_after_the_crash_is_not_lost(two: Clone) -> None:
    before = state(two)
    half_done(two)
    assert "in progress    a rollback that was cut off" in two.ekf("status").out
    two.write(FILE, "typed in after the crash")
    half = state(two)
    for command in (["undo"], ["tag", "-m", "x"], ["rollback", RECORDS[0]], ["save"]):
        assert refused(two.ekf(*command)) == [
            "git-ekf: a rollback was cut off, and own/settings was changed since",
            "hint: git stash -u, then: git ekf undo, then: git stash pop",
        ]
        assert state(two) == half
    assert refused(two.ekf("rollback", "--dry-run", RECORDS[0])) == [
        "git-ekf: a rollback was cut off",
        "hint: git ekf undo",
    ]
    two.git("stash", "-u")
    assert two.ekf("undo").out == "Undone: the rollback of release-1.8, which was cut off\n"
    two.git("stash", "pop", "-q")
    assert (two.path / FILE).read_text() == "typed in after the crash"
    two.git("checkout", "-q", "HEAD", "--", FILE)
    assert state(two) == before


def test_a_file_cut_off_while_it_was_written(two: Clone) -> None:
    before = state(two)
    half_done(two)
    two.write(FILE, "fir")
    note = two.ekf("tag", "-m", "third")
    assert (note.code, note.err) == (0, "note: a rollback was cut off; nothing of it is left\n")
    assert two.ekf("undo").code == 0
    assert state(two) == before


def test_what_was_committed_after_the_crash_is_theirs(two: Clone) -> None:
    half_done(two)
    two.git("commit", "-q", "-a", "-m", "mine")
    before = state(two)
    assert two.ekf("undo").out == "Undone: the rollback of release-1.8, which was cut off\n"
    assert state(two) == {**before, "refs": without_holds(before["refs"])}


def test_cut_off_in_another_work_tree(two: Clone, tmp_path: Path) -> None:
    other = two.work_tree(tmp_path / "other")
    before = state(two)
    half_done(two)
    there = other.out("rev-parse", "HEAD"), other.out("ls-files", "--stage")
    assert refused(other.ekf("undo")) == [
        f"git-ekf: a rollback was cut off in the work tree {two.path}",
        f"hint: git -C {two.path} ekf undo",
    ]
    assert (other.out("rev-parse", "HEAD"), other.out("ls-files", "--stage")) == there
    assert run("git", "-C", two.path, "ekf", "undo").code == 0
    assert {**state(two), "refs": "", "config": ""} == {**before, "refs": "", "config": ""}
