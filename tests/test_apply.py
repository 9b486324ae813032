"""apply: which commands run, where and in which order, what a person hears of them, and when it is recorded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, Clone, run
from reach import rare
from upgrading import script

from git_ekf.record import parse

ISTIO, DASHBOARD = "apps/istio/overlays/deploy", "apps/dashboard/overlays/deploy"
RECORD = "deploy/2026-11-20/release-1.8"


class Tool:
    """A deploy tool that is a small shell script, named in git's configuration; `log` is for it to write to."""

    def __init__(self, clone: Clone, folder: Path) -> None:
        self.clone = clone
        self.path = folder / "deploy tool"
        self.log = folder / "log"

    def says(self, script: str, *words: str) -> None:
        self.path.write_text(f"#!/bin/sh\nlog='{self.log}'\n{script}\n", encoding="utf-8")
        self.path.chmod(0o755)
        self.named(str(self.path), *(words or ("--apply", "{path}")))

    def named(self, *words: str) -> None:
        self.clone.git("config", "--unset-all", "ekf.apply.command", ok=False)
        for word in words:
            self.clone.git("config", "--add", "ekf.apply.command", word)

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def wait_for(self, line: str) -> None:
        end = time.monotonic() + 30
        while line not in self.lines():
            assert time.monotonic() < end, f"{line} is not in {self.lines()}"
            time.sleep(0.02)

    def announced(self, *paths: str) -> list[str]:
        return [f"Applying {path}: '{self.path}' --apply {path}" for path in paths]


def push_one(clone: Clone) -> None:
    clone.commit("clusters/prod/values", "1")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")


ARRANGED = {"tool": push_one}


@pytest.fixture
def tool(clone: Clone, tmp_path: Path) -> Tool:
    """A tool that logs its arguments, on a clone that is saved."""
    (tmp_path / "outside").mkdir()
    made = Tool(clone, tmp_path / "outside")
    made.says('printf "%s\\n" "$*" >> "$log"')
    return made


def records(clone: Clone) -> list[str]:
    return clone.out(
        "for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags/deploy"
    ).splitlines()


# --- what runs ---


def test_path_by_path_in_the_order_given(clone: Clone, tool: Tool) -> None:
    done = clone.ekf("apply", ISTIO, "apps/dashboard/base/", f"./{ISTIO}", "clusters/prod")
    assert done.code == 0, done
    assert tool.lines() == [
        f"--apply {path}" for path in (ISTIO, "apps/dashboard/base", "clusters/prod")
    ]
    assert done.err.splitlines() == tool.announced(ISTIO, "apps/dashboard/base", "clusters/prod")
    assert done.out.splitlines() == [
        f"Applied 3 paths of release-1.8 at {clone.out('rev-parse', '--short=7', 'HEAD')}",
        f"Next: git ekf tag -m CONTEXT --field 'Paths={ISTIO}, apps/dashboard/base, clusters/prod'",
    ]
    assert records(clone) == []


def test_paths_of_the_configuration_stand_below_the_top(clone: Clone, tool: Tool) -> None:
    clone.commit(".ekf.toml", f'[apply]\npaths = ["{ISTIO}", "{DASHBOARD}"]\n')
    assert Clone(clone.path / "apps").ekf("apply").code == 0
    assert tool.lines() == [f"--apply {ISTIO}", f"--apply {DASHBOARD}"]


def test_paths_given_stand_below_the_current_directory(
    clone: Clone, tool: Tool, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(clone.path)
    here = Clone(clone.path / "apps/istio")
    done = here.ekf(
        "apply", "overlays/deploy", ".", "../dashboard", "../..", str(tmp_path / "link/clusters")
    )
    assert done.code == 0, done
    assert tool.lines() == [
        f"--apply {path}" for path in (ISTIO, "apps/istio", "apps/dashboard", ".", "clusters")
    ]


def test_where_and_with_what_the_tool_runs(clone: Clone, tool: Tool) -> None:
    tool.says(
        '{ pwd; env | grep -E "^(EKF|GIT)_" | grep -vE "^GIT_(AUTHOR|COMMITTER|EXEC)" | sort; } > "$log"'
    )
    env = {
        "GIT_DIR": str(clone.path / ".git"),
        "GIT_WORK_TREE": str(clone.path),
        "EKF_RELEASE": "0",
    }
    done = run("git", "-c", "x.y=z", "ekf", "apply", ISTIO, cwd=clone.path / "apps", env=env)
    assert done.code == 4, done  # ISTIO is not below apps
    assert (
        run("git", "-c", "x.y=z", "ekf", "apply", "istio", cwd=clone.path / "apps", env=env).code
        == 0
    )
    assert tool.lines() == [
        str(clone.path),
        f"EKF_COMMIT={clone.out('rev-parse', 'HEAD')}",
        "EKF_RELEASE=1.8",
        f"EKF_UPSTREAM={clone.out('rev-parse', 'origin/release-1.8')}",
        "GIT_ALLOW_PROTOCOL=file:http:ssh",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_EDITOR=echo unexpected editor >&2; false",
        "GIT_TERMINAL_PROMPT=0",
    ]


def test_words_reach_the_tool_as_they_are(clone: Clone, tool: Tool) -> None:
    odd = "own/a b; $(touch owned) 'q'"
    clone.commit(f"{odd}/values", "1")
    tool.says('printf "<%s>\\n" "$@" > "$log"', "--in={path},{path}", "{x} *", "{path}")
    assert clone.ekf("apply", odd).code == 0
    assert tool.lines() == [f"<--in={odd},{odd}>", "<{x} *>", f"<{odd}>"]
    assert not (clone.path / "owned").exists()


def test_a_path_is_never_an_option(clone: Clone, tool: Tool) -> None:
    clone.commit("-x/values", "1")
    assert clone.ekf("apply", "-x").code == 2
    assert tool.lines() == []
    assert clone.ekf("apply", "./-x", "-m", "Dashed.").code == 0
    assert clone.ekf("apply", "--", "-x").code == 0
    assert tool.lines() == ["--apply ./-x"] * 2
    assert "Paths: -x\n" in clone.out("tag", "-l", "--format=%(contents)", RECORD)


def test_a_tool_without_paths_runs_once(clone: Clone, tool: Tool) -> None:
    clone.commit(".ekf.toml", f'[apply]\npaths = ["{ISTIO}", "{DASHBOARD}"]\n')
    tool.says('echo "$#" >> "$log"', "--everything")
    done = clone.ekf("apply", ISTIO)
    assert (done.code, done.err.splitlines()) == (
        2,
        [
            "git-ekf: apply.command takes no path: none of its words has {path}",
            "hint: git ekf apply",
        ],
    )
    assert tool.lines() == []
    done = clone.ekf("apply", "-m", "All of it.")
    assert done.code == 0, done
    assert tool.lines() == ["1"]
    assert done.err == f"Applying: '{tool.path}' --everything\n"
    assert "Paths" not in clone.out("tag", "-l", "--format=%(contents)", RECORD)
    assert clone.rules() == []


def test_a_program_in_the_tree(clone: Clone, tool: Tool) -> None:
    clone.write("tools/deploy", f'#!/bin/sh\necho "$0 $1" >> "{tool.log}"\n')
    (clone.path / "tools/deploy").chmod(0o755)
    clone.git("add", "-A")
    clone.git("commit", "-qm", "Add the tool")
    tool.named("tools/deploy", "{path}")
    done = Clone(clone.path / "apps").ekf("apply", "istio")
    assert (done.code, tool.lines()) == (4, [])
    oid = clone.out("rev-parse", "--short=12", "HEAD:tools/deploy")
    assert done.err == (
        f"git-ekf: tools/deploy ({oid}) would be run, and is not trusted here in this version\n"
        "hint: git ekf trust\n"
    )
    assert clone.ekf("trust", "--yes").code == 0
    assert Clone(clone.path / "apps").ekf("apply", "istio").code == 0
    assert tool.lines() == ["tools/deploy apps/istio"]


def test_the_tool_has_the_terminal(clone: Clone, tool: Tool) -> None:
    tool.says(
        'test -t 0 && test -t 1 && test -t 2 && read answer && echo "answer $answer" > "$log"'
    )
    child = clone.in_terminal("apply", ISTIO)
    child.expect_exact("Applying")
    child.sendline("yes please")
    child.expect_exact("Applied 1 path")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert tool.lines() == ["answer yes please"]


def test_output_streams(clone: Clone, tool: Tool, tmp_path: Path) -> None:
    """Line by line while the tool runs, to where the tool wrote it; ours stands before it."""
    go = tmp_path / "go"
    tool.says(
        f'echo "begun $2"; echo "warned" >&2; while ! test -e "{go}"; do sleep 0.02; done; echo ended'
    )
    process = subprocess.Popen(
        ["git-ekf", "apply", ISTIO],
        cwd=clone.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == f"begun {ISTIO}\n"
    assert [process.stderr.readline().strip() for _ in range(2)] == [
        *tool.announced(ISTIO),
        "warned",
    ]
    go.touch()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[:2] == [
        "ended",
        f"Applied 1 path of release-1.8 at {clone.out('rev-parse', '--short=7', 'HEAD')}",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_tool_that_writes_and_writes(clone: Clone, tool: Tool) -> None:
    """200 MB, and the peak of git-ekf's own memory as the tool sees it."""
    tool.says(
        "head -c 200000000 /dev/zero\n"
        'sed -n "s/^VmHWM:[^0-9]*//p" "/proc/$PPID/status" > "$log"\n'
        'tr "\\0" " " < "/proc/$PPID/cmdline" >> "$log"'
    )
    process = subprocess.Popen(
        [str(GIT_EKF), "apply", ISTIO],
        cwd=clone.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    count = 0
    while part := process.stdout.read(1 << 20):
        count += len(part)
    assert process.wait(30) == 0
    assert count > 200_000_000
    peak, parent = tool.lines()
    assert f"apply {ISTIO}" in parent
    assert int(peak.split()[0]) < 100_000  # kB; Python and what it has imported


# --- what is refused before anything runs ---


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("apps/nope", "apps/nope is not in HEAD"),
        ("../outside", "../outside is outside the work tree"),
        ("..", ".. is outside the work tree"),
        ("/etc", "/etc is outside the work tree"),
        (".git", ".git is not in HEAD"),
        ("", "an empty path, or one with a NUL, is not a path"),
        ("ignored", "ignored is not in HEAD"),
        ("way-out", "way-out is outside the work tree"),
        ("way-in", "way-in is not in HEAD"),
        ("loop", "loop is not in HEAD"),
    ],
)
def test_paths_that_are_refused(clone: Clone, tool: Tool, path: str, message: str) -> None:
    (clone.path / ".git/info/exclude").write_text("ignored\n")
    clone.write("ignored/values", "1")
    for name, target in (("way-out", "../outside"), ("way-in", "ignored"), ("good", "apps/istio")):
        (clone.path / name).symlink_to(target)
    if path == "loop":
        (clone.path / "loop").symlink_to("loop2")
        (clone.path / "loop2").symlink_to("ignored/x")
    clone.git("add", "-A")
    clone.git("commit", "-qm", "Add links")
    done = clone.ekf("apply", ISTIO, path)
    assert (done.code, done.err.splitlines()[0]) == (4, f"git-ekf: {message}")
    assert done.err.splitlines()[1].startswith("hint: git ")
    assert tool.lines() == []
    assert clone.ekf("apply", "good").code == 0
    assert tool.lines() == ["--apply good"]


def test_the_hint_for_a_missing_path_shows_what_there_is(clone: Clone, tool: Tool) -> None:
    done = Clone(clone.path / "apps").ekf("apply", "istoi")
    assert done.err.splitlines()[1] == "hint: git ls-tree --full-tree --name-only HEAD apps/"
    assert (
        Clone(clone.path / "apps").out(*done.err.splitlines()[1].split()[2:])
        == "apps/dashboard\napps/istio"
    )
    assert (
        clone.ekf("apply", "nope").err.splitlines()[1]
        == "hint: git ls-tree --full-tree --name-only HEAD"
    )


def test_a_path_of_the_configuration_with_a_nul(clone: Clone, tool: Tool) -> None:
    clone.commit(".ekf.toml", '[apply]\npaths = ["a\\u0000b"]\n')
    assert clone.ekf("apply").code == 4
    clone.commit(".ekf.toml", '[apply]\npaths = ["../outside"]\n')
    assert clone.ekf("apply").err.splitlines()[0] == "git-ekf: ../outside is outside the work tree"
    assert tool.lines() == []


def test_no_path_at_all(clone: Clone, tool: Tool) -> None:
    done = clone.ekf("apply")
    assert (done.code, done.err.splitlines()) == (
        4,
        [
            "git-ekf: nothing says which paths to apply",
            "hint: git ekf apply PATH, or set apply.paths in the configuration",
        ],
    )


def test_no_tool_at_all(clone: Clone, tmp_path: Path) -> None:
    """The example is copied as it is printed, and works."""
    done = clone.ekf("apply", "apps/istio")
    assert (done.code, done.out) == (4, "")
    first, where, *example, hint = done.err.splitlines()
    assert first == (
        "git-ekf: no deploy tool is configured, and the default one, rok-deploy, is not on the PATH"
    )
    assert where == "  .ekf.toml at the top of the repository says what to run, for example:"
    assert hint == (
        "hint: write .ekf.toml, commit it, then: git ekf trust; its keys: git ekf man config"
    )
    kubectl = tmp_path / "bin/kubectl"
    script(kubectl, f'#!/bin/sh\necho "$@" >>{tmp_path}/applied')
    env = {"PATH": f"{kubectl.parent}:{os.environ['PATH']}"}
    clone.commit(".ekf.toml", "\n".join(example) + "\n")
    assert clone.ekf("trust", "--yes").code == 0
    assert clone.ekf("apply", env=env).code == 0
    assert (tmp_path / "applied").read_text() == "apply -k apps/istio\n"


def test_no_path_and_no_tool(clone: Clone) -> None:
    assert '  paths = ["apps/istio/overlays/deploy"]\n' in clone.ekf("apply").err


def test_the_default_tool_where_it_is(clone: Clone, tmp_path: Path) -> None:
    script(tmp_path / "bin/rok-deploy", f'#!/bin/sh\necho "$@" >>{tmp_path}/applied')
    env = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    assert clone.ekf("apply", "apps/istio", env=env).code == 0
    assert (tmp_path / "applied").read_text() == "--apply apps/istio\n"


def test_a_state_that_is_not_reproducible(clone: Clone, tool: Tool) -> None:
    clone.write("VERSION", "changed")
    assert clone.ekf("apply", ISTIO).err.startswith("git-ekf: there is uncommitted work: VERSION\n")
    clone.git("checkout", "-q", "VERSION")
    clone.write("new", "")
    assert clone.ekf("apply", ISTIO).err.startswith("git-ekf: there is uncommitted work: new\n")
    (clone.path / "new").unlink()
    clone.git("branch", "-q", "--unset-upstream")
    done = clone.ekf("apply", ISTIO)
    assert (done.code, done.err.splitlines()[1]) == (4, "hint: git ekf check")
    assert done.err.startswith("git-ekf: the policy is broken (branch-upstream: ")
    clone.git("switch", "-q", "-c", "scratch")
    assert clone.ekf("apply", ISTIO).err.splitlines() == [
        "git-ekf: no release branch is checked out",
        "hint: git switch release-1.8",
    ]
    assert tool.lines() == []


def test_a_record_that_would_lack_a_field(clone: Clone, tool: Tool) -> None:
    clone.commit(".ekf.toml", '[tags]\nrequired = ["Date", "Paths", "Ticket", "Context"]\n')
    done = clone.ekf("apply", ISTIO, "-m", "")
    assert (done.code, done.err.splitlines()) == (
        4,
        [
            "git-ekf: the record lacks Ticket, Context",
            'hint: git ekf apply --field "Ticket=VALUE" -m CONTEXT',
        ],
    )
    assert tool.lines() == []
    assert clone.ekf("apply", ISTIO, "-m", "Why.", "--field", "Ticket=OPS-1").code == 0
    assert clone.rules() == []


@pytest.mark.parametrize(
    "args",
    [
        ["--field", "Ticket=1"],
        ["-m", "x", "--field", "Ticket"],
        ["-m", "x", "--field", "paths=a"],
        ["--bogus"],
    ],
)
def test_wrong_usage(clone: Clone, tool: Tool, args: list[str]) -> None:
    assert clone.ekf("apply", ISTIO, *args).code == 2
    assert tool.lines() == []


def test_a_tracked_command_runs_when_it_is_trusted(clone: Clone, tool: Tool) -> None:
    tool.named()
    text = f'[apply]\ncommand = ["{tool.path}", "{{path}}"]\npaths = ["{ISTIO}"]\n'
    clone.commit(".ekf.toml", text)
    for args in (["apply"], ["apply", "--dry-run"], ["apply", ISTIO, "-m", "x"]):
        done = clone.ekf(*args)
        assert (done.code, done.out, done.err.splitlines()) == (
            4,
            "",
            [
                f"git-ekf: .ekf.toml names a command that is not trusted here: '{tool.path}' '{{path}}'",
                "hint: git ekf trust",
            ],
        )
    assert tool.lines() == []
    assert clone.ekf("trust", "--yes").code == 0
    assert clone.ekf("apply").code == 0
    assert tool.lines() == [ISTIO]
    clone.commit(".ekf.toml", text.replace('"{path}"', '"--prune", "{path}"'))
    assert clone.ekf("apply").code == 4
    clone.git("config", "ekf.apply.command", str(tool.path))
    clone.git("config", "--add", "ekf.apply.command", "mine {path}")
    assert clone.ekf("apply").code == 0
    assert tool.lines() == [ISTIO, f"mine {ISTIO}"]


# --- what goes wrong at work ---


def test_a_failure_in_the_middle(clone: Clone, tool: Tool) -> None:
    tool.says('echo "$2" >> "$log"; case "$2" in *dashboard*) exit 7;; esac')
    done = clone.ekf("apply", ISTIO, DASHBOARD, "clusters/prod", "apps", "-m", "Not to be.")
    assert (done.code, done.out) == (5, "")
    assert tool.lines() == [ISTIO, DASHBOARD]
    assert done.err.splitlines() == [
        *tool.announced(ISTIO, DASHBOARD),
        f"  applied      {ISTIO}",
        f"  failed       {DASHBOARD}: failed with code 7",
        "  not reached  clusters/prod",
        "  not reached  apps",
        f"git-ekf: {DASHBOARD} failed with code 7; nothing was recorded",
        f"hint: git ekf apply {DASHBOARD} clusters/prod apps",
    ]
    assert records(clone) == []


def test_keep_going(clone: Clone, tool: Tool) -> None:
    tool.says(
        'echo "$2" >> "$log"; case "$2" in *dashboard*) exit 7;; clusters*) kill -KILL $$;; esac'
    )
    done = Clone(clone.path / "apps").ekf(
        "apply", "--keep-going", "dashboard", "istio", "../clusters", "-m", "Not to be."
    )
    assert (done.code, done.out) == (5, "")
    assert tool.lines() == ["apps/dashboard", "apps/istio", "clusters"]
    assert done.err.splitlines()[3:] == [
        "  applied      apps/istio",
        "  failed       apps/dashboard: failed with code 7",
        "  failed       clusters: was killed by SIGKILL",
        "git-ekf: 2 of 3 paths failed; nothing was recorded",
        "hint: git ekf apply dashboard ../clusters",
    ]
    assert records(clone) == []


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (signal.SIGKILL, "SIGKILL"),
        (signal.SIGSEGV, "SIGSEGV"),
        (signal.SIGRTMIN + 3, f"signal {signal.SIGRTMIN + 3}"),
    ],
)
def test_a_tool_that_is_killed(clone: Clone, tool: Tool, number: int, name: str) -> None:
    tool.says(f"kill -{int(number)} $$")
    done = clone.ekf("apply", ISTIO, DASHBOARD)
    assert done.code == 5
    assert f"git-ekf: {ISTIO} was killed by {name}; nothing was recorded" in done.err.splitlines()


@pytest.mark.parametrize("options", [[], ["--keep-going"]])
def test_a_tool_that_is_missing(clone: Clone, tool: Tool, options: list[str]) -> None:
    tool.named("no-such-tool", "{path}")
    done = clone.ekf("apply", ISTIO, DASHBOARD, "-m", "Not to be.", *options)
    assert (done.code, done.err.splitlines()) == (
        5,
        [
            f"Applying {ISTIO}: no-such-tool {ISTIO}",
            f"  failed       {ISTIO}: could not be started: no-such-tool is not on the PATH",
            f"  not reached  {DASHBOARD}",
            "git-ekf: the deploy tool could not be started: no-such-tool is not on the PATH; nothing was recorded",
            "hint: install no-such-tool, or correct apply.command: git ekf man config",
        ],
    )
    assert records(clone) == []


def test_a_tool_that_cannot_be_started(clone: Clone, tool: Tool) -> None:
    expected = {
        "not executable": f"{tool.path} is not executable",
        "no interpreter": f"the interpreter in the first line of {tool.path} is missing",
        "no program": f"{tool.path}: Exec format error",
        "absent": f"{tool.path}: No such file or directory",
    }
    for case, reason in expected.items():
        tool.path.write_text(
            {"not executable": "#!/bin/sh\n", "no interpreter": "#!/no/such\n"}.get(case, "\0")
        )
        tool.path.chmod(0o644 if case == "not executable" else 0o755)
        if case == "absent":
            tool.path.unlink()
        done = clone.ekf("apply", ISTIO, "-m", "Not to be.")
        assert (done.code, done.err.splitlines()[-2]) == (
            5,
            f"git-ekf: the deploy tool could not be started: {reason}; nothing was recorded",
        )
        if case == "not executable":
            assert done.err.splitlines()[-1] == f"hint: chmod +x '{tool.path}'"
    tool.named(str(tool.path.parent), "{path}")
    assert clone.ekf("apply", ISTIO).code == 5
    assert records(clone) == []


def test_a_word_with_a_nul(clone: Clone, tool: Tool) -> None:
    tool.named()
    clone.commit(".ekf.toml", '[apply]\ncommand = ["true", "{path}\\u0000"]\n')
    assert "$'{path}\\x00'" in clone.ekf("trust", "--yes").out
    done = clone.ekf("apply", ISTIO)
    assert (done.code, done.err.splitlines()[-2]) == (
        5,
        "git-ekf: the deploy tool could not be started: true: embedded null byte; nothing was recorded",
    )


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("echo more >> VERSION", "there is uncommitted work: VERSION"),
        ("touch left-over", "there is uncommitted work: left-over"),
        ("git commit -q --allow-empty -m more", "release-1.8 is no longer at {head}"),
        ("git switch -q -c scratch", "release-1.8 is no longer checked out"),
        ("git switch -q --detach", "release-1.8 is no longer checked out"),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_the_repository_changes_under_the_tool(
    clone: Clone, tool: Tool, script: str, what: str, code: int
) -> None:
    head = clone.out("rev-parse", "--short=7", "HEAD")
    tool.says(f'echo "$2" >> "$log"; {script}; exit {code}')
    done = clone.ekf("apply", ISTIO, DASHBOARD, "--keep-going", "-m", "Not to be.")
    assert done.code == 5
    assert done.err.splitlines()[-4:] == [
        f"  {'failed     ' if code else 'applied    '}  {ISTIO}{': failed with code 1' if code else ''}",
        f"  not reached  {DASHBOARD}",
        f"git-ekf: this repository changed while the tool ran: {what.format(head=head)}; nothing was recorded",
        "hint: git status",
    ]
    assert tool.lines() == [ISTIO]
    assert records(clone) == []


def test_the_repository_changes_under_the_last_path(clone: Clone, tool: Tool) -> None:
    tool.says("touch left-over")
    done = clone.ekf("apply", ISTIO, "-m", "Not to be.")
    assert (done.code, done.out, done.err.splitlines()[1]) == (5, "", f"  applied      {ISTIO}")
    assert records(clone) == []


# --- interrupted ---


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("kill -INT $$", "failed       {path}: was killed by SIGINT"),
        ("exit 9", "failed       {path}: failed with code 9"),
        ("exit 0", "applied      {path}"),
    ],
)
def test_ctrl_c_reaches_the_tool(clone: Clone, tool: Tool, ending: str, state: str) -> None:
    """The tool tidies up at its leisure; we wait for it and then say what was done."""
    tool.says(
        'case "$2" in *istio*) exit 0;; esac\n'
        f"trap 'sleep 0.3; echo tidied >> \"$log\"; trap - INT; {ending}' INT\n"
        'echo ready >> "$log"; while :; do sleep 0.05; done'
    )
    child = clone.in_terminal(
        "apply", ISTIO, DASHBOARD, "clusters/prod", "-m", "Not to be.", columns=200
    )
    tool.wait_for("ready")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert tool.lines() == ["ready", "tidied"]
    rest = "" if ending == "exit 0" else f"{DASHBOARD} "
    assert (child.before or "").replace("\r\n", "\n").split("^C\n")[1].splitlines() == [
        f"  applied      {ISTIO}",
        f"  {state.format(path=DASHBOARD)}",
        "  not reached  clusters/prod",
        "git-ekf: interrupted; nothing was recorded",
        f"hint: git ekf apply {rest}clusters/prod",
    ]
    assert records(clone) == []


def test_ctrl_c_at_the_last_path(clone: Clone, tool: Tool) -> None:
    tool.says("trap 'exit 0' INT; echo ready >> \"$log\"; while :; do sleep 0.05; done")
    child = clone.in_terminal("apply", ISTIO, "-m", "x", columns=200)
    tool.wait_for("ready")
    child.sendintr()
    child.expect_exact(f"hint: git ekf tag -m CONTEXT --field Paths={ISTIO}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert records(clone) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_us_alone_is_passed_on(
    clone: Clone, tool: Tool, number: signal.Signals
) -> None:
    tool.says(
        f'trap \'echo told >> "$log"; exit 3\' {number.name[3:]}; echo ready >> "$log"; while :; do sleep 0.05; done'
    )
    process = subprocess.Popen(
        [str(GIT_EKF), "apply", ISTIO, DASHBOARD], cwd=clone.path, stderr=subprocess.PIPE, text=True
    )
    tool.wait_for("ready")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert tool.lines() == ["ready", "told"]
    assert f"  not reached  {DASHBOARD}" in err.splitlines()


def test_what_is_ignored_stays_ignored(clone: Clone, tool: Tool) -> None:
    """As under nohup: the tool inherits it, and neither of us ends."""
    tool.says('kill -HUP $PPID; kill -HUP $$; echo survived >> "$log"')
    done = run(
        "sh", "-c", f"trap '' HUP; exec '{GIT_EKF}' apply {ISTIO} {DASHBOARD}", cwd=clone.path
    )
    assert done.code == 0, done
    assert tool.lines() == ["survived"] * 2


# --- recorded ---


def test_the_record(clone: Clone, tool: Tool) -> None:
    done = clone.ekf(
        "apply",
        ISTIO,
        DASHBOARD,
        "-m",
        "We added Istio.",
        "-m",
        "And more.",
        "--field",
        "Ticket=OPS-1",
    )
    assert done.code == 0, done
    head = clone.out("rev-parse", "HEAD")
    assert done.out.splitlines() == [
        f"Applied 2 paths of release-1.8 at {head[:7]}",
        f"Recorded {RECORD}",
        "Next: git ekf save",
    ]
    assert clone.out("tag", "-l", "--format=%(contents)", RECORD).rstrip("\n").splitlines() == [
        "Date: 2026-11-20",
        "Local branch: release-1.8",
        f"Local SHA: {head}",
        "Upstream branch: origin/release-1.8",
        f"Upstream SHA: {clone.out('rev-parse', 'origin/release-1.8')}",
        "Backup branch: internal/release-1.8",
        "Ticket: OPS-1",
        f"Paths: {ISTIO}, {DASHBOARD}",
        "Context: We added Istio.",
        "",
        "And more.",
    ]
    assert clone.out("rev-parse", f"{RECORD}^{{commit}}") == head
    assert clone.rules() == []
    assert (
        clone.ekf("apply", ISTIO, "-m", "Again.").out.splitlines()[1]
        == "Recorded deploy/2026-11-20.2/release-1.8"
    )


def test_how_to_record_records_the_same(clone: Clone, tool: Tool) -> None:
    clone.commit("own/a, 'b'/values", "1")
    command = clone.ekf("apply", ISTIO, "own/a, 'b'").out.splitlines()[1].removeprefix("Next: ")
    assert run("sh", "-c", command.replace("CONTEXT", "Later."), cwd=clone.path).code == 0
    by_hand = clone.out("tag", "-l", "--format=%(contents)", RECORD)
    assert clone.ekf("apply", ISTIO, "own/a, 'b'", "-m", "Later.").code == 0
    assert (
        clone.out("tag", "-l", "--format=%(contents)", "deploy/2026-11-20.2/release-1.8") == by_hand
    )


def test_odd_paths_stay_on_one_line_and_apart(clone: Clone, tool: Tool) -> None:
    odd = ["own/new\nContext: forged", "own/a, b", "own/ü", 'own/"', "own/\x1b[2K", " own"]
    for path in odd:
        clone.write(f"{path}/values", "1")
    clone.git("add", "-A")
    clone.git("commit", "-qm", "Add odd names")
    done = clone.ekf("apply", *odd, "-m", "Real.")
    assert done.code == 0, done
    assert "\x1b" not in done.err
    assert "\nContext" not in done.err
    record = parse(clone.git("cat-file", "tag", RECORD).out.partition("\n\n")[2])
    assert record.get("Context") == "Real."
    paths = record.get("Paths") or ""
    assert paths == ", ".join(path if path == "own/ü" else json.dumps(path) for path in odd)


def test_applied_but_not_recorded(clone: Clone, tool: Tool) -> None:
    """By then it would be wrong to say that nothing was changed."""
    clone.git("config", "ekf.tags.sign", "true")
    clone.git("config", "gpg.program", "false")
    done = clone.ekf("apply", ISTIO, "-m", "We added Istio.", "--field", "Ticket=OPS 1")
    assert (done.code, done.out) == (5, "")
    assert tool.lines() == [f"--apply {ISTIO}"]
    message, hint = done.err.splitlines()[-2:]
    assert message.startswith("git-ekf: 1 path applied, but not recorded: ")
    assert (
        hint
        == f"hint: git ekf tag -m 'We added Istio.' --field 'Ticket=OPS 1' --field Paths={ISTIO}"
    )
    clone.git("config", "ekf.tags.sign", "false")
    assert run("sh", "-c", hint.removeprefix("hint: "), cwd=clone.path).code == 0


def test_dry_run(clone: Clone, tool: Tool) -> None:
    done = clone.ekf("apply", "-n", ISTIO, "clusters/prod", "-m", "Not to be.")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"'{tool.path}' --apply {path}" for path in (ISTIO, "clusters/prod")
    ]
    assert tool.lines() == []
    assert records(clone) == []
    assert run("sh", "-e", "-c", done.out, cwd=clone.path).code == 0
    assert tool.lines() == [f"--apply {path}" for path in (ISTIO, "clusters/prod")]


# --- the real thing ---


def kubectl() -> str:
    """The program, where it is and can build (a wrapper may stand in its place)."""
    program = shutil.which("kubectl") or str(Path(sys.executable).with_name("kubectl"))
    if not Path(program).exists() or run(program, "kustomize", "--help").code:
        pytest.skip("kubectl is not on this machine")
    return program


def test_kubectl(clone: Clone, tool: Tool) -> None:
    tool.named(kubectl(), "kustomize", "{path}")
    done = clone.ekf("apply", ISTIO, DASHBOARD, "-m", "Built.")
    assert done.code == 0, done
    assert done.out.count("kind: Deployment\n") == 2
    assert "image: registry.example.com/istio:1.8.0" in done.out
    assert records(clone) == [RECORD]
    clone.commit(f"{ISTIO}/kustomization.yaml", "resources: [missing.yaml]\n")
    done = clone.ekf("apply", DASHBOARD, ISTIO, "-m", "Not to be.")
    assert done.code == 5
    assert f"git-ekf: {ISTIO} failed with code 1; nothing was recorded" in done.err.splitlines()
    assert records(clone) == [RECORD]


@rare
def test_kubectl_on_the_real_vendor(kubeflow: Path, internal: Path, tmp_path: Path) -> None:
    program = kubectl()
    done = run(
        "git-ekf", "clone", kubeflow, tmp_path / "work", "--internal", internal, "--release", "1.8"
    )
    assert done.code == 0, done
    work = Clone(tmp_path / "work")
    work.git("push", "-q", "--no-verify", "internal", "release-1.8")
    Tool(work, tmp_path).named(program, "kustomize", "{path}")
    done = work.ekf(
        "apply",
        "common/kubeflow-namespace/base",
        "common/kubeflow-roles/base",
        "-m",
        "Namespace and roles.",
    )
    assert done.code == 0, done
    assert "kind: Namespace\n" in done.out
    assert "kind: ClusterRole\n" in done.out
    assert work.rules() == []
