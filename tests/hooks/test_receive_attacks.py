"""Pushes that mean harm, and servers and networks that fail: nothing bad gets in, and nothing is half there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import run
from hooktools import script
from reach import rare
from servertools import BRANCH, RECORD, UPSTREAM, Site, packet, said

ZERO = "0" * 40
NAME = "deploy/2026-11-21/release-1.8"


# --- what is pushed ---


def test_records_of_something_else(site: Site) -> None:
    work = site.work
    good = site.record(NAME, Date="2026-11-21")
    text = work.out("cat-file", "tag", good).partition("\n\n")[2]
    nested = work.out("rev-parse", good)
    for what, rule in (
        ("HEAD^{tree}", "tag-mismatch"),
        ("HEAD:own/a", "tag-mismatch"),
        (nested, "tag-mismatch"),
    ):
        work.git("tag", "-a", "-f", "-F", "-", "other", what, stdin=text)
        done = site.refused(rule, f"refs/tags/other:refs/tags/{NAME}")
        kind = work.out("cat-file", "-t", what)
        assert f"{NAME}: tags a {kind}, not a commit" in done.err
    for what in ("HEAD^{tree}", "HEAD:own/a", "HEAD"):
        site.refused("tag-lightweight", f"{what}:refs/tags/{NAME}")
    # Another record's object: true, but of another name.
    site.refused("tag-mismatch", f"refs/tags/{RECORD}:refs/tags/{NAME}")
    site.accepted(good)
    site.sound()


def test_a_forged_claim_of_what_the_vendor_published(site: Site) -> None:
    """With a mirror nobody's word counts but its own, whatever else the push brings along."""
    work = site.work
    site.server.git("config", "ekf.server.mirror", str(site.vendor))
    merge = site.merge()
    for forged in (
        f"{merge}:{UPSTREAM}",
        f"{BRANCH}:{UPSTREAM}",
        f"{merge}:refs/ekf/upstream/release-1.9",
    ):
        site.refused("upstream-moved", forged)
        site.refused(
            "upstream-moved", forged, f"{work.out('rev-parse', 'HEAD')}:refs/ekf/backup/{BRANCH}/1"
        )
    # By any other name it is nobody's claim.
    site.accepted(f"{merge}:refs/tags/upstream/release-1.8", f"{merge}:refs/ekf/backup/{BRANCH}/1")
    site.refused("ref-name upstream-moved", f"{merge}:refs/ekf/upstream/release-1.8/x")
    site.refused("ref-name", f"{merge}:refs/ekf/upstreams/release-1.9")
    site.refused("linear-history", f"{merge}:refs/heads/{BRANCH}")


def test_a_replaced_commit_is_judged_as_it_is(site: Site) -> None:
    """Somebody with access to the server has made git show the merge as another commit."""
    merge = site.merge()
    site.accepted(f"{merge}:refs/tags/plain")
    site.server.git("replace", merge, site.server.out("rev-parse", BRANCH))
    site.refused("linear-history", f"{merge}:refs/heads/{BRANCH}")


CRAFTED = [
    "$(reboot)",
    "`reboot`",
    "a;reboot",
    "a'b\"c",
    "-rf",
    "a|b&c",
    "\u202egnp.exe",
    "a\u2028b",
    "\udcff",
    "🙂",
    "{a,b}",
    "!x",
    "a=b",
]


def test_names_for_shells_terminals_and_globs(site: Site) -> None:
    """Shown escaped, and quoted in what a person may paste."""
    tip = site.work.out("rev-parse", "HEAD")
    for kind, rule in (
        ("refs/heads/", "branch-name"),
        ("refs/tags/deploy/", "tag-lightweight"),
        ("refs/odd/", "ref-name"),
    ):
        done = site.push(*(f"{tip}:{kind}{name}" for name in CRAFTED))
        assert done.code == 1
        assert rule in said(done)
    lines = [f"{ZERO} {tip} refs/tags/deploy/{name}" for name in CRAFTED]
    for number, line in enumerate(lines):
        done = site.judge(line)
        assert done.code == 1
        assert done.err.replace("\n", "").isprintable(), done
        [fix] = [
            text.partition("fix: ")[2]
            for text in done.err.splitlines()
            if "fix: git tag -d" in text
        ]
        words = shlex.split(fix.partition(",")[0] if "," not in CRAFTED[number] else fix)
        assert words[3].removeprefix("$").startswith("deploy/")  # $'…' for what is not printable
    assert site.server.out("for-each-ref", "refs/odd", "refs/tags/deploy") == site.work.out(
        "for-each-ref", "refs/tags/deploy"
    )


@rare
def test_ten_thousand_refs(site: Site, tmp_path: Path) -> None:
    """Judged together: the number of questions to git does not grow with them, and neither does what is said."""
    count = tmp_path / "count"
    git = shutil.which("git")
    script(tmp_path / "bin" / "git", f'echo >>{count}; exec {git} "$@"')
    tip, record = (site.server.out("rev-parse", name) for name in (BRANCH, RECORD))
    site.server.git("config", "ekf.branches.allow", "wip/*")
    path = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def judge(*lines: str) -> tuple[int, list[str], int]:
        count.write_text("")
        done = run(
            "git-ekf",
            "hook",
            "1",
            "pre-receive",
            cwd=site.server.path,
            stdin="".join(f"{line}\n" for line in lines),
            env=path,
        )
        return done.code, done.err.splitlines(), count.read_text().count("\n")

    fine = [f"{ZERO} {tip} refs/heads/wip/{number}" for number in range(10_000)]
    assert judge(*fine) == (0, [], 3)
    site.server.git(
        "update-ref", "--stdin", stdin="".join(f"create {line[82:]} {tip}\n" for line in fine)
    )
    moved = [f"{tip} {tip}{line[81:]}" for line in fine]
    code, said, asked = judge(*moved)
    assert (code, said) == (0, [])
    assert asked <= 5
    days = [
        f"{2000 + number // 300}-{number // 25 % 12 + 1:02}-{number % 25 + 1:02}"
        for number in range(6_000)
    ]
    code, said, asked = judge(
        *(f"{ZERO} {record} refs/tags/deploy/{day}/release-1.8" for day in days)
    )
    assert (code, len(said), said[-1]) == (1, 12, "  error  tag-mismatch: 11995 more")
    assert asked <= 14
    code, said, asked = judge(
        *(f"{ZERO} {tip} refs/heads/release-2.{number}" for number in range(10_000))
    )
    assert (code, len(said)) == (1, 12)
    assert asked <= 6


def test_a_backup_that_git_will_not_make(site: Site) -> None:
    """Without --atomic git makes the other updates all the same, so such a ref keeps nothing."""
    work = site.work
    tip = site.server.out("rev-parse", BRANCH)
    other = work.out("commit-tree", "HEAD^{tree}", "-p", f"origin/{BRANCH}", "-m", "Begin anew")
    site.accepted(f"{tip}:refs/ekf/backup/{BRANCH}/1")
    site.accepted(f"{tip}:refs/heads/{BRANCH}", f"{tip}:refs/tags/kept/here")
    backup = f"refs/ekf/backup/{BRANCH}"
    moved = work.commit("own/a", "2\n")
    site.accepted(BRANCH)
    # A directory where a file is, and the other way round.
    for kept in (f"{backup}/1/2", "refs/heads/release-1.8/1"):
        site.refused(
            "ref-name rewrite-unsaved"
            if "backup" in kept
            else "ref-name branch-name rewrite-unsaved",
            f"{moved}:{kept}",
            f"+{other}:{BRANCH}",
        )
    site.refused("ref-name", f"{moved}:refs/tags/kept")
    site.refused(
        "ref-name rewrite-unsaved",
        f"{moved}:{backup}/2",
        f"{moved}:{backup}/2/3",
        f"+{other}:{BRANCH}",
    )
    # What no client of git sends, the objects being there.
    site.accepted(f"{other}:refs/tags/other")
    rewrite = f"{moved} {other} refs/heads/{BRANCH}"
    for lines, wrong in (
        (
            [f"{ZERO} {moved} {backup}/a..b", rewrite],
            f"{backup}/a..b is not a valid ref name",
        ),
        (
            [f"{ZERO} {moved} {backup}/a b", rewrite],
            f"{backup}/a b is not a valid ref name",
        ),
        (
            [f"{tip} {moved} refs/heads/release-1.9", rewrite],
            "refs/heads/release-1.9 is not there any more",
        ),
        (
            [f"{ZERO} {moved} refs/tags/kept/here", rewrite],
            f"refs/tags/kept/here has moved on the server, to {tip[:12]}",
        ),
        (
            [f"{moved} {moved} refs/heads/{BRANCH}", rewrite],
            f"refs/heads/{BRANCH} is in the push twice",
        ),
    ):
        done = site.judge(*lines)
        assert done.code == 1
        assert f"ref-name: {wrong}" in done.err, done
        assert "rewrite-unsaved" in done.err, done
    site.refused("rewrite-unsaved", f"{moved}:{backup}/2", f"+{other}:{BRANCH}")
    site.accepted(f"{moved}:{backup}/2")
    site.accepted(f"+{other}:{BRANCH}")
    site.sound()


def test_another_name_for_a_branch(site: Site) -> None:
    site.server.git("config", "ekf.branches.allow", "main")
    site.server.git("symbolic-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
    for pushed in (f"{site.merge()}:refs/heads/main", ":refs/heads/main", "HEAD^:refs/heads/main"):
        done = site.push("--force", pushed)
        assert (done.code, "ref-name" in said(done)) == (1, True)
        assert f"refs/heads/main is another name for refs/heads/{BRANCH} on the server" in done.err
    # One that goes forward, of a branch that is moved every day.
    site.accepted(f"origin/{BRANCH}:refs/ekf/upstream/release-1.9")
    site.server.git("symbolic-ref", "refs/heads/release-1.9", f"refs/heads/{BRANCH}")
    site.work.commit("own/a", "2\n")
    site.refused("ref-name", "HEAD:refs/heads/release-1.9")
    site.accepted(BRANCH)
    site.sound()


def test_a_history_of_its_own(site: Site) -> None:
    """It shares nothing with the vendor's, so no upgrade could carry it over."""
    tip = site.server.out("rev-parse", BRANCH)
    root = site.work.out("commit-tree", "HEAD^{tree}", "-m", "Begin anew")
    site.refused("branch-base", f"{tip}:refs/ekf/backup/{BRANCH}/1", f"+{root}:{BRANCH}")


def test_a_record_with_two_heads(site: Site) -> None:
    """git reads the first object and type of a tag, whatever else is there."""
    work = site.work
    name = site.record(NAME, Date="2026-11-21")
    head, _, body = work.out("cat-file", "tag", name).partition("\n\n")
    tip, tree = work.out("rev-parse", "HEAD"), work.out("rev-parse", "HEAD^{tree}")
    forged = f"object {tree}\ntype tree\ntag {NAME}\ntagger x <x> 0 +0000\n{head}\n\n{body}\n"
    oid = work.git(
        "hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=forged
    ).out.strip()
    assert work.out("rev-parse", f"{oid}^{{}}") == tree
    work.git("update-ref", f"refs/tags/{NAME}", oid)
    done = site.refused("tag-date tag-mismatch", f"refs/tags/{NAME}")
    assert f"{NAME}: tags a tree, not a commit" in done.err
    assert f"{NAME}: tags a tree, not a commit" in work.ekf("check", "--all").out
    renamed = head.replace(f"tag {NAME}", f"tag x/{NAME}")
    work.git(
        "update-ref",
        f"refs/tags/{NAME}",
        work.git("mktag", stdin=f"{renamed}\n\n{body}\n").out.strip(),
    )
    assert (
        "the tag says of itself that it is x/"
        in site.refused("tag-mismatch", f"refs/tags/{NAME}").err
    )
    # Names that look like object ids.
    work.git("tag", "deadbeef", tip)
    work.git("tag", "beefbeef", f"origin/{BRANCH}")
    site.accepted("refs/tags/deadbeef", "refs/tags/beefbeef")
    site.refused("tag-mismatch", site.record(NAME, Date="2026-11-21", Local_SHA="deadbeef"))
    site.refused("tag-mismatch", site.record(NAME, Date="2026-11-21", Upstream_SHA="beefbeef"))
    site.refused("ref-name", f"{tip}:refs/tags/Deploy/2026-11-21/{BRANCH}")
    site.accepted(site.record(NAME, Date="2026-11-21"))


def test_commits_that_only_a_record_brings(site: Site) -> None:
    """They are judged as those of its branch are."""
    work = site.work
    merge = site.merge()
    site.refused("linear-history", site.record(NAME, merge, Date="2026-11-21"))
    work.commit("own/b", "1\n")
    site.accepted(
        site.record(NAME, Date="2026-11-21")
    )  # as `git push --tags` does before the branch
    site.accepted(BRANCH)


def test_a_record_of_another_branch(site: Site) -> None:
    """Each line of it may be true by itself: the vendor's commit is under the tagged one, and on the channel."""
    work = site.work
    shared = work.out("merge-base", f"origin/{BRANCH}", "origin/release-1.9")
    work.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    work.commit("own/a", "1\n")
    vendor = "origin/release-1.9:refs/ekf/upstream/release-1.9"
    nine = {
        "Local_branch": "release-1.9",
        "Upstream_branch": "origin/release-1.9",
        "Backup_branch": "internal/release-1.9",
    }
    honest = site.record(
        "deploy/2026-11-21/release-1.9",
        Date="2026-11-21",
        Upstream_SHA=work.out("rev-parse", "HEAD^"),
        **nine,
    )
    false = site.record(NAME, Date="2026-11-21", Upstream_SHA=shared)
    site.refused("tag-mismatch branch-base", false, honest, "release-1.9", vendor)
    site.accepted(honest, "release-1.9", vendor)
    site.refused("tag-mismatch branch-base", false)
    # What is all the vendor's stands on itself.
    site.refused(
        "tag-mismatch branch-base",
        site.record(NAME, "origin/release-1.9", Date="2026-11-21", Upstream_SHA=shared),
    )


def test_records_one_above_another(site: Site, tmp_path: Path) -> None:
    """The questions to git do not grow with their number, although no branch has their commits."""
    work = site.work
    lines = []
    for number in range(1, 29):
        work.commit("own/b", f"{number}\n")
        name = site.record(f"deploy/2025-12-{number:02}/{BRANCH}", Date=f"2025-12-{number:02}")
        lines.append(f"{ZERO} {work.out('rev-parse', name)} refs/tags/{name}")
    site.accepted(
        "HEAD:refs/tags/here",
        *(f"{line.split()[1]}:refs/tags/{number}" for number, line in enumerate(lines)),
    )
    count, git = tmp_path / "count", shutil.which("git")
    script(tmp_path / "bin" / "git", f'echo >>{count}; exec {git} "$@"')
    path = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = run(
        "git-ekf",
        "hook",
        "1",
        "pre-receive",
        cwd=site.server.path,
        stdin="\n".join([*lines, ""]),
        env=path,
    )
    assert done.code == 0, done
    assert count.read_text().count("\n") <= 15


@rare
def test_a_file_of_lines_that_are_empty(site: Site) -> None:
    """Comparing it would take 40 times its size."""
    work = site.work
    (work.path / "own/big").write_bytes(b"\n" * 30_000_000)
    for number in range(50):
        (work.path / f"own/marked-{number}").write_text("<<<<<<< ours\n")
    work.git("add", "-A")
    work.git("commit", "-q", "-m", "Big")
    bounded = "--receive-pack=ulimit -v 600000; git-receive-pack"
    done = site.push(bounded, BRANCH)
    assert (done.code, said(done)) == (1, ["conflict-marker"]), done
    assert "conflict-marker: 45 more" in done.err
    work.git("rm", "-q", "-r", *(f"own/marked-{number}" for number in range(50)))
    work.git("commit", "-q", "--amend", "-m", "Big")
    site.accepted(bounded, BRANCH)


@rare
def test_a_record_of_many_megabytes(site: Site) -> None:
    """It is judged to its end."""
    long = "Long.\n" * 400_000
    site.accepted(site.record(NAME, Date="2026-11-21", Context=long))
    site.refused(
        "tag-mismatch",
        site.record(
            "deploy/2026-11-22/release-1.8", Date="2026-11-22", Context=f"{long}L\u043ecal SHA: 1\n"
        ),
    )
    blob = site.work.git("hash-object", "-w", "--stdin", stdin=long).out.strip()
    site.refused("tag-lightweight", f"{blob}:refs/tags/deploy/2026-11-23/release-1.8")


@rare
def test_dozens_of_records_of_a_megabyte(site: Site) -> None:
    """On the wire they are as good as nothing."""
    body = site.work.out("cat-file", "tag", RECORD) + "\n" + "x\n" * 480_000
    days = [f"{year}-01-{day:02}" for year in range(2000, 2003) for day in range(1, 29)]
    made = [
        site.work.git(
            "hash-object", "-t", "tag", "-w", "--stdin", stdin=body.replace("2026-11-20", day)
        ).out.strip()
        for day in days
    ]
    pushed = [f"{oid}:refs/tags/deploy/{day}/{BRANCH}" for oid, day in zip(made, days, strict=True)]
    done = site.push("--receive-pack=ulimit -v 200000; git-receive-pack", *pushed)
    assert "the push has more than 32 MB of deploy records" in done.err, done
    assert done.code == 1


# --- the environment ---


def test_variables_that_the_client_sets(site: Site) -> None:
    """As sshd lets it where AcceptEnv is wide: on the server's side of the connection."""
    loose = site.top / "loose"
    loose.write_text(
        '[ekf "rules"]\n\tlinear-history = off\n\tbranch-name = off\n[ekf "server"]\n\tjudge = false\n'
    )
    counted = [("ekf.rules.linear-history", "off"), ("ekf.server.judge", "false")]
    environments = [
        {"GIT_CONFIG_GLOBAL": str(loose)},
        {"GIT_CONFIG_SYSTEM": str(loose)},
        {"GIT_CONFIG": str(loose)},
        {"GIT_CONFIG_PARAMETERS": "'ekf.server.judge'='false'"},
        {
            "GIT_CONFIG_COUNT": "2",
            **{
                f"GIT_CONFIG_{part}_{i}": pair[j]
                for i, pair in enumerate(counted)
                for j, part in enumerate(("KEY", "VALUE"))
            },
        },
        {
            "GIT_REPLACE_REF_BASE": "refs/tags/",
            "GIT_TRACE": "1",
            "GIT_QUARANTINE_PATH": "/",
            "GIT_WORK_TREE": "/",
            "GIT_INDEX_FILE": "/x",
        },
        {"PYTHONPATH": "/nowhere", "PYTHONSTARTUP": "/nowhere", "PYTHONHOME": "/nowhere"},
        {
            "EKF_HOOKS": "0",
            "GL_USER": "admin",
            "GL_USERNAME": "admin",
            "GITEA_PUSHER_NAME": "admin",
            "REMOTE_USER": "admin",
        },
    ]
    merge = site.merge()
    for environment in environments:
        words = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
        before = site.refs()
        done = site.push(
            f"--receive-pack=env {words} git-receive-pack", f"{merge}:refs/heads/{BRANCH}"
        )
        assert done.code == 1, (environment, done)
        assert said(done) == ["linear-history"], (environment, done)
        assert site.refs() == before


def test_a_namespace(site: Site) -> None:
    done = site.push(
        "--receive-pack=env GIT_NAMESPACE=x git-receive-pack", f"HEAD:refs/heads/{BRANCH}"
    )
    assert done.code == 1
    assert "remote: git-ekf: git-ekf does not judge a push into a namespace of git" in done.err


# --- what breaks ---


def test_a_client_that_goes_away(site: Site) -> None:
    """In the middle of the pack, and before it has heard the answer."""
    work = site.work
    old = work.out("rev-parse", BRANCH)
    good = work.commit("own/a", "2\n" * 100)
    bad = site.merge()
    before = site.refs()
    for new in (good, bad):
        pack = subprocess.run(
            ["git", "pack-objects", "--revs", "--stdout", "-q"],
            input=f"{new}\n^{old}\n".encode(),
            cwd=work.path,
            capture_output=True,
            check=True,
        ).stdout
        command = (
            packet(f"{old} {new} refs/heads/{BRANCH}\0report-status side-band-64k agent=x")
            + b"0000"
        )
        for sent in (command[:20], command, command + pack[: len(pack) // 2], command + pack[:-1]):
            with subprocess.Popen(
                ["git-receive-pack", site.server.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as server:
                server.communicate(sent)
            assert site.refs() == before
    site.sound()
    with subprocess.Popen(
        ["git-receive-pack", site.server.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdout.close()  # nobody listens to what the hook says
        server.stdin.write(command + pack)
        server.stdin.close()
        server.stderr.read()
        server.wait()
    assert site.refs() == before
    site.accepted(BRANCH)
    # The broken pipe may kill git while it clears its quarantine away; then its next gc does so.
    site.server.git("prune", "--expire=now")
    site.sound()


def test_a_full_disk_on_the_server(site: Site) -> None:
    """What the hook remembers to be quick next time is no reason to refuse, and what git cannot write is refused by git."""
    tiny = site.top / "tiny"
    tiny.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", tiny).code:
        pytest.skip("only root may mount a file system to fill")
    try:
        shutil.copytree(
            site.server.path, tiny / "internal.git", ignore=shutil.ignore_patterns("*.sample")
        )
        full = Site(site.top)
        full.server = type(site.server)(tiny / "internal.git")
        site.work.git("remote", "set-url", "internal", str(tiny / "internal.git"))
        full.server.git("config", "ekf.branches.allow", "wip/*")
        before = full.refs()
        (site.work.path / "own/big").write_bytes(os.urandom(1_000_000))
        site.work.git("add", "-A")
        site.work.git("commit", "-q", "-m", "Big")
        done = full.push(BRANCH)
        assert done.code == 1
        assert "No space left on device" in done.err
        assert full.refs() == before
        room = os.statvfs(tiny).f_bavail * os.statvfs(tiny).f_frsize
        (tiny / "fill").write_bytes(b"x" * (room - 4096 * 3))
        tip = full.server.out("rev-parse", BRANCH)
        assert full.judge(f"{tip} {tip} refs/heads/{BRANCH}", f"{ZERO} {tip} refs/tags/x").code == 0
        (tiny / "fill2").write_bytes(b"x" * (os.statvfs(tiny).f_bavail * os.statvfs(tiny).f_frsize))
        assert full.judge(f"{ZERO} {tip} refs/heads/topic", f"{ZERO} {tip} refs/tags/x").code == 1
        assert [path.name for path in (tiny / "internal.git/ekf").iterdir()] in ([], ["settings"])
        assert full.refs() == before
        full.sound()
    finally:
        run("umount", tiny)


def test_two_pushes_race_for_one_name(site: Site) -> None:
    """One lands wholly, the other not at all, whichever is first."""
    work = site.work
    rivals = []
    for number in range(2):
        other = site.top / f"clone-{number}"
        shutil.copytree(work.path, other, symlinks=True)
        rival = type(work)(other)
        rival.commit("own/a", f"rival {number}\n")
        text = (
            work.out("cat-file", "tag", RECORD)
            .partition("\n\n")[2]
            .replace("2026-11-20", "2026-11-21")
        )
        text = text.replace(work.out("rev-parse", "HEAD"), rival.out("rev-parse", "HEAD"))
        rival.git("tag", "-a", "-F", "-", NAME, stdin=text)
        rivals.append(rival)
    hook = site.server.path / "hooks" / "pre-receive"
    judged = hook.rename(hook.with_name("judge"))
    meeting = site.top / "meeting"
    meeting.mkdir()
    # Both are judged before either moves a ref.
    script(
        hook,
        f'"{judged}" || exit',
        f"touch {meeting}/$$",
        f"n=0; while [ $(ls {meeting} | wc -l) -lt 2 ] && [ $n -lt 200 ]; do sleep 0.02; n=$((n+1)); done",
    )
    pushes = [
        subprocess.Popen(
            ["git", "push", "-q", "--atomic", "internal", BRANCH, NAME],
            cwd=rival.path,
            stderr=subprocess.PIPE,
        )
        for rival in rivals
    ]
    for push in pushes:
        push.communicate()
    assert sorted(push.returncode for push in pushes) == [0, 1]
    assert len(list(meeting.iterdir())) == 2
    winner = rivals[0 if pushes[0].returncode == 0 else 1]
    for name in (f"refs/heads/{BRANCH}", f"refs/tags/{NAME}"):
        assert site.server.out("rev-parse", name) == winner.out("rev-parse", name)
    hook.unlink()
    judged.rename(hook)
    site.sound()
