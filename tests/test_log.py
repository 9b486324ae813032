"""git ekf log and git ekf show: records read back, whoever wrote them and whatever has become of what they name."""

from __future__ import annotations

import json
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import EVERYTHING, long, rare

FIRST = "deploy/2026-11-20/release-1.8"
SECOND = "deploy/2026-11-20.2/release-1.8"
MANY = 10_000_000 if EVERYTHING else 1_000_000


def two_records(clone: Clone) -> None:
    clone.commit("overlays/a.yaml", "a: 1\n", "Add a")
    assert clone.ekf("tag", "-m", "First.").code == 0
    assert clone.ekf("save").code == 0
    clone.commit("overlays/b.yaml", "b: 1\n", "Add b")
    clone.commit("VERSION", "mine\n", "Change the version")
    assert clone.ekf("tag", "-m", "Second.", "-m", "With more to say.").code == 0


ARRANGED = {"two": two_records}


@pytest.fixture
def two(clone: Clone) -> Clone:
    """A clone with two records on two commits; the first one is saved."""
    return clone


def short(clone: Clone, revision: str) -> str:
    return clone.out("rev-parse", f"{revision}^{{}}")[:7]


def listed(clone: Clone, *options: str) -> list[str]:
    """The names that log lists, which are the same for a person and for a script."""
    names = [
        record["name"] for record in json.loads(clone.ekf("log", "--json", *options).out)["records"]
    ]
    lines = clone.ekf("log", *options).out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("deploy/")] == names
    return names


def shown(clone: Clone, *words: str, code: int = 0) -> str:
    done = clone.ekf("show", *words)
    assert (done.code, done.err) == (code, ""), done
    return done.out


def make(clone: Clone, *names: str) -> None:
    for name in names:
        clone.git("tag", "-a", "-m", "Context: x", f"deploy/{name}")


def wrong(done: Run, code: int = 2) -> str:
    assert (done.code, done.out) == (code, ""), done
    return done.err


# --- log ---


def test_log(two: Clone) -> None:
    done = two.ekf("log")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"{SECOND} ! {short(two, 'HEAD')}  Second.\n{FIRST}     {short(two, 'HEAD~2')}  First.\n! not on internal: git ekf save\n"
    )


def test_log_when_all_is_saved(two: Clone) -> None:
    assert two.ekf("save").code == 0
    assert "!" not in two.ekf("log").out
    assert "not on internal" not in two.ekf("log").out


def test_log_of_nothing(clone: Clone) -> None:
    done = clone.ekf("log")
    assert (done.code, done.out, done.err) == (
        0,
        "No deploy record. To write one: git ekf tag -m CONTEXT\n",
        "",
    )


def test_log_that_leaves_all_out(two: Clone) -> None:
    """It said that there was no record, and to write one."""
    for options, words in (
        (["--release", "1.9"], "of 1.9"),
        (["--since", "2027-01-01"], "since 2027-01-01"),
        (["--since", "2027-01-01", "--release", "1.8"], "of 1.8 since 2027-01-01"),
    ):
        assert two.ekf("log", *options).out == (
            f"No deploy record {words} is known here. All that are: git ekf log\n"
        )


def test_log_outside_a_repository(tmp_path: Path) -> None:
    for command in ("log", "show"):
        assert "not a git repository" in wrong(run("git-ekf", command, cwd=tmp_path), 4)


def test_log_in_a_bare_repository(two: Clone, internal: Path) -> None:
    assert FIRST in run("git-ekf", "log", cwd=internal).out


def test_order_by_day_number_and_release(clone: Clone) -> None:
    make(
        clone,
        "2026-11-20.9/release-1.8",
        "2026-11-20.10/release-1.8",
        "2026-11-20/release-1.8",
        "2026-11-20/release-1.10",
    )
    make(
        clone,
        "2026-11-20/release-1.9",
        "2026-11-21/release-1.8",
        "2025-12-31.2/release-1.8",
        "0001-01-01/release-1.8",
    )
    assert listed(clone) == [
        "deploy/2026-11-21/release-1.8",
        "deploy/2026-11-20.10/release-1.8",
        "deploy/2026-11-20.9/release-1.8",
        "deploy/2026-11-20/release-1.10",
        "deploy/2026-11-20/release-1.9",
        "deploy/2026-11-20/release-1.8",
        "deploy/2025-12-31.2/release-1.8",
        "deploy/0001-01-01/release-1.8",
    ]


def test_clock_skew_does_not_change_the_order(clone: Clone) -> None:
    make(clone, "2026-11-20/release-1.8")
    clone.git("tag", "-a", "-m", "x", SECOND, env={"GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"})
    assert listed(clone) == [SECOND, FIRST]


@pytest.mark.parametrize("release", ["1.9", "v1.9", "release-1.9"])
def test_log_of_a_release(clone: Clone, release: str) -> None:
    make(
        clone,
        "2026-11-20/release-1.8",
        "2026-11-20/release-1.9",
        "2026-11-20/release-1.90",
        "2026-11-20.2/release-1.9",
    )
    assert listed(clone, "--release", release) == [
        "deploy/2026-11-20.2/release-1.9",
        "deploy/2026-11-20/release-1.9",
    ]
    assert listed(clone, "--release", "7.7") == []


@pytest.mark.parametrize("release", ["main", "1.9*", "--all", "release-"])
def test_log_of_no_release(clone: Clone, release: str) -> None:
    assert (
        wrong(clone.ekf("log", f"--release={release}"))
        == f"git-ekf: {release} is not a release\nhint: git ekf releases lists them\n"
    )


def test_log_of_so_many_and_since(clone: Clone) -> None:
    make(
        clone,
        "2026-11-18/release-1.8",
        "2026-11-19/release-1.8",
        "2026-11-20/release-1.8",
        "2026-11-20/release-1.9",
    )
    assert len(listed(clone, "-n", "3")) == 3
    assert len(listed(clone, "--max-count", "9")) == 4
    assert listed(clone, "--since", "2026-11-19", "--release", "1.8") == [
        FIRST,
        "deploy/2026-11-19/release-1.8",
    ]
    assert listed(clone, "--since", "2026-11-19", "-n", "1", "--release", "1.8") == [FIRST]
    assert listed(clone, "--since", "2027-01-01") == []


@pytest.mark.parametrize(
    "options",
    [
        ["-n", "0"],
        ["-n", "-1"],
        ["-n", "x"],
        ["--since", "yesterday"],
        ["--since", "2026-02-30"],
        ["x"],
    ],
)
def test_log_of_no_number_or_day(clone: Clone, options: list[str]) -> None:
    assert "\nhint: " in wrong(clone.ekf("log", *options))


def test_a_long_context_is_cut(clone: Clone) -> None:
    assert clone.ekf("tag", "-m", "x" * 61).code == 0
    assert clone.ekf("tag", "-m", "y" * 60).code == 0
    lines = clone.ekf("log").out.splitlines()
    assert lines[0].endswith(" " + "y" * 60)
    assert lines[1].endswith(" " + "x" * 57 + "...")


# --- records that people made ---


def test_records_that_say_little_or_nothing(clone: Clone) -> None:
    clone.git("tag", "deploy/2026-11-17/release-1.8")
    clone.git("tag", "-a", "--cleanup=verbatim", "-m", "", "deploy/2026-11-18/release-1.8")
    clone.git("tag", "-a", "-m", "Deployed it!", "deploy/2026-11-19/release-1.8")
    clone.git("tag", "-a", "-m", "context: by hand", FIRST)
    head = short(clone, "HEAD")
    assert clone.ekf("log").out.splitlines()[:4] == [
        f"{FIRST} ! {head}  by hand",
        f"deploy/2026-11-19/release-1.8 ! {head}",
        f"deploy/2026-11-18/release-1.8 ! {head}",
        f"deploy/2026-11-17/release-1.8 ! {head}",
    ]
    assert "tag-lightweight: " in shown(clone, "2026-11-17", code=1)
    assert "tag-fields: " in shown(clone, "2026-11-18", code=1)


def test_names_that_are_wrong_are_left_to_check(clone: Clone) -> None:
    make(clone, "2026-02-30/release-1.8", "2026-11-20/main", "2026-11-20.1/release-1.8", "x")
    assert listed(clone) == []
    assert clone.rules().count("tag-name") == 4
    assert "there is no deploy record 2026-02-30" in wrong(clone.ekf("show", "2026-02-30"))


@pytest.mark.parametrize("what", ["HEAD^{tree}", "HEAD:VERSION"])
@pytest.mark.parametrize("options", [[], ["-a", "-m", "Context: x"]])
def test_a_record_on_no_commit(clone: Clone, what: str, options: list[str]) -> None:
    clone.git("tag", *options, FIRST, what)
    out = shown(clone, code=1)
    assert "\n  not verified:\n  error  " in out
    assert out.endswith("\nConfiguration commits:\n  none\n")
    clone.commit("overlays/a.yaml", "a: 1\n", "Add a")
    clone.git("push", "-q", "--no-follow-tags", "internal", "release-1.8")
    assert clone.ekf("tag", "-m", "Good.").code == 0
    out = shown(clone)
    assert "Configuration commits:\n" in out, (
        "there is nothing to compare with in the record before"
    )
    assert " 1 file changed" in out


def test_a_record_on_a_record(two: Clone) -> None:
    two.git("tag", "-a", "-m", "Context: nested", "deploy/2026-11-20.3/release-1.8", SECOND)
    out = shown(two, code=1)
    assert "tags a tag, not a commit" in out
    assert out.endswith(f"\nSince {SECOND}:\n  none\n")


def test_terminal_escapes_are_shown_and_not_obeyed(clone: Clone) -> None:
    clone.git("commit", "-q", "--allow-empty", "-m", "Clear \x1b[2J")
    clone.write("overlays/\x1b[31m", "")
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "Name")
    message = "Ticket: \x1b]0;title\x07\nContext: \x1b[31mred\x9b\r\n\u202eback\udcff\n"
    clone.git("tag", "-a", "--cleanup=verbatim", "-F", "-", FIRST, stdin=message)
    for out in (clone.ekf("log").out, shown(clone, code=1)):
        assert not [char for char in out if not char.isprintable() and char != "\n"]
        assert "\\x1b[31mred" in out
    assert "Clear \\x1b[2J" in out
    assert "\\u202eback\\xff" in out
    fields = json.loads(clone.ekf("log", "--json").out)["records"][0]["fields"]
    assert fields[1]["value"] == "\x1b[31mred\x9b\n\u202eback\\xff"


def import_tag(clone: Clone, name: str, head: str, body: bytes) -> None:
    """Stores a tag object as it is, whatever git thinks of it."""
    raw = (
        f"object {clone.out('rev-parse', 'HEAD')}\ntype commit\ntag {name}\ntagger O <o@example.com> 1 +0000\n{head}\n".encode()
        + body
    )
    oid = subprocess.run(
        ["git", "hash-object", "-t", "tag", "-w", "--literally", "--stdin"],
        cwd=clone.path,
        input=raw,
        capture_output=True,
        check=True,
    )
    clone.git("update-ref", f"refs/tags/{name}", oid.stdout.decode().strip())


@pytest.mark.parametrize(
    ("head", "body", "context"),
    [
        ("encoding ISO-8859-1\n", "Context: Größe".encode("latin-1"), "Größe"),
        ("encoding utf-16\n", b"Context: x", ""),
        ("encoding undefined\n", b"Context: x", "x"),
        ("encoding no-such\n", b"Context: x", "x"),
        ("", b"Context: a\0b", "a\0b"),
        ("", b"\x89PNG\r\n\x1a\n\0\0", ""),
        pytest.param("", b"Context: " + b"x" * MANY, "x" * MANY, marks=long),
        ("", b"Context: \r\n  one\r\n  two\r\n", "one\n  two"),
    ],
    ids=["latin-1", "utf-16", "undefined", "no-such", "nul", "binary", "megabytes", "crlf"],
)
def test_messages_of_every_kind(clone: Clone, head: str, body: bytes, context: str) -> None:
    import_tag(clone, FIRST, head, body)
    [record] = json.loads(clone.ekf("log", "--json").out)["records"]
    assert [
        "".join(field["value"] for field in record["fields"] if field["name"] == "Context")
    ] == [context]
    done = clone.ekf("log")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) < 120
    assert "tag-fields" in shown(clone, code=1)


def test_a_tag_without_any_message(clone: Clone) -> None:
    raw = f"object {clone.out('rev-parse', 'HEAD')}\ntype commit\ntag {FIRST}\ntagger O <o@example.com> 1 +0000\n"
    oid = clone.git(
        "hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=raw
    ).out.strip()
    clone.git("update-ref", f"refs/tags/{FIRST}", oid)
    assert listed(clone) == [FIRST]


# --- show ---


def test_show(two: Clone) -> None:
    head, base = two.out("rev-parse", "HEAD"), two.out("rev-parse", "origin/release-1.8")
    assert shown(two) == (
        f"{SECOND}   not on internal: git ekf save\n"
        "  Date:            2026-11-20\n"
        "  Local branch:    release-1.8\n"
        f"  Local SHA:       {head}\n"
        "  Upstream branch: origin/release-1.8\n"
        f"  Upstream SHA:    {base}\n"
        "  Backup branch:   internal/release-1.8\n"
        "  Context:         Second.\n"
        "\n"
        "                   With more to say.\n"
        "  verified: what it says is what the repository has\n"
        "\n"
        f"Since {FIRST}:\n"
        f"  {head[:7]} Change the version\n"
        f"  {short(two, 'HEAD~')} Add b\n"
        " VERSION         | 2 +-\n"
        " overlays/b.yaml | 1 +\n"
        " 2 files changed, 2 insertions(+), 1 deletion(-)\n"
    ).replace("\n\n                   With", "\n" + " " * 19 + "\n" + " " * 19 + "With")


def test_show_where_the_branch_was_set_back(two: Clone) -> None:
    """ "Since" that record "none" would read as if all of it were still there."""
    two.git("reset", "-q", "--hard", "HEAD~2")
    assert two.ekf("tag", "-m", "Back.").code == 0
    out = shown(two)
    assert f"\nNot in {SECOND}, which it does not build on:\n  none\n VERSION " in out
    assert "Since" not in out


def test_show_the_first_record(two: Clone) -> None:
    out = shown(two, FIRST)
    assert out.startswith(f"{FIRST}\n")
    assert out.endswith(
        f"\nConfiguration commits:\n  {short(two, FIRST)} Add a\n overlays/a.yaml | 1 +\n 1 file changed, 1 insertion(+)\n"
    )


def test_show_without_a_change(two: Clone) -> None:
    assert two.ekf("tag", "-m", "Again.").code == 0
    assert shown(two).endswith(f"\nSince {SECOND}:\n  none\n")


@pytest.mark.parametrize(
    "name", [SECOND, f"refs/tags/{SECOND}", "2026-11-20.2/release-1.8", "2026-11-20.2", ""]
)
def test_show_by_name(two: Clone, name: str) -> None:
    assert shown(two, name).startswith(SECOND)


def test_show_without_a_name_is_what_the_cluster_runs(two: Clone) -> None:
    assert shown(two).startswith(SECOND)
    two.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    assert shown(two).startswith(SECOND), "there is none of 1.9 yet"
    later = {"GIT_COMMITTER_DATE": "2026-11-20T11:00:00+00:00"}
    assert two.ekf("tag", "-m", "Moved.", env=later).code == 0
    two.git("push", "-q", "--no-verify", "internal", "release-1.9")
    for here in ("release-1.9", "release-1.8", "--detach"):
        two.git("switch", "-q", here)
        assert shown(two).startswith("deploy/2026-11-20/release-1.9")


def test_records_of_one_second(two: Clone) -> None:
    """Of the same second the number counts, then the release: in the prompt, too."""
    two.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    assert two.ekf("tag", "-m", "Moved.", "--no-fetch").code == 0
    assert two.ekf("show").out.startswith(SECOND)
    assert two.ekf("status", "--prompt").out.split()[-1] == "!1.8"
    assert two.ekf("tag", "-m", "Again.", "--no-fetch").code == 0
    two.git("switch", "-q", "release-1.8")
    assert two.ekf("show").out.startswith("deploy/2026-11-20.2/release-1.9")
    assert two.ekf("status", "--prompt").out.split()[-1] == "!1.9"


def test_wrong_names(two: Clone) -> None:
    for name in ("2026-11-19", "nonsense", "deploy/", "HEAD", "2026-11-2", "--", "../x", "*"):
        said = wrong(two.ekf("show", "--", name))
        assert said == f"git-ekf: there is no deploy record {name}\nhint: git ekf log lists them\n"
    assert wrong(two.ekf("show", "-x")).startswith("git-ekf: no such option: -x\nhint: ")
    assert "\\x1b[31m" in wrong(two.ekf("show", "\x1b[31m"))


def test_a_day_with_several_releases(two: Clone) -> None:
    make(two, "2026-11-20/release-1.9")
    said = wrong(two.ekf("show", "2026-11-20"))
    assert (
        said
        == f"git-ekf: 2026-11-20 could be {FIRST}, deploy/2026-11-20/release-1.9\nhint: git ekf log lists them\n"
        or (
            said
            == f"git-ekf: 2026-11-20 could be deploy/2026-11-20/release-1.9, {FIRST}\nhint: git ekf log lists them\n"
        )
    )
    assert shown(two, "2026-11-20/release-1.8").startswith(FIRST)


def test_show_without_any_record(clone: Clone) -> None:
    assert (
        wrong(clone.ekf("show"), 4) == "git-ekf: there is no deploy record yet\nhint: git ekf tag\n"
    )


def test_the_documentations_example(two: Clone) -> None:
    """Three fields and abbreviated SHAs: refused with the missing ones named; completed by hand it is as good as ours."""
    head, base = short(two, "HEAD"), two.out("rev-parse", "--short", "origin/release-1.8")
    three = f"Local SHA: {head}\nUpstream SHA: {base}\nContext: We added Istio.\n"
    name = "deploy/2026-11-19/release-1.8"
    two.git("tag", "-a", "-F", "-", name, stdin=three)
    assert (
        f"tag-fields: {name} lacks Date, Local branch, Upstream branch, Backup branch\n"
        in shown(two, name, code=1)
    )
    rest = "date: 2026-11-19\nlocal branch: release-1.8\nUPSTREAM BRANCH: origin/release-1.8\nBackup branch: internal/release-1.8\n"
    two.git("tag", "-a", "-f", "-F", "-", name, stdin=rest + "\n" + three)
    assert "  verified: " in shown(two, name)


def test_a_contradiction_is_named_and_a_warning_is_no_answer(two: Clone) -> None:
    make(two, "2026-11-21/release-1.8")
    assert (
        "\n  not verified:\n  error  tag-fields: deploy/2026-11-21/release-1.8 lacks Date"
        in shown(two, code=1)
    )
    two.git("config", "ekf.rules.tag-fields", "warning")
    assert "\n  verified, but:\n  warning  tag-fields: " in shown(two)
    two.git("config", "ekf.rules.tag-fields", "off")
    assert "  verified: what it says" in shown(two)


def test_a_record_that_no_branch_leads_to(two: Clone) -> None:
    two.git("reset", "-q", "--hard", "HEAD~2")
    two.git("reflog", "expire", "--expire=now", "--all")
    two.git("gc", "-q", "--prune=now")
    out = shown(two, SECOND)
    assert "  verified: " in out
    assert "Change the version\n" in out


def test_a_record_of_a_release_whose_channel_is_gone(two: Clone) -> None:
    two.git("update-ref", "-d", "refs/remotes/origin/release-1.8")
    two.git("update-ref", "-d", "refs/ekf/upstream/release-1.8")
    out = shown(two, FIRST)
    assert "Add a\n" in out
    assert "\nConfiguration commits:\n" in out
    assert listed(two) == [SECOND, FIRST]


def test_a_record_when_no_channel_is_left(two: Clone) -> None:
    two.git("remote", "remove", "origin")
    assert "Add a\n" in shown(two, FIRST)
    assert shown(two, SECOND).count("Add b\n") == 1


def test_a_signed_record(two: Clone, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    two.git("config", "gpg.format", "ssh")
    two.git("config", "user.signingKey", str(key))
    assert two.ekf("tag", "--sign", "-m", "Signed.", "-m", "Really.").code == 0
    out = shown(two)
    assert "SIGNATURE" not in out
    assert "Really.\n  verified: " in out
    assert "  Signed.\n" in two.ekf("log").out


def test_settings_that_interfere(two: Clone) -> None:
    before = shown(two), two.ekf("log").out
    for setting in (
        "log.showSignature=true",
        "color.diff=always",
        "diff.external=false",
        "diff.relative=true",
        "diff.noprefix=true",
        "diff.orderFile=no-such",
        "log.decorate=full",
        "core.pager=false",
        "pager.log=true",
        "i18n.logOutputEncoding=utf-16",
        "column.ui=always",
        "log.date=relative",
        "core.abbrev=40",
    ):
        two.git("config", *setting.split("="))
    assert (shown(two), two.ekf("log").out) == before
    assert run("git-ekf", "show", cwd=two.path / "apps").out == before[0]


def test_a_reader_that_leaves(two: Clone) -> None:
    done = subprocess.run(
        "git-ekf log | true", shell=True, cwd=two.path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


# --- many ---


@rare
def test_thousands_of_records(clone: Clone) -> None:
    count = 5000 if EVERYTHING else 300
    days = [str(date(2020, 1, 1) + timedelta(days=number)) for number in range(2000)]
    names = [f"deploy/{day}{number}/release-1.8" for day in days for number in ("", ".2", ".10")][
        :count
    ]
    head, base = (
        clone.out("rev-parse", "HEAD"),
        clone.out("merge-base", "origin/release-1.8", "HEAD"),
    )
    stream = []
    for name in reversed(names):
        message = (
            f"Date: {name[7:17]}\nLocal branch: release-1.8\nLocal SHA: {head}\nUpstream branch: origin/release-1.8\n"
            f"Upstream SHA: {base}\nBackup branch: internal/release-1.8\nContext: Record {name}.\n"
        )
        stream.append(
            f"tag {name}\nfrom {head}\ntagger O <o@example.com> 1 +0000\ndata {len(message)}\n{message}\n"
        )
    clone.git("fast-import", "--quiet", stdin="".join(stream))
    clone.git("push", "-q", "--no-verify", "--follow-tags", "internal", "release-1.8")
    assert listed(clone) == names[::-1]
    assert listed(clone, "-n", "2", "--since", names[-2][7:17]) == names[:-3:-1]
    assert f"Context:         Record {names[-1]}.\n  verified: " in shown(clone)
    assert f"\nSince {names[count // 2 - 1]}:\n" in shown(clone, names[count // 2])
    assert clone.rules() == []
    assert clone.ekf("tag", "-m", "x", "--date", days[7]).out.startswith(
        f"Recorded deploy/{days[7]}.11/release-1.8\n"
    )


def test_tags_that_are_not_called_as_records_are_named(two: Clone) -> None:
    assert "below deploy/" not in two.ekf("log").out
    two.git("tag", "deploy/first")
    make(two, "2026-02-30/release-1.8", "2026-11-20/main")
    names = ["deploy/2026-02-30/release-1.8", "deploy/2026-11-20/main", "deploy/first"]
    last = two.ekf("log").out.splitlines()[-1]
    assert last == (
        "3 tags below deploy/ not called as a record is, which git ekf check explains: "
        + ", ".join(names)
    )
    document = json.loads(two.ekf("log", "--json").out)
    assert document["misnamed"] == names
    assert "below deploy/" not in two.ekf("log", "--release", "1.8").out
    checked = two.ekf("check", "--all").out
    for name in names:
        done = two.ekf("show", name)
        said, hint = done.err.splitlines()
        assert (done.code, hint) == (2, f"hint: git show refs/tags/{name}")
        assert said.removeprefix("git-ekf: ").partition(": it counts as no")[0] in checked
        assert two.git("show", f"refs/tags/{name}").code == 0


def test_no_credentials_of_a_record_are_shown(clone: Clone) -> None:
    """Wherever they stand in it, for people and for scripts, also where the text is cut short."""
    secret, url = "hunter2", "https://user:hunter2hunter2hunter2hunter2hunter2@git.example.com/x"
    clone.commit("own/a", "1", f"From {url}")
    done = clone.ekf("tag", "-m", f"As in {url}", "-m", f"Also {url}", "--field", f"Ticket={url}")
    assert done.code == 0, done
    assert clone.ekf("save").code == 0
    for command in (
        "log",
        "show",
        "status",
        "log --json",
        "show --json",
        "status --json",
        "report",
    ):
        done = clone.ekf(*command.split(), *(["-o", "-"] if command == "report" else []))
        assert done.code == 0, done
        assert secret not in done.out + done.err, command
        assert "https://git.example" in done.out, command
    # What git keeps is what was written.
    assert secret in clone.out("cat-file", "tag", "deploy/2026-11-20/release-1.8")
