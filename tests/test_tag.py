"""git ekf tag: what it writes, in every way to say it, and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, Clone, Run, make_clone, run
from reach import rare

from git_ekf.git.tagobject import parse_tag
from git_ekf.record import parse

TODAY = "deploy/2026-11-20/release-1.8"


@pytest.fixture
def saved(clone: Clone) -> Clone:
    """A clone with one configuration commit that is on `internal`."""
    clone.commit(
        "apps/istio/overlays/deploy/kustomization.yaml",
        "resources:\n- ../../base\n",
        "Add the overlay",
    )
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    return clone


def tags(clone: Clone) -> list[str]:
    return clone.out("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags/deploy/").split()


def message(clone: Clone, name: str = TODAY) -> str:
    raw = clone.git("cat-file", "tag", name).out
    return parse_tag(raw.encode("utf-8", "surrogateescape")).message


def context(clone: Clone, name: str = TODAY) -> str:
    return parse(message(clone, name)).get("Context") or ""


def recorded(done: Run) -> str:
    """The name of the record that was written."""
    assert done.code == 0, done
    first, rest = done.out.split("\n", 1)
    assert (first.split()[0], rest, done.err) == ("Recorded", "Next: git ekf save\n", "")
    return first.split()[1]


def refused(clone: Clone, done: Run, code: int = 4) -> str:
    """What was said, when nothing was changed."""
    assert (done.code, done.out, tags(clone)) == (code, "", []), done
    assert done.err.startswith("git-ekf: ")
    assert "Traceback" not in done.err
    return done.err.removeprefix("git-ekf: ")


def script(path: Path, text: str) -> str:
    """An executable shell script; its path."""
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


# --- what is written ---


def test_all_fields_are_those_of_the_repository(saved: Clone) -> None:
    head, base = saved.out("rev-parse", "HEAD"), saved.out("rev-parse", "origin/release-1.8")
    assert recorded(saved.ekf("tag", "-m", "We added Istio.")) == TODAY
    expected = (
        "Date: 2026-11-20\n"
        "Local branch: release-1.8\n"
        f"Local SHA: {head}\n"
        "Upstream branch: origin/release-1.8\n"
        f"Upstream SHA: {base}\n"
        "Backup branch: internal/release-1.8\n"
        "Context: We added Istio.\n"
    )
    assert saved.git("cat-file", "tag", TODAY).out == (
        f"object {head}\ntype commit\ntag {TODAY}\ntagger Operator <operator@example.com> 1795168800 +0000\n\n{expected}"
    )
    shown = saved.git("tag", "-l", "-n9", TODAY).out.split()
    assert shown == [TODAY, *expected.split()]
    assert saved.rules() == []
    assert saved.ekf("show", TODAY).code == 0


def test_from_a_subdirectory(saved: Clone) -> None:
    assert recorded(run("git", "ekf", "tag", "-m", "x", cwd=saved.path / "apps")) == TODAY


def test_in_a_sha256_repository(tmp_path: Path) -> None:
    clone = make_clone(tmp_path, "sha256")
    name = recorded(clone.ekf("tag", "-m", "x"))
    assert parse(message(clone, name)).get("Local SHA") == clone.out("rev-parse", "HEAD")
    clone.git("push", "-q", "--follow-tags", "internal", "HEAD")
    assert clone.rules() == []


def test_under_other_names_for_remotes_and_branches(tmp_path: Path, internal: Path) -> None:
    from git_ekf.demo.sample import make_vendor

    make_vendor(str(tmp_path / "vendor.git"), pattern="v{version}-branch")
    run("git", "config", "--global", "ekf.branches.release", "v{version}-branch")
    run("git", "config", "--global", "ekf.remotes.primary", "vendor")
    run("git", "config", "--global", "ekf.remotes.internal", "ours")
    assert (
        run(
            "git-ekf", "clone", tmp_path / "vendor.git", tmp_path / "work", "--internal", internal
        ).code
        == 0
    )
    clone = Clone(tmp_path / "work")
    name = recorded(clone.ekf("tag", "-m", "x"))
    assert name == "deploy/2026-11-20/v1.10-branch"
    record = parse(message(clone, name))
    assert (record.get("Upstream branch"), record.get("Backup branch")) == (
        "vendor/v1.10-branch",
        "ours/v1.10-branch",
    )


def test_before_the_first_save_and_saved_with_it(clone: Clone) -> None:
    """The backup branch of the record arrives in the same push."""
    clone.commit("overlays/a.yaml", "a: 1\n")
    recorded(clone.ekf("tag", "-m", "First."))
    done = clone.ekf("save")
    assert done.code == 0, done
    assert clone.rules() == []


# --- the context ---


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-m", "One.", "-m", "Two."], "One.\n\nTwo."),
        (["--message", "  One.\nMore.  "], "One.\nMore."),
        (["-m", "a\r\nb\r\r\nc"], "a\nb\nc"),
        (["-m", '"quoted"'], '"quoted"'),
        (["-m", "'one' and 'two'"], "'one' and 'two'"),
        (["-m", "# no comment"], "# no comment"),
        (["-m", "Größe \u2028 \U0001f680"], "Größe \u2028 \U0001f680"),
        (["-m", "Date: 1999-01-01"], "Date: 1999-01-01"),
        (["-m", "x\nLocal SHA: 1\nContext: y"], "x\nLocal SHA: 1\nContext: y"),
        (["-m", "--sign"], "--sign"),
        (["-m", "\x1b[31mred"], "\x1b[31mred"),
        (["-m", "\udcff"], "\udcff"),
    ],
)
def test_context_from_m(clone: Clone, options: list[str], expected: str) -> None:
    recorded(clone.ekf("tag", *options))
    assert context(clone) == expected
    clone.git("push", "-q", "--follow-tags", "internal", "release-1.8")
    assert clone.rules() == []


def test_context_from_a_file_and_from_standard_input(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "why").write_bytes("We added Istio.\r\n\r\nGröße.\r\n\r\n".encode())
    assert (
        context(clone, recorded(clone.ekf("tag", "-F", str(tmp_path / "why"))))
        == "We added Istio.\n\nGröße."
    )
    piped = run("git-ekf", "tag", "--file", "-", cwd=clone.path, stdin="We piped it.\n")
    assert context(clone, recorded(piped)) == "We piped it."


@rare
def test_ten_megabytes_of_context(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "why").write_text("Why: because.\n" * 700_000, encoding="utf-8")
    recorded(clone.ekf("tag", "-F", str(tmp_path / "why")))
    assert len(context(clone)) == 14 * 700_000 - 1


def test_a_file_that_is_none(clone: Clone, tmp_path: Path) -> None:
    assert (
        refused(clone, clone.ekf("tag", "-F", "no such"), 5)
        == "no such: No such file or directory\nhint: ls -ld . 'no such'\n"
    )
    assert (
        refused(clone, clone.ekf("tag", "-m", "x", "-F", "-"), 2)
        == "-m and -F exclude each other\nhint: git ekf tag -h\n"
    )
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    assert "NUL" in refused(clone, clone.ekf("tag", "-F", str(tmp_path / "binary")))


@pytest.mark.parametrize("words", [["-m", ""], ["-m", " \n "], ["-F", "-"]])
def test_an_empty_context(clone: Clone, words: list[str]) -> None:
    assert (
        refused(clone, clone.ekf("tag", *words))
        == "the record lacks Context\nhint: git ekf tag -m CONTEXT\n"
    )


def test_an_empty_context_where_none_is_required(clone: Clone) -> None:
    clone.git("config", "ekf.tags.required", "Date")
    recorded(clone.ekf("tag", "-m", ""))
    assert message(clone).endswith("\nContext: \n")


def test_a_context_that_would_read_as_a_signature(clone: Clone) -> None:
    done = clone.ekf("tag", "-m", "x", "-m", "-----BEGIN PGP SIGNATURE-----")
    assert "could not be read back" in refused(clone, done)


# --- the editor ---


def edit(clone: Clone, command: str, *options: str, **environment: str) -> Run:
    return clone.ekf("tag", *options, env={"GIT_EDITOR": command, **environment})


def test_editor_gets_the_whole_message_and_the_commits(saved: Clone, tmp_path: Path) -> None:
    recorded(saved.ekf("tag", "-m", "First."))
    commits = [saved.commit(f"overlays/{name}.yaml", "a: 1\n", f"Add {name}") for name in "ab"]
    editor = script(
        tmp_path / "editor", 'cp "$1" "$HOME/seen"; sed -i "s/^Context: $/&We chose it./" "$1"\n'
    )
    name = recorded(edit(saved, editor, "--field", "Ticket=OPS-1"))
    assert name == "deploy/2026-11-20.2/release-1.8"
    assert context(saved, name) == "We chose it."
    seen = (Path(os.environ["HOME"]) / "seen").read_text(encoding="utf-8")
    assert seen == message(saved, name).replace("We chose it.", "") + (
        "\n"
        "# Write the context of the deployment behind Context; an empty one stops.\n"
        "#\n"
        f"# Configuration commits since {TODAY}:\n"
        f"#   {commits[1][:7]} Add b\n"
        f"#   {commits[0][:7]} Add a\n"
    )


def test_editor_on_the_first_record(saved: Clone) -> None:
    done = edit(saved, "cat")
    assert done.code == 4
    assert (
        f"# Configuration commits so far:\n#   {saved.out('rev-parse', '--short=7', 'HEAD')} Add the overlay\n"
        in done.out
    )
    assert done.err.startswith(
        "git-ekf: the context is empty; nothing was recorded\nhint: git ekf tag -m "
    )
    assert tags(saved) == []


def test_git_settings_do_not_get_into_the_comments(saved: Clone, tmp_path: Path) -> None:
    for setting in (
        "log.showSignature=true",
        "color.ui=always",
        "log.decorate=full",
        "i18n.logOutputEncoding=latin1",
    ):
        saved.git("config", *setting.split("="))
    saved.commit("overlays/b.yaml", "b: 1\n", "Größe")
    assert f"#   {saved.out('rev-parse', '--short=7', 'HEAD')} Größe\n" in edit(saved, "cat").out


def test_what_the_editor_leaves_is_read_leniently(saved: Clone, tmp_path: Path) -> None:
    head = saved.out("rev-parse", "--short", "HEAD")
    script_text = f"""cat > "$1" <<'END'
# a comment
CONTEXT: "We did it."

local sha: {head}
date: 2026-11-19
Upstream SHA: {saved.out("rev-parse", "origin/release-1.8")}
Local branch: release-1.8
Ticket: OPS-1
Upstream branch: origin/release-1.8
Backup branch: internal/release-1.8
END
"""
    name = recorded(edit(saved, script(tmp_path / "editor", script_text)))
    assert name == "deploy/2026-11-19/release-1.8", "the day is the one that was written"
    assert message(saved, name).startswith(
        f"Date: 2026-11-19\nLocal branch: release-1.8\nLocal SHA: {head}\n"
    )
    assert message(saved, name).endswith('\nTicket: OPS-1\nContext: "We did it."\n\nlocal') is False
    assert saved.rules() == []


@pytest.mark.parametrize("char", [";", "auto"])
def test_comment_char(saved: Clone, char: str) -> None:
    saved.git("config", "core.commentChar", char)
    shown = ";" if char == ";" else "#"
    assert f"\n{shown} Write the context" in edit(saved, "cat").out
    recorded(edit(saved, f"sed -i 's/^Context: $/&x\\n{'#1' if char == ';' else '1'} is done/'"))
    assert context(saved) == ("x\n#1 is done" if char == ";" else "x\n1 is done")


def test_editor_that_empties_the_file(saved: Clone) -> None:
    assert "the context is empty" in refused(saved, edit(saved, "truncate -s 0"))


def test_editor_that_removes_the_file(saved: Clone) -> None:
    assert "No such file" in refused(saved, edit(saved, "rm"), 5)


def test_editor_that_fails(saved: Clone) -> None:
    said = refused(saved, edit(saved, "exit 7 #"), 5)
    assert (
        said
        == "the editor ended with code 7; nothing was done\nhint: git ekf tag -m CONTEXT needs no editor\n"
    )


def test_editor_that_is_missing(saved: Clone) -> None:
    said = refused(saved, edit(saved, "no-such-editor"), 5)
    assert said.startswith(
        "the editor no-such-editor cannot be started: No such file or directory; nothing was done\nhint: "
    )
    done = edit(saved, "no-such-editor --wait")
    assert (done.code, tags(saved)) == (5, [])
    assert "the editor ended with code 127" in done.err


def test_no_editor_at_all(saved: Clone) -> None:
    done = run(
        "env",
        "-u",
        "GIT_EDITOR",
        "-u",
        "EDITOR",
        "-u",
        "VISUAL",
        "TERM=dumb",
        "git-ekf",
        "tag",
        cwd=saved.path,
    )
    assert "Terminal is dumb" in refused(saved, done, 5)


def test_the_editors_text_is_kept_when_it_is_refused(saved: Clone) -> None:
    done = edit(
        saved, "sed -i -e 's/^Local SHA: .*/Local SHA: abcdef/' -e 's/^Context: $/&We typed it./'"
    )
    said = refused(saved, done)
    kept = saved.path / ".git" / "TAG_EDITMSG"
    assert said.splitlines()[0].endswith(
        f"but the tag is on {saved.out('rev-parse', 'HEAD')}); your text is kept in {kept}"
    )
    assert "Context: We typed it.\n" in kept.read_text(encoding="utf-8")


def _heed_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in a shell's background ignores it


def spawn_tag(clone: Clone, editor: str) -> pexpect.spawn[str]:
    return pexpect.spawn(
        str(GIT_EKF),
        ["tag"],
        cwd=str(clone.path),
        timeout=60,
        encoding="utf-8",
        env={**os.environ, "GIT_EDITOR": editor},
        preexec_fn=_heed_interrupt,
    )


def test_interrupt_in_an_editor_that_dies_of_it(saved: Clone, tmp_path: Path) -> None:
    child = spawn_tag(saved, script(tmp_path / "editor", "echo ready\nexec sleep 60\n"))
    child.expect("ready")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in (child.before or "")
    assert tags(saved) == []


def test_interrupt_in_an_editor_that_takes_it_as_a_key(saved: Clone, tmp_path: Path) -> None:
    """As vi does; git, too, waits for the editor to end by itself."""
    text = 'trap "echo beep" INT\necho ready\nline=\nwhile [ -z "$line" ]; do read line; done\nsed -i "s/^Context: $/&$line/" "$1"\n'
    child = spawn_tag(saved, script(tmp_path / "editor", text))
    child.expect("ready")
    child.sendintr()
    child.expect("beep")
    child.sendline("Still here.")
    child.expect(f"Recorded {TODAY}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "Still here." in context(saved)


# --- further fields ---


def test_further_fields(saved: Clone) -> None:
    fields = ["Ticket=OPS-1", "Change  request = a=b: c ", "Note="]
    recorded(
        saved.ekf("tag", "-m", "x", *(word for field in fields for word in ("--field", field)))
    )
    assert message(saved).endswith("\nTicket: OPS-1\nChange request: a=b: c\nNote: \nContext: x\n")


def test_a_field_replaces_what_would_be_filled_in(saved: Clone) -> None:
    short = saved.out("rev-parse", "--short", "HEAD")
    recorded(
        saved.ekf(
            "tag",
            "--field",
            f"local sha={short}",
            "--field",
            "Context=y",
            "-m",
            "x",
            "--field",
            "A=1",
            "--field",
            "A=2",
        )
    )
    assert f"\nLocal SHA: {short}\n" in message(saved)
    assert message(saved).endswith("\nA: 2\nContext: y\n")


def test_a_date_as_a_field_is_the_date(saved: Clone) -> None:
    assert (
        recorded(saved.ekf("tag", "-m", "x", "--field", "date=2026-11-18"))
        == "deploy/2026-11-18/release-1.8"
    )


@pytest.mark.parametrize(
    "field",
    ["Ticket", "", "=x", "1=x", "a:b=c", "A: b=c", "A\n=b", "A=b\nc", "x" * 61 + "=y", "ä/ö=1"],
)
def test_no_field(clone: Clone, field: str) -> None:
    assert "is not a field\nhint: write it as --field" in refused(
        clone, clone.ekf("tag", "-m", "x", "--field", field), 2
    )


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("Local SHA=deadbeef", "Local SHA is deadbeef, but the tag is on"),
        ("Upstream SHA=deadbeef", "Upstream SHA deadbeef is not a commit of this repository"),
        (
            "Local branch=release-1.9",
            "Local branch is release-1.9, but the name makes it release-1.8",
        ),
        (
            "Backup branch=elsewhere",
            "Backup branch is elsewhere, but the name makes it internal/release-1.8",
        ),
    ],
)
def test_a_field_that_is_not_true(clone: Clone, field: str, said: str) -> None:
    assert said in refused(clone, clone.ekf("tag", "-m", "x", "--field", field))


def test_required_fields(clone: Clone) -> None:
    clone.write(".ekf.toml", '[tags]\nrequired = ["Context", "Change request"]\n')
    clone.commit(".ekf.toml", '[tags]\nrequired = ["Context", "Change request"]\n')
    said = refused(clone, clone.ekf("tag", "-m", "x"))
    assert (
        said
        == 'the record lacks Change request\nhint: git ekf tag --field "Change request=VALUE"\n'
    )
    assert refused(clone, clone.ekf("tag", "-m", "x", "--field", "Upstream SHA=")) == said
    recorded(clone.ekf("tag", "-m", "x", "--field", "change request=5"))
    assert "\nChange request: 5\n" in message(clone).replace("change", "Change")


# --- the day and the number ---


def test_the_next_free_names_of_a_day(clone: Clone) -> None:
    names = [recorded(clone.ekf("tag", "-m", "x")) for _ in range(3)]
    assert names == [TODAY, "deploy/2026-11-20.2/release-1.8", "deploy/2026-11-20.3/release-1.8"]
    clone.git("tag", "deploy/2026-11-20.9/release-1.8")
    clone.git("tag", "deploy/2026-11-20.50/release-1.9")
    assert recorded(clone.ekf("tag", "-m", "x")) == "deploy/2026-11-20.10/release-1.8", (
        "the number tells the order"
    )
    assert recorded(clone.ekf("tag", "-m", "x")) == "deploy/2026-11-20.11/release-1.8"


def test_each_release_counts_for_itself(clone: Clone) -> None:
    recorded(clone.ekf("tag", "-m", "x"))
    clone.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    assert recorded(clone.ekf("tag", "-m", "x")) == "deploy/2026-11-20/release-1.9"


@pytest.mark.parametrize("day", ["2024-02-29", "0001-01-01", "2026-11-19", "2026-11-21"])
def test_a_late_record(clone: Clone, day: str) -> None:
    """Tomorrow has begun further east."""
    name = recorded(clone.ekf("tag", "-m", "x", "--date", day))
    assert name == f"deploy/{day}/release-1.8"
    assert parse(message(clone, name)).get("Date") == day


@pytest.mark.parametrize(
    "day",
    [
        "2026-02-29",
        "2026-11-31",
        "0000-01-01",
        "2026-13-01",
        "20261120",
        "yesterday",
        "2026-11-20.2",
        "-1",
    ],
)
def test_a_day_that_does_not_exist(clone: Clone, day: str) -> None:
    said = refused(clone, clone.ekf("tag", "-m", "x", f"--date={day}"), 2)
    assert (
        said == f"{day} is not a valid date (YYYY-MM-DD)\nhint: a day that exists, as 2026-11-20\n"
    )


@pytest.mark.parametrize("option", ["--date=2026-11-22", "--field=Date=9999-12-31"])
def test_a_day_that_has_not_come(clone: Clone, option: str) -> None:
    """A slip here would stay the newest record for good."""
    said = refused(clone, clone.ekf("tag", "-m", "x", option), 2)
    assert said.endswith(
        " has not come yet: git's clock says 2026-11-20\nhint: git ekf tag, without --date\n"
    )


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-11-20T23:30:00+00:00", "2026-11-20"),
        ("2026-11-20T23:30:00-1200", "2026-11-20"),
        ("2026-11-20T00:30:00+1400", "2026-11-20"),
        ("@1795217400 +0545", "2026-11-21"),
        ("@1795217400 -0030", "2026-11-20"),
        ("@0 -0100", "1969-12-31"),
        ("2024-02-29T12:00:00Z", "2024-02-29"),
    ],
)
def test_today_is_the_committers(clone: Clone, time: str, day: str) -> None:
    name = recorded(clone.ekf("tag", "-m", "x", env={"GIT_COMMITTER_DATE": time}))
    assert name == f"deploy/{day}/release-1.8"
    assert (parse(message(clone, name)).get("Date") or "") == day


def test_today_in_the_time_zone_of_the_machine(clone: Clone) -> None:
    def day(zone: str) -> str:
        done = run(
            "env",
            "-u",
            "GIT_COMMITTER_DATE",
            f"TZ={zone}",
            "git-ekf",
            "tag",
            "-m",
            "x",
            cwd=clone.path,
        )
        return recorded(done).split("/")[1][:10]

    east, west = day("EAST-14"), day("WEST+12")
    assert west < east, "26 hours apart it is never the same day"


@pytest.mark.parametrize(("time", "code"), [("@99999999999999 +0000", 2), ("nonsense", 5)])
def test_a_clock_that_is_none(clone: Clone, time: str, code: int) -> None:
    refused(clone, clone.ekf("tag", "-m", "x", env={"GIT_COMMITTER_DATE": time}), code)


# --- signing ---


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """An SSH key, as git's user configuration has it; and who may sign with it."""
    path = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", path], check=True
    )
    signers = tmp_path / "signers"
    signers.write_text(
        "operator@example.com " + path.with_suffix(".pub").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", path),
        ("gpg.ssh.allowedSignersFile", signers),
    ):
        assert run("git", "config", "--global", name, value).code == 0
    return path


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("how", [["--sign"], ["-s"], "ekf.tags.sign", "tag.gpgSign"])
def test_signed_with_an_ssh_key(saved: Clone, how: str | list[str]) -> None:
    if isinstance(how, str):
        saved.git("config", how, "true")
    recorded(saved.ekf("tag", "-m", "One.", "-m", "Two.", *(how if isinstance(how, list) else [])))
    checked = saved.git("tag", "-v", TODAY)
    assert 'Good "git" signature for operator@example.com' in checked.err
    assert context(saved) == "One.\n\nTwo."
    assert saved.rules() == []


@pytest.mark.usefixtures("key")
def test_unsigned_unless_asked_for(saved: Clone) -> None:
    recorded(saved.ekf("tag", "-m", "x"))
    assert "SIGNATURE" not in message(saved)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            ["tag.gpgSign=true", "gpg.program=false"],
            "the record could not be signed: gpg failed to sign the data\n",
        ),
        (
            ["tag.gpgSign=true", "gpg.format=ssh"],
            "the record could not be signed: either user.signingkey or",
        ),
        (
            ["ekf.tags.sign=true", "gpg.format=ssh", "user.signingKey=/no/such/key"],
            "the record could not be signed: ",
        ),
    ],
)
def test_a_signature_that_cannot_be_made(clone: Clone, settings: list[str], said: str) -> None:
    for setting in settings:
        clone.git("config", *setting.split("="))
    told = refused(clone, clone.ekf("tag", "-m", "x"), 5)
    assert told.startswith(said)
    assert (
        told.splitlines()[-1]
        == "hint: git config user.signingKey KEY, and gpg.format ssh for an SSH key"
    )


@pytest.mark.usefixtures("key")
def test_a_git_that_leaves_the_signature_out(clone: Clone) -> None:
    """As git 2.39 does, with success, when the key is missing: no unsigned record stays behind."""
    clone.git("config", "user.signingKey", "/no/such/key")
    assert refused(clone, clone.ekf("tag", "-s", "-m", "x"), 5).startswith(
        "the record could not be signed: "
    )
    assert clone.ekf("undo").code == 4


def test_other_settings_that_interfere(saved: Clone) -> None:
    for setting in (
        "core.commentChar=D",
        "i18n.commitEncoding=latin1",
        "tag.sort=-taggerdate",
        "commit.cleanup=strip",
        "column.ui=always",
    ):
        saved.git("config", *setting.split("="))
    recorded(saved.ekf("tag", "-m", "Größe\n# 1"))
    assert context(saved) == "Größe\n# 1"
    assert saved.rules() == []


def test_without_an_identity(clone: Clone) -> None:
    clone.git("config", "user.useConfigOnly", "true")
    words = [
        "env",
        "-u",
        "GIT_COMMITTER_NAME",
        "-u",
        "GIT_COMMITTER_EMAIL",
        "-u",
        "EMAIL",
        "git-ekf",
        "tag",
        "-m",
        "x",
    ]
    assert "Please tell me who you are" in refused(clone, run(*words, cwd=clone.path), 5)


# --- refusals ---


def test_uncommitted_and_untracked_work(clone: Clone) -> None:
    clone.write("new file", "x")
    assert refused(clone, clone.ekf("tag", "-m", "x")).startswith(
        "there is uncommitted work: new file\nhint: git add"
    )
    clone.git("add", ".")
    assert refused(clone, clone.ekf("tag", "-m", "x")).startswith(
        "there is uncommitted work: new file\n"
    )
    clone.git("rm", "-qf", "new file")
    clone.write("VERSION", "changed")
    (clone.path / "README.md").unlink()
    assert refused(clone, clone.ekf("tag", "-m", "x")).startswith(
        "there is uncommitted work: README.md and 1 more\n"
    )


def test_ignored_files_are_nobodys_business(clone: Clone) -> None:
    clone.write(".git/info/exclude", "*.log\n")
    clone.write("x.log", "")
    recorded(clone.ekf("tag", "-m", "x"))


def test_no_release_branch(clone: Clone) -> None:
    said = "no release branch is checked out\nhint: git switch release-1.8\n"
    clone.git("switch", "-q", "--detach")
    assert refused(clone, clone.ekf("tag", "-m", "x")) == said
    clone.git("switch", "-q", "-c", "wip")
    assert refused(clone, clone.ekf("tag", "-m", "x")) == said
    clone.git("switch", "-q", "--orphan", "release-2.0")
    assert (
        refused(clone, clone.ekf("tag", "-m", "x"))
        == "release-2.0 has no commit yet\nhint: git ekf status\n"
    )


def test_outside_a_work_tree(internal: Path, tmp_path: Path) -> None:
    for place in (internal, tmp_path):
        done = run("git-ekf", "tag", "-m", "x", cwd=place)
        assert (done.code, done.out) == (4, ""), done


def test_a_broken_policy(clone: Clone) -> None:
    clone.git("merge", "-q", "--no-ff", "--no-verify", "-m", "Merge", "origin/release-1.9")
    said = refused(clone, clone.ekf("tag", "-m", "x"))
    assert said.startswith("the policy is broken (branch-base: ")
    assert said.endswith("\nhint: git ekf check\n")


def test_a_warning_stops_nothing(clone: Clone) -> None:
    clone.commit("apps/mine.yaml", "a: 1\n")
    assert clone.rules() == ["vendor-path"]
    recorded(clone.ekf("tag", "-m", "x"))


def test_a_wrong_record_does_not_stop_the_next(clone: Clone) -> None:
    clone.git("tag", "deploy/2026-11-19/release-1.8")
    recorded(clone.ekf("tag", "-m", "x"))


def test_an_operation_in_progress(clone: Clone) -> None:
    clone.git("merge", "--no-ff", "--no-commit", "origin/release-1.9", ok=False)
    assert (
        refused(clone, clone.ekf("tag", "-m", "x"))
        == "a merge is in progress\nhint: finish it: git status shows how\n"
    )


def test_a_channel_that_is_gone(clone: Clone) -> None:
    clone.git("update-ref", "-d", "refs/remotes/origin/release-1.8")
    assert "branch-base" in refused(clone, clone.ekf("tag", "-m", "x"))


# --- with others at the same moment ---


def test_two_at_once(clone: Clone) -> None:
    processes = [
        subprocess.Popen(
            ["git-ekf", "tag", "-m", str(n)],
            cwd=clone.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    names = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        if process.returncode == 0:
            names.append(out.split()[1])
        else:
            assert (process.returncode, err.splitlines()[0]) == (
                4,
                "git-ekf: another git-ekf command is at work in this repository",
            )
    assert sorted(names) == sorted(tags(clone))
    assert names


def taking_git(tmp_path: Path, name: str) -> str:
    """A PATH whose git, when asked to tag, first has somebody else take a name."""
    real = subprocess.run(
        ["sh", "-c", "command -v git"], capture_output=True, text=True, check=True
    ).stdout.strip()
    folder = tmp_path / "wrapper"
    folder.mkdir()
    take = f'[ "$1" = tag ] && {{ {name}\n"{real}" update-ref "refs/tags/$taken" HEAD; }}\n'
    script(folder / "git", f'{take}exec "{real}" "$@"\n')
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_name_taken_between(clone: Clone, tmp_path: Path) -> None:
    path = taking_git(tmp_path, f"taken={TODAY}")
    assert (
        recorded(clone.ekf("tag", "-m", "x", env={"PATH": path}))
        == "deploy/2026-11-20.2/release-1.8"
    )
    assert clone.out("cat-file", "-t", TODAY) == "commit", "the other one stays"
    assert clone.ekf("undo").code == 0
    assert tags(clone) == [TODAY]


def test_every_name_taken(clone: Clone, tmp_path: Path) -> None:
    """It gives up, and says so."""
    wanted = 'for word; do case "$word" in deploy/*) taken=$word;; esac; done'
    done = clone.ekf("tag", "-m", "x", env={"PATH": taking_git(tmp_path, wanted)})
    assert (done.code, done.out) == (5, "")
    assert (
        done.err
        == "git-ekf: the names of 2026-11-20 are being taken by somebody else\nhint: try again\n"
    )
