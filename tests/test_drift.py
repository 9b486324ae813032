"""drift: what is compared with what, and what is said of it; with a comparison that is a small script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import GIT_EKF, Clone, run
from reach import rare

from git_ekf.deploy.apply import listed_paths

ISTIO, DASHBOARD = "apps/istio/overlays/deploy", "apps/dashboard/overlays/deploy"
RECORD = "deploy/2026-11-20/release-1.8"

DEPLOYMENT = "apps.v1.Deployment.kubeflow.istio"
HUNK = "@@ -1,2 +1,2 @@\n kind: Deployment\n-replicas: 9\n+replicas: 2\n"


def difference(file: str, hunks: str = HUNK) -> str:
    """A difference as kubectl prints it."""
    live, merged = f"/tmp/LIVE-1/{file}", f"/tmp/MERGED-2/{file}"
    date = "2026-11-20 10:00:00.000000000 +0000"
    return f"diff -u -N {live} {merged}\n--- {live}\t{date}\n+++ {merged}\t{date}\n{hunks}"


class Tool:
    """A comparison that is a small shell script; `log` is for it to write to, `said` is what it prints."""

    def __init__(self, clone: Clone, folder: Path) -> None:
        self.clone = clone
        self.path = folder / "compare tool"
        self.log = folder / "log"
        self.output = folder / "output"

    def does(self, script: str, *words: str) -> None:
        text = f"#!/bin/sh\nlog='{self.log}' output='{self.output}'\n{script}\n"
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(0o755)
        self.named(str(self.path), *(words or ("{path}",)))

    def named(self, *words: str) -> None:
        self.clone.git("config", "--unset-all", "ekf.drift.command", ok=False)
        for word in words:
            self.clone.git("config", "--add", "ekf.drift.command", word)

    def prints(self, text: str | bytes, code: int = 1) -> None:
        self.output.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.does(f'echo "$*" >> "$log"\ncat "$output"\nexit {code}')

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def wait_for(self, line: str) -> None:
        end = time.monotonic() + 60
        while line not in self.lines():
            assert time.monotonic() < end, f"{line} is not in {self.lines()}"
            time.sleep(0.02)


@pytest.fixture
def tool(clone: Clone, tmp_path: Path) -> Tool:
    """A comparison that finds nothing, and a clone whose newest record applied two paths."""
    clone.commit("clusters/prod/values", "1")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")
    record(clone, f"Paths={ISTIO}, {DASHBOARD}")
    (tmp_path / "outside").mkdir()
    made = Tool(clone, tmp_path / "outside")
    made.does('echo "$*" >> "$log"')
    return made


def record(clone: Clone, *fields: str) -> None:
    options = [word for field in fields for word in ("--field", field)]
    done = clone.ekf("tag", "-m", "Deployed.", *options)
    assert done.code == 0, done


def head(clone: Clone) -> str:
    return clone.out("rev-parse", "--short=7", "HEAD")


def document(clone: Clone, *args: str, code: int) -> dict[str, object]:
    done = clone.ekf("drift", "--json", *args)
    assert done.code == code, done
    found: dict[str, object] = json.loads(done.out)
    return found


# --- what is said ---


def test_nothing_differs(clone: Clone, tool: Tool) -> None:
    done = clone.ekf("drift")
    assert done.code == 0, done
    assert done.out.splitlines() == [
        f"The cluster, compared with {RECORD} ({head(clone)})",
        f"{ISTIO}: no difference",
        f"{DASHBOARD}: no difference",
    ]
    assert done.err.splitlines() == [
        f"Comparing {path}: '{tool.path}' {path}" for path in (ISTIO, DASHBOARD)
    ]
    assert tool.lines() == [ISTIO, DASHBOARD]


def test_each_resource_is_named(clone: Clone, tool: Tool) -> None:
    tool.prints(
        difference(DEPLOYMENT)
        + difference("v1.ConfigMap.kube.new.one", "@@ -0,0 +1 @@\n+a: b\n")
        + difference("v1.Namespace..old", "@@ -1,2 +0,0 @@\n-a: b\n-c: d\n")
        + difference("rbac.authorization.k8s.io.v1beta1.ClusterRole..a:b")
        + difference("example.com.stable.Widget.ns.w")
    )
    done = clone.ekf("drift", ISTIO)
    assert done.code == 1, done
    assert done.out.splitlines()[1:] == [
        f"{ISTIO}: 5 resources differ",
        "  changed  apps/Deployment kubeflow/istio",
        "  missing  ConfigMap kube/new.one",
        "  extra    Namespace old",
        "  changed  rbac.authorization.k8s.io/ClusterRole a:b",
        "  changed  example.com/Widget ns/w",
    ]
    assert "replicas" not in done.out


def test_the_text_on_request(clone: Clone, tool: Tool) -> None:
    tool.prints(difference(DEPLOYMENT, HUNK + "\\ No newline at end of file\n"))
    for option in ("-p", "--patch"):
        done = clone.ekf("drift", option, ISTIO)
        assert done.code == 1, done
        assert done.out.splitlines()[2:] == [
            "  changed  apps/Deployment kubeflow/istio",
            "    @@ -1,2 +1,2 @@",
            "     kind: Deployment",
            "    -replicas: 9",
            "    +replicas: 2",
            "    \\ No newline at end of file",
        ]


def test_the_document(clone: Clone, tool: Tool) -> None:
    tool.prints(difference(DEPLOYMENT))
    found = document(clone, ISTIO, code=1)
    assert found == {
        "version": 1,
        "command": "drift",
        "record": {
            "name": RECORD,
            "branch": "release-1.8",
            "commit": clone.out("rev-parse", "HEAD"),
        },
        "paths": [
            {
                "path": ISTIO,
                "differs": True,
                "resources": [
                    {
                        "group": "apps",
                        "version": "v1",
                        "kind": "Deployment",
                        "namespace": "kubeflow",
                        "name": "istio",
                        "change": "changed",
                    }
                ],
                "more": 0,
                "unread": 0,
                "failure": None,
            }
        ],
        "left_out": [],
        "ignored": [],
    }
    assert clone.ekf("drift", "--json", "-p").code == 2


def test_other_formats(clone: Clone, tool: Tool) -> None:
    """Of git's, and of a diff that prints no line with the command; text in neither names nothing."""
    git = f"diff --git a/{DEPLOYMENT} b/{DEPLOYMENT}\nindex 1..2 100644\n--- a/x\n+++ b/x\n{HUNK}"
    plain = f"--- /tmp/1/v1.Service.a.b\n+++ /tmp/2/v1.Service.a.b\n{HUNK}{HUNK}"
    tool.prints(git + plain)
    assert clone.ekf("drift", ISTIO).out.splitlines()[1:] == [
        f"{ISTIO}: 2 resources differ",
        "  changed  apps/Deployment kubeflow/istio",
        "  changed  Service a/b",
    ]
    tool.prints("replicas: 2 -> 9\n")
    done = clone.ekf("drift", "-p", ISTIO)
    assert done.code == 1, done
    assert done.out.splitlines()[1:] == [
        f"{ISTIO}: differs, and the tool does not say where",
        "  1 line not shown: nothing says of which resource, and it may be a Secret",
    ]
    tool.prints("all is well\n", code=0)
    assert clone.ekf("drift", ISTIO).code == 0
    tool.prints(difference(DEPLOYMENT), code=0)  # a script that loses the code
    assert clone.ekf("drift", ISTIO).code == 1


def test_a_terminal_gets_colours_and_the_pager(clone: Clone, tool: Tool, tmp_path: Path) -> None:
    tool.prints(difference(DEPLOYMENT))
    clone.git("config", "core.pager", f"cat > {tmp_path}/paged")
    child = clone.in_terminal("drift", "-p", ISTIO, env={"NO_COLOR": "", "TERM": "xterm"})
    child.read()
    child.wait()
    paged = (tmp_path / "paged").read_text().splitlines()
    assert child.exitstatus == 1
    assert paged[2:] == [
        "  \x1b[33mchanged\x1b[m  apps/Deployment kubeflow/istio",
        "    \x1b[36m@@ -1,2 +1,2 @@\x1b[m",
        "     kind: Deployment",
        "    \x1b[31m-replicas: 9\x1b[m",
        "    \x1b[32m+replicas: 2\x1b[m",
    ]


# --- secrets ---

VALUE = "aHVudGVyMg=="


@pytest.mark.parametrize(
    "text",
    [
        difference("v1.Secret.kube.s", f"@@ -1 +1 @@\n-password: x\n+password: {VALUE}\n"),
        difference("v1.Secret.kube.s", f"@@ -1 +1 @@\n-a\n+a\n+password: {VALUE}\n"),
        # An object's text that looks like the header of another one, and then more of the object.
        difference(
            "v1.Secret.kube.s",
            f"@@ -1,2 +1,2 @@\n--- /tmp/LIVE-1/{DEPLOYMENT}\n-x\n+++ /tmp/MERGED-2/{DEPLOYMENT}\n"
            f"+y\n@@ -8 +8 @@\n-password: x\n+password: {VALUE}\n",
        ),
        # The header names something else, the text does not.
        difference("v1.List..all", f"@@ -1,3 +1,3 @@\n-x: {VALUE}\n+x: y\n kind: Secret\n a: b\n"),
        difference(DEPLOYMENT, f'@@ -1,2 +1,2 @@\n-{{"p": "{VALUE}", "kind": "Secret"}}\n a\n+b\n'),
        difference(
            DEPLOYMENT,
            f'@@ -1 +1 @@\n-j: "{{\\"p\\":\\"{VALUE}\\",\\"kind\\":\\"Secret\\"}}"\n+j: x\n',
        ),
        # Nothing says of what it is.
        f"password: {VALUE}\n",
        f"{difference(DEPLOYMENT)}password: {VALUE}\n",
        f"diff -u a.yaml b.yaml\n--- a.yaml\n+++ b.yaml\n@@ -1 +1 @@\n-password: {VALUE}\n+x: y\n",
    ],
)
def test_no_value_of_a_secret_is_shown(clone: Clone, tool: Tool, text: str) -> None:
    tool.prints(text)
    for options in (["-p"], [], ["--json"]):
        done = clone.ekf("drift", ISTIO, *options)
        assert done.code == 1, done
        assert VALUE not in done.out + done.err
    assert "not shown" in clone.ekf("drift", ISTIO, "-p").out


# --- the tool ---


def test_it_fails(clone: Clone, tool: Tool) -> None:
    """All paths are tried, and the tool's words are heard."""
    tool.does(f'case $1 in {ISTIO}) echo "error: no way" >&2; exit 3;; esac\ncat "$output"\nexit 1')
    tool.output.write_text(difference(DEPLOYMENT))
    done = clone.ekf("drift")
    assert done.code == 5, done
    assert "error: no way" in done.err.splitlines()
    assert done.err.splitlines()[-2:] == [
        f"git-ekf: {ISTIO} could not be compared: the tool failed with code 3",
        f"hint: git ekf drift {ISTIO}",
    ]
    assert done.out.splitlines()[1:] == [
        f"{ISTIO}: not compared",
        f"{DASHBOARD}: 1 resource differs",
        "  changed  apps/Deployment kubeflow/istio",
    ]
    assert document(clone, ISTIO, code=5)["paths"] == [
        {
            "path": ISTIO,
            "differs": False,
            "resources": [],
            "more": 0,
            "unread": 0,
            "failure": "failed with code 3",
        }
    ]


def test_it_ends_in_one_without_a_word(clone: Clone, tool: Tool) -> None:
    """So kubectl ends where it does not know an option."""
    tool.does("echo unknown flag >&2; exit 1")
    done = clone.ekf("drift", ISTIO)
    assert (done.code, "unknown flag" in done.err) == (5, True), done
    assert "failed with code 1, and printed no difference" in done.err


def test_it_is_killed(clone: Clone, tool: Tool) -> None:
    tool.does("kill -KILL $$")
    done = clone.ekf("drift")
    assert done.code == 5, done
    assert "2 of 2 paths could not be compared: the tool was killed by SIGKILL" in done.err


@pytest.mark.parametrize(
    ("program", "why", "hint"),
    [
        ("no-such-tool", "no-such-tool is not on the PATH", "install no-such-tool, or "),
        ("./no-such-tool", "./no-such-tool: No such file or directory", ""),
        ("./apps", "./apps: Permission denied", ""),
    ],
)
def test_it_is_missing(clone: Clone, tool: Tool, program: str, why: str, hint: str) -> None:
    tool.named(program, "{path}")
    done = clone.ekf("drift")
    assert (done.code, done.out) == (5, ""), done
    assert done.err.splitlines()[1:] == [
        f"git-ekf: the comparison cannot be started ({program} {ISTIO}): {why}",
        f"hint: {hint}correct drift.command: git ekf man config",
    ]


@rare
def test_it_prints_a_gigabyte(clone: Clone, tool: Tool) -> None:
    """It is not kept: the address space would be too small for it."""
    line = "+" + "x" * 500_000
    tool.output.write_text(difference(DEPLOYMENT, "@@ -1 +1,999999999 @@\n"))
    tool.does(
        f'cat "$output"\n{sys.executable} -c "\nimport sys\nfor _ in range(2147): '
        f"sys.stdout.write('{line[:1]}' + 'x' * 500000 + chr(10))\n\"\nexit 1"
    )
    script = f"ulimit -v 600000; exec '{GIT_EKF}' drift -p {ISTIO}"
    done = run("sh", "-c", script, cwd=clone.path)
    assert done.code == 1, done.err
    assert f"{ISTIO}: 1 resource differs" in done.out.splitlines()
    assert "are not read" in done.out
    assert len(done.out) < 20 << 20


@rare
def test_all_paths_together_keep_no_more(clone: Clone, tool: Tool) -> None:
    """Of three times 15 MB of text that may be shown, what there is room for."""
    tool.prints(difference(DEPLOYMENT, "@@ -0,0 +1,250 @@\n" + f"+{'x' * 60_000}\n" * 250))
    record(clone, f"Paths={ISTIO}, {DASHBOARD}, clusters/prod")
    done = clone.ekf("drift", "-p")
    assert done.code == 1, done.err
    assert len(done.out) < 34 << 20
    assert done.out.count("    (there is more, too long to show)") == 1


def test_it_names_very_many(clone: Clone, tool: Tool) -> None:
    tool.prints("".join(difference(f"v1.ConfigMap.a.{number}") for number in range(20_000)))
    done = clone.ekf("drift", ISTIO)
    assert done.code == 1, done
    assert f"{ISTIO}: 20000 resources differ" in done.out.splitlines()
    assert done.out.splitlines()[-1] == "  and 19000 more resources"


def test_hostile_names(clone: Clone, tool: Tool) -> None:
    names = ["\x1b[31mred", "'a b'", '"q\\', "\x07", "\udcff", "../../x", "$(touch x)", "a\rb"]
    text = "".join(difference(f"v1.ConfigMap.ns.{name}") for name in names)
    tool.prints(os.fsencode(text + "diff \ndiff\n--- \n+++ \n@@ -x @@\n\\ \n" + "diff ''\n"))
    for options in (["-p"], []):
        done = clone.ekf("drift", ISTIO, *options)
        assert done.code == 1, done
        assert done.out.replace("\n", "").isprintable()
    assert "ConfigMap ns/\\x1b[31mred" in done.out
    assert document(clone, ISTIO, code=1)["paths"]


def test_where_and_with_what_it_runs(clone: Clone, tool: Tool) -> None:
    """In the record's tree, whatever the work tree has, and where no git finds the repository."""
    clone.write(f"{ISTIO}/kustomization.yaml", "edited: true\n")
    clone.write(f"{ISTIO}/untracked", "")
    tool.does(
        'pwd >> "$log"; ls -A "$1" >> "$log"; grep -c edited "$1"/* >> "$log"\n'
        'env | grep -E "^(EKF|KUBECTL)" | sort >> "$log"; git rev-parse >> "$log" 2>&1'
    )
    env = {"KUBECTL_EXTERNAL_DIFF": "meld", "GIT_DIR": str(clone.path / ".git")}
    done = clone.ekf("drift", ISTIO, env=env)
    assert done.code == 5, done  # by git's code in the script
    folder, *files = tool.lines()
    assert not folder.startswith(str(clone.path))
    assert not Path(folder).exists()
    assert "untracked" not in files
    assert "1" not in files
    assert [line for line in files if "=" in line] == [
        f"EKF_COMMIT={clone.out('rev-parse', 'HEAD')}",
        "EKF_RELEASE=1.8",
        f"EKF_UPSTREAM={clone.out('rev-parse', 'origin/release-1.8')}",
    ]
    assert "not a git repository" in "".join(files)


def test_a_relative_kubeconfig(clone: Clone, tool: Tool) -> None:
    """It leads from where apply's would, and not from the export."""
    tool.does('echo "$KUBECONFIG" >> "$log"')
    here = Clone(clone.path / "apps")
    assert here.ekf("drift", "istio", env={"KUBECONFIG": "mine:/etc/theirs:"}).code == 0
    assert tool.lines() == [f"{clone.path}/mine:/etc/theirs:"]


def test_without_a_path_it_runs_once(clone: Clone, tool: Tool) -> None:
    tool.prints(difference(DEPLOYMENT))
    tool.named(str(tool.path), "all")
    done = clone.ekf("drift")
    assert done.code == 1, done
    assert done.out.splitlines()[1:] == [
        "1 resource differs",
        "  changed  apps/Deployment kubeflow/istio",
    ]
    assert tool.lines() == ["all"]
    done = clone.ekf("drift", ISTIO)
    assert (done.code, done.err.splitlines()[1]) == (2, "hint: git ekf drift"), done


# --- what is compared ---


def test_the_records_tree_and_not_head(clone: Clone, tool: Tool) -> None:
    deployed = head(clone)
    clone.commit("clusters/prod/values", "2")
    tool.does('cat clusters/prod/values >> "$log"')
    done = clone.ekf("drift", "clusters/prod")
    assert done.code == 0, done
    assert f"{RECORD} ({deployed})" in done.out
    assert tool.lines() == ["1"]


def test_the_newest_record_of_all_releases(clone: Clone, tool: Tool) -> None:
    """By the time of the tag, not by the day in its name, nor by what is checked out."""
    clone.git("switch", "-q", "-c", "release-1.9", "origin/release-1.9")
    env = {"GIT_COMMITTER_DATE": "2026-11-20T11:00:00+00:00"}
    done = clone.ekf("tag", "-m", "x", "--date", "2026-11-01", "--field", "Paths=apps", env=env)
    assert done.code == 0, done
    clone.git("switch", "-q", "release-1.8")
    done = clone.ekf("drift")
    assert "compared with deploy/2026-11-01/release-1.9" in done.out, done
    assert tool.lines() == ["apps"]


def test_no_record(clone: Clone) -> None:
    done = clone.ekf("drift")
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines() == [
        "git-ekf: there is no deploy record yet",
        "hint: git ekf tag",
    ]


def test_a_record_without_paths(clone: Clone, tool: Tool) -> None:
    clone.git("tag", "-d", RECORD)
    clone.git("update-ref", "-d", f"refs/ekf/records/{RECORD}")
    record(clone)
    done = clone.ekf("drift")
    assert done.code == 4, done
    assert f"neither {RECORD} nor apply.paths says" in done.err
    assert clone.ekf("drift", ISTIO).code == 0
    for path in (DASHBOARD, "apps/new"):
        clone.git("config", "--add", "ekf.apply.paths", path)
    done = clone.ekf("drift")
    assert done.code == 0, done
    assert tool.lines() == [ISTIO, DASHBOARD]
    assert f"note: {RECORD} did not apply, so it is not compared: apps/new" in done.err


@pytest.mark.parametrize(
    ("listed", "code", "said"),
    [
        ("apps/gone", 4, "apps/gone is not in"),
        ("../../etc", 4, "../../etc is outside the work tree"),
        ("/etc", 4, "/etc is outside the work tree"),
        ('"apps/\\u0000"', 4, "a NUL, is not a path"),
        (" , ,", 4, "says which paths"),
        ('"unfinished', 4, "is not in"),
        (f"./{ISTIO}/,  apps ", 0, ""),
    ],
)
def test_paths_that_a_record_lists(
    clone: Clone, tool: Tool, listed: str, code: int, said: str
) -> None:
    record(clone, f"Paths={listed}")
    done = clone.ekf("drift")
    assert done.code == code, done
    assert said in done.err
    assert tool.lines() == ([] if code else [ISTIO, "apps"])


def test_lists_of_paths() -> None:
    assert listed_paths('a, "b, \\"c\\"" ,d,,') == ["a", 'b, "c"', "d"]
    assert listed_paths('"a" b, "c') == ['"a" b', '"c']
    assert listed_paths("1.8, true, a") == ["1.8", "true", "a"]
    began = time.monotonic()
    assert listed_paths('",' * 100_000)
    assert time.monotonic() - began < 20


def test_a_link_that_leads_out_of_the_tree(clone: Clone, tool: Tool, tmp_path: Path) -> None:
    (clone.path / "apps/link").symlink_to(tmp_path)
    clone.git("add", "-A")
    clone.git("commit", "-q", "--no-verify", "-m", "Link")
    record(clone)
    done = clone.ekf("drift", "apps/link")
    assert done.code == 4, done
    assert "apps/link is outside the work tree" in done.err
    assert tool.lines() == []


def test_paths_given(clone: Clone, tool: Tool) -> None:
    here = Clone(clone.path / "apps/istio")
    assert here.ekf("drift", "overlays/deploy", "../dashboard", ".").code == 0
    assert tool.lines() == [ISTIO, "apps/dashboard", "apps/istio"]
    for path in ("../../..", "none", ""):
        assert here.ekf("drift", path).code == 4
    clone.write("new/file", "")
    assert clone.ekf("drift", "new").code == 4


def test_ignored_files_are_named(clone: Clone, tool: Tool) -> None:
    record(clone, f"Paths={ISTIO}", f"Ignored={ISTIO}/x.secret")
    done = clone.ekf("drift")
    assert done.code == 0, done
    assert f"is compared without: {ISTIO}/x.secret" in done.err


def test_a_record_on_no_commit(clone: Clone, tool: Tool) -> None:
    env = {"GIT_COMMITTER_DATE": "2026-11-20T11:00:00+00:00"}
    clone.git("tag", "-a", "-m", "x", "deploy/2026-11-20.2/release-1.8", "HEAD^{tree}", env=env)
    done = clone.ekf("drift")
    assert done.code == 4, done
    assert "deploy/2026-11-20.2/release-1.8 is on no commit that is here" in done.err


def test_in_a_bare_repository(clone: Clone, tool: Tool, tmp_path: Path) -> None:
    clone.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    bare = Clone(tmp_path / "bare.git")
    bare.git("config", "ekf.drift.command", str(tool.path))
    bare.git("config", "--add", "ekf.drift.command", "{path}")
    assert bare.ekf("drift").code == 0
    assert bare.ekf("drift", DASHBOARD).code == 0
    assert tool.lines() == [ISTIO, DASHBOARD, DASHBOARD]


# --- trust ---


def test_which_file_decides(clone: Clone, tool: Tool) -> None:
    """The one of today, as for apply: neither of them may run before it is trusted."""
    clone.git("config", "--unset-all", "ekf.drift.command")
    command = json.dumps([str(tool.path), "today", "{path}"])
    clone.commit(".ekf.toml", '[drift]\ncommand = ["rm", "-rf", "{path}"]\n')
    record(clone, f"Paths={ISTIO}")
    clone.commit(".ekf.toml", f"[drift]\ncommand = {command}\n")
    done = clone.ekf("drift")
    assert (done.code, done.err.splitlines()[-1]) == (4, "hint: git ekf trust"), done
    assert tool.lines() == []
    assert "  not trusted  drift  " in clone.ekf("trust", "--list").out
    assert clone.ekf("trust", "--yes").code == 0
    assert clone.ekf("drift").code == 0
    assert tool.lines() == [f"today {ISTIO}"]


def test_a_script_of_the_records_tree(clone: Clone, tool: Tool) -> None:
    """It runs as it was deployed, so it is that version which has to be trusted."""
    tool.named("tools/compare", "{path}")
    (clone.path / "tools").mkdir()
    script = clone.path / "tools/compare"
    script.write_text(f"#!/bin/sh\necho deployed >>{tool.log}\n")
    script.chmod(0o755)
    clone.git("add", "-A")
    clone.git("commit", "-q", "--no-verify", "-m", "Compare")
    record(clone, f"Paths={ISTIO}")
    clone.commit("tools/compare", f"#!/bin/sh\necho newer >>{tool.log}\n")
    done = clone.ekf("drift")
    assert done.code == 4, done
    assert "tools/compare (" in done.err
    assert "is not trusted here in this version" in done.err
    assert done.err.splitlines()[-1] == "hint: git ekf trust"
    assert clone.ekf("trust", "--yes").code == 0
    assert clone.ekf("drift").code == 0
    assert tool.lines() == ["deployed"]


def test_a_program_of_the_tree_is_not_found_by_a_relative_path(clone: Clone, tool: Tool) -> None:
    tool.named("kubectl-of-the-tree", "{path}")
    clone.commit("kubectl-of-the-tree", f"#!/bin/sh\necho tree >>{tool.log}\n")
    (clone.path / "kubectl-of-the-tree").chmod(0o755)
    clone.git("commit", "-q", "--no-verify", "-a", "-m", "Executable")
    record(clone, f"Paths={ISTIO}")
    clone.git("rm", "-q", "kubectl-of-the-tree")
    done = clone.ekf("drift", env={"PATH": f"{os.environ['PATH']}:."})
    assert done.code == 5, done
    assert tool.lines() == []


def test_doctor_looks_for_it(clone: Clone, tool: Tool) -> None:
    assert "drift.command:" not in clone.ekf("doctor").out
    tool.named("no-such-tool", "{path}")
    assert "drift.command: no-such-tool is not on the PATH" in clone.ekf("doctor").out


# --- ended from outside ---


def start(clone: Clone, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(GIT_EKF), *args],
        cwd=clone.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][:1]
    except FileNotFoundError:
        return False
    return state != "Z"


@rare
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("trap", ["", "trap '' INT TERM HUP"])
def test_a_signal_ends_the_tool_too(
    clone: Clone, tool: Tool, scratch: Path, number: signal.Signals, trap: str
) -> None:
    """One that does not listen is killed; nothing is left of the export."""
    tool.does(f'{trap}\necho $$ >> "$log"\necho up >> "$log"\nwhile :; do sleep 0.1; done')
    process = start(clone, "drift")
    tool.wait_for("up")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert "Traceback" not in said
    assert not is_running(int(tool.lines()[0]))
    assert list(scratch.iterdir()) == []
    assert tool.lines()[2:] == []


def test_ctrl_c_on_a_terminal(clone: Clone, tool: Tool) -> None:
    tool.does('echo $$ >> "$log"\necho up >> "$log"\nexec sleep 600')
    child = clone.in_terminal("drift")
    tool.wait_for("up")
    child.sendintr()
    child.expect("git-ekf: interrupted")
    child.wait()
    assert child.exitstatus == 130
    assert not is_running(int(tool.lines()[0]))


@rare
@pytest.mark.parametrize("left", ["sleep 600", "yes"])
def test_what_it_leaves_behind_is_not_waited_for(clone: Clone, tool: Tool, left: str) -> None:
    tool.does(f'{left} & echo $! >> "$log"')
    began = time.monotonic()
    done = clone.ekf("drift", ISTIO)
    os.kill(int(tool.lines()[0]), signal.SIGKILL)
    assert done.code == 0, done
    assert time.monotonic() - began < 60


def test_it_may_ask(clone: Clone, tool: Tool) -> None:
    tool.does('printf "Password: " >&2; read -r word; [ "$word" = right ]')
    child = clone.in_terminal("drift", ISTIO)
    child.expect("Password: ")
    child.sendline("right")
    child.expect("no difference")
    child.wait()
    assert child.exitstatus == 0


# --- apply --drift ---


@pytest.fixture
def applying(clone: Clone, tool: Tool) -> Clone:
    """A clone whose deploy tool says which path it was given."""
    clone.git("config", "ekf.apply.command", "echo")
    clone.git("config", "--add", "ekf.apply.command", "applied {path}")
    return clone


def test_apply_says_what_it_overwrites(applying: Clone, tool: Tool) -> None:
    tool.prints(difference(DEPLOYMENT))
    done = applying.ekf("apply", "--drift", "--yes", ISTIO, "-m", "Again.")
    assert done.code == 0, done
    assert done.err.splitlines()[:4] == [
        f"Comparing {ISTIO}: '{tool.path}' {ISTIO}",
        f"Changed in the cluster since {RECORD}, and about to be overwritten:",
        f"{ISTIO}: 1 resource differs",
        "  changed  apps/Deployment kubeflow/istio",
    ]
    assert done.out.splitlines()[0] == f"applied {ISTIO}"


def test_apply_asks_nobody(applying: Clone, tool: Tool) -> None:
    tool.prints(difference(DEPLOYMENT))
    done = applying.ekf("apply", "--drift", ISTIO)
    assert (done.code, done.out) == (4, ""), done
    assert "  changed  apps/Deployment kubeflow/istio" in done.err.splitlines()
    assert done.err.splitlines()[-1].endswith("the same command with --yes")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 4)])
def test_apply_asks_a_person(applying: Clone, tool: Tool, answer: str, code: int) -> None:
    tool.prints(difference(DEPLOYMENT))
    child = applying.in_terminal("apply", "--drift", ISTIO)
    child.expect("changed  apps/Deployment kubeflow/istio")
    child.expect("Apply, and overwrite that?")
    child.sendline(answer)
    rest = child.read()
    child.wait()
    assert child.exitstatus == code, rest
    assert (f"applied {ISTIO}" in rest) == (code == 0)


def test_apply_on_a_cluster_as_it_was_left(applying: Clone, tool: Tool) -> None:
    done = applying.ekf("apply", "--drift", ISTIO)
    assert done.code == 0, done
    assert done.err.splitlines()[1] == f"The cluster is as {RECORD} left it."


def test_apply_compares_what_was_applied_before(applying: Clone, tool: Tool) -> None:
    """What was never applied cannot have been changed in the cluster."""
    done = applying.ekf("apply", "--drift", DASHBOARD, "clusters/prod")
    assert done.code == 0, done
    assert tool.lines() == [DASHBOARD]
    assert f"note: {RECORD} did not apply, so it is not compared: clusters/prod" in done.err


@pytest.mark.parametrize(
    ("listed", "given", "compared"),
    [
        (f"{ISTIO}, {DASHBOARD}", "apps", [ISTIO, DASHBOARD]),
        (f"{ISTIO}, {DASHBOARD}", ".", [ISTIO, DASHBOARD]),
        ("apps", ISTIO, [ISTIO]),
        (".", ISTIO, [ISTIO]),
        (".", ".", ["."]),
        ("apps/istio", "apps/istio-new", []),
        ("apps", "apps/new", []),
    ],
)
def test_apply_compares_folders_as_well(
    applying: Clone, tool: Tool, listed: str, given: str, compared: list[str]
) -> None:
    record(applying, f"Paths={listed}")
    for name in ("apps/istio-new/file", "apps/new/file"):
        applying.commit(name, "")
    done = applying.ekf("apply", "--drift", given)
    assert done.code == 0, done
    assert tool.lines() == compared
    assert ("did not apply" in done.err) == (not compared)


def test_apply_after_a_record_without_paths(applying: Clone, tool: Tool) -> None:
    env = {"GIT_COMMITTER_DATE": "2026-11-20T11:00:00+00:00"}
    assert applying.ekf("tag", "-m", "x", env=env).code == 0
    applying.commit("apps/new/file", "")
    assert applying.ekf("apply", "--drift", ISTIO, "apps/new").code == 0
    assert tool.lines() == [ISTIO]


def test_apply_for_the_first_time(clone: Clone) -> None:
    clone.git("config", "ekf.apply.command", "echo")
    clone.git("config", "--add", "ekf.apply.command", "applied {path}")
    done = clone.ekf("apply", "--drift", ISTIO)
    assert (done.code, done.out.splitlines()[0]) == (0, f"applied {ISTIO}"), done
    assert "there is no deploy record yet, so the cluster is not compared" in done.err


def test_apply_where_the_comparison_fails(applying: Clone, tool: Tool) -> None:
    tool.does("exit 2")
    done = applying.ekf("apply", "--drift", "--yes", ISTIO)
    assert (done.code, done.out) == (5, ""), done
    assert "the tool failed with code 2; nothing was applied" in done.err


def test_apply_sees_what_moves_meanwhile(applying: Clone, tool: Tool) -> None:
    tool.does(f"git -C '{applying.path}' commit -q --allow-empty --no-verify -m Meanwhile")
    done = applying.ekf("apply", "--drift", ISTIO)
    assert (done.code, done.out) == (4, ""), done
    assert "this repository has changed meanwhile" in done.err


def test_apply_dry_run(applying: Clone, tool: Tool) -> None:
    tool.prints(difference(DEPLOYMENT))
    done = applying.ekf("apply", "--drift", "-n", ISTIO)
    assert (done.code, done.out) == (0, f"echo 'applied {ISTIO}'\n"), done
    assert "  changed  apps/Deployment kubeflow/istio" in done.err.splitlines()
