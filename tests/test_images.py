"""git ekf images: names of images read, found in manifests, and listed from built ones, with a small builder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Clone, run
from hypothesis import given
from hypothesis import strategies as st
from reach import generated, rare
from test_schemas import answer
from upgrading import script, use_builder

from git_ekf import config
from git_ekf.config import Config
from git_ekf.errors import UsageError
from git_ekf.imagenames import ImageName, NoImageName, is_below, is_registry, parse
from git_ekf.manifests.image_entries import CannotEdit, ImageEntry, added
from git_ekf.manifests.image_uses import Patterns, uses
from git_ekf.manifests.resources import parse as parse_resources

ISTIO = "apps/istio/overlays/deploy"
DASHBOARD = "apps/dashboard/overlays/deploy"
MIRROR = "registry.example.com/mirror"
SHA = "sha256:" + "0123456789abcdef" * 4

# Prints what lies beside the kustomization, and of a base in this repository that too.
_BUILDER = """#!/bin/sh
cd "$1" || exit
if test -f fail.txt; then cat fail.txt >&2; exit 3; fi
for file in *.yaml ../../base/*.yaml; do
    case $file in *kustomization.yaml | *'*'*) continue ;; esac
    echo ---
    cat "$file"
done
"""

# Builds as kustomize does, as far as images go: its lists of containers wherever they are, the fields that files
# of `configurations:` name, the names taken for regular expressions, and the entries one after another.
_KUSTOMIZE = (
    f"#!{sys.executable}\n"
    + r"""
import os, re, sys, yaml

def split(text):
    at = text.find("/") if "/" in text else 0
    ends = [end for end in (text.find(":", at), text.find("@", at)) if end >= 0]
    return (text[:min(ends)], text[min(ends):]) if ends else (text, "")

def renamed(text, entry):
    pattern = "^" + entry["name"] + r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$"
    if not re.match(pattern, text):
        return text
    name, rest = split(text)
    return entry.get("newName", name) + (":" + entry["newTag"] if "newTag" in entry else rest)

def walk(value, entry):
    for key, inner in value.items() if isinstance(value, dict) else []:
        if key in ("containers", "initContainers"):
            for item in inner:
                item["image"] = renamed(item["image"], entry)
        walk(inner, entry)
    for inner in value if isinstance(value, list) else []:
        walk(inner, entry)

def field(value, path, entry):
    first, _, rest = path.partition("/")
    if rest and first in value:
        field(value[first], rest, entry)
    elif first in value:
        value[first] = renamed(value[first], entry)

def build(folder):
    with open(os.path.join(folder, "kustomization.yaml")) as file:
        own = yaml.safe_load(file)
    found = []
    for name in own.get("resources", []):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            found += build(path)
            continue
        with open(path) as file:
            found += list(yaml.safe_load_all(file))
    paths = []
    for name in own.get("configurations", []):
        with open(os.path.join(folder, name)) as file:
            paths += yaml.safe_load(file)["images"]
    for entry in own.get("images") or []:
        for one in found:
            walk(one, entry)
            for spec in paths:
                if spec.get("kind", one["kind"]) == one["kind"]:
                    field(one, spec["path"], entry)
    return found

print(yaml.safe_dump_all(build(sys.argv[1])))
"""
)


@pytest.fixture
def builder(clone: Clone, tmp_path: Path) -> str:
    """The small builder, named in the clone's own git configuration."""
    program = script(tmp_path / "build", _BUILDER)
    use_builder(clone, program, "{path}")
    return program


def pod(*images: str) -> str:
    containers = "".join(f"  - name: c{at}\n    image: {one}\n" for at, one in enumerate(images))
    return f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n{containers}"


# --- names ---


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("nginx", "", "")),
        ("nginx:1.25", ("nginx", "1.25", "")),
        ("library/nginx:1", ("library/nginx", "1", "")),
        (f"nginx@{SHA}", ("nginx", "", SHA)),
        (f"quay.io/a/b:v1@{SHA}", ("quay.io/a/b", "v1", SHA)),
        ("localhost:5000/a", ("localhost:5000/a", "", "")),
        ("localhost/a:5000", ("localhost/a", "5000", "")),
        ("registry.example.com:443/a/b_c/d__e/f-g--h:V_1.x-y", None),
        ("[2001:db8::1]:5000/a:1", ("[2001:db8::1]:5000/a", "1", "")),
        ("Registry.Example.com/a", ("Registry.Example.com/a", "", "")),
        ("nginx:5000", ("nginx", "5000", "")),
        (f"a.b/{'c' * 255}", (f"a.b/{'c' * 255}", "", "")),
        (f"nginx:{'1' * 128}", ("nginx", "1" * 128, "")),
    ],
)
def test_a_name(text: str, parts: tuple[str, str, str] | None) -> None:
    found = parse(text)
    assert str(found) == text
    if parts:
        assert found == ImageName(*parts)


@pytest.mark.parametrize(
    "text",
    [
        *("", " nginx", "nginx\n", "nginx ", "Nginx", "a/Nginx", "nginx:", "nginx@", ":1", "@x"),
        *("nginx@sha256:abc", f"nginx@{SHA.upper()}", f"nginx@sha1:{'0' * 40}", f"nginx@{SHA}:1"),
        *("https://quay.io/a", "quay.io//a", "/a", "a/", "a_/b", "a..b/c", "a___b", "-a", "a-"),
        *("nginx:-1", f"nginx:{'1' * 129}", f"a.b/{'c' * 256}", "0123456789abcdef" * 4),
        *("nginx:1:2", "a.b:x/c", "a b", "nginx:\u0661", "n\u00e4me", "x" * 100_000, "a." * 50_000),
    ],
)
def test_no_name(text: str) -> None:
    with pytest.raises(NoImageName, match="is not the name of an image"):
        parse(text)


@pytest.mark.parametrize("text", ["a:$(TAG)", "a:${TAG}", "${REGISTRY}/a:1", "a:{{ .tag }}", "$A"])
def test_a_variable_is_told(text: str) -> None:
    with pytest.raises(NoImageName, match="has a variable in it"):
        parse(text)


def test_what_is_copied() -> None:
    assert parse("nginx:1").to_copy == "nginx:1"
    assert parse(f"nginx:1@{SHA}").to_copy == f"nginx@{SHA}"  # skopeo takes no name with both
    for text, copied in [
        ("nginx:1", "nginx:1"),
        (f"quay.io/a/b:1@{SHA}", f"quay.io/a/b:1@{SHA}"),
        ("localhost:5000/a", "localhost-5000/a"),
        ("Registry.Example.com/a", "registry.example.com/a"),
        ("[::1]:5000/a", "1-5000/a"),
    ]:
        copy = parse(text).copy_in(MIRROR)
        assert copy == f"{MIRROR}/{copied}"
        assert parse(copy).is_in(MIRROR)


def test_what_is_in_a_registry() -> None:
    assert parse(f"{MIRROR}/nginx:1").is_in(MIRROR)
    assert not parse("registry.example.com/mirrored/nginx").is_in(MIRROR)
    assert not parse("nginx").is_in(MIRROR)
    assert parse("nginx").is_in("docker.io")
    assert parse("nginx").is_in("docker.io/library")
    assert not parse("me/nginx").is_in("docker.io/library")
    assert parse("index.docker.io/me/nginx").is_in("docker.io/me")
    assert parse("localhost:5000/a").is_in("localhost:5000")
    assert not parse("localhost:50000/a").is_in("localhost:5000")
    assert is_below(f"{MIRROR}/nginx:$(TAG)", MIRROR)


# --- where they stand ---


def found(
    text: str,
    fields: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    variables: tuple[str, ...] = (),
) -> list[tuple[str, str, str]]:
    settings = Config(images_fields=fields, images_arguments=arguments, images_variables=variables)
    patterns = Patterns(settings)
    return [
        (use.text, use.field, use.source)
        for resource in parse_resources(text)
        for use in uses(resource, patterns)
    ]


def test_all_containers_of_a_pod() -> None:
    text = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  initContainers: [{name: i, image: "i:1"}]
  containers: [{name: c, image: "c:1"}, {image: 7}, {name: none}, {name: empty, image: null}, text]
  ephemeralContainers: [{name: e, image: "e:1"}]
  volumes: [{name: v, image: {reference: "v:1"}}, {name: w, image: text}, {name: x}]
"""
    assert found(text) == [
        ("i:1", "spec.initContainers[name=i].image", "container"),
        ("c:1", "spec.containers[name=c].image", "container"),
        ("7", "spec.containers[1].image", "container"),
        ("e:1", "spec.ephemeralContainers[name=e].image", "container"),
        ("v:1", "spec.volumes[name=v].image.reference", "volume"),
    ]


@pytest.mark.parametrize(
    ("kind", "to_pod"),
    [
        ("apps/v1 Deployment", "spec.template.spec"),
        ("apps/v1 StatefulSet", "spec.template.spec"),
        ("apps/v1 DaemonSet", "spec.template.spec"),
        ("apps/v1 ReplicaSet", "spec.template.spec"),
        ("v1 ReplicationController", "spec.template.spec"),
        ("v1 PodTemplate", "template.spec"),
        ("batch/v1 Job", "spec.template.spec"),
        ("batch/v1 CronJob", "spec.jobTemplate.spec.template.spec"),
        ("serving.knative.dev/v1 Service", "spec.template.spec"),
        ("kubeflow.org/v1 PyTorchJob", "spec.pytorchReplicaSpecs.Worker.template.spec"),
        ("serving.kserve.io/v1alpha1 ClusterServingRuntime", "spec"),
    ],
)
def test_pod_templates(kind: str, to_pod: str) -> None:
    version, _, name = kind.partition(" ")
    inner: Any = {"containers": [{"name": "c", "image": "c:1"}]}
    for key in reversed(to_pod.split(".")):
        inner = {key: inner}
    resource = {"apiVersion": version, "kind": name, "metadata": {"name": "x"}, **inner}
    expected = [("c:1", f"{to_pod}.containers[name=c].image", "container")]
    assert found(json.dumps(resource)) == expected
    listed = {"apiVersion": "v1", "kind": "List", "items": [resource]}
    assert found(json.dumps(listed)) == expected


def test_what_is_no_container() -> None:
    schema = {"containers": [{"name": "c", "image": "c:1"}]}
    crd = {"kind": "CustomResourceDefinition", "spec": schema}
    assert found(json.dumps(crd)) == []
    assert found("kind: X\ncontainers: {image: a}\nspec: {containers: text, volumes: 1}") == []
    assert found("kind: ConfigMap\ndata: {a: 'containers: [{image: x}]'}") == []


def test_fields_by_pattern() -> None:
    text = """
kind: Custom
metadata: {annotations: {sidecar.istio.io/proxyImage: "proxy:1"}}
spec:
  image: a:1
  other: b:1
  number: 3
  empty: ""
  parts: [{name: x, image: c:1}, {image: d:1}]
  containers: [{name: y, image: e:1}]
"""
    containers = [("e:1", "spec.containers[name=y].image", "container")]
    assert found(text, fields=("spec.image",)) == [*containers, ("a:1", "spec.image", "field")]
    assert found(text, fields=("spec.parts.image",)) == [
        *containers,
        ("c:1", "spec.parts[name=x].image", "field"),
        ("d:1", "spec.parts[1].image", "field"),
    ]
    # Each place once, also where it is that of a container.
    assert len(found(text, fields=("*.image", "spec.image"))) == 4
    assert found(text, fields=("*Image",))[1][0] == "proxy:1"
    assert found(text, fields=("spec.number", "spec.empty", "image")) == containers
    assert found("kind: Secret\ndata: {image: x}", fields=("data.image",)) == []
    assert found("kind: ConfigMap\ndata: {image: x}", fields=("data.image",))[0][0] == "x"


def test_arguments_and_variables_by_pattern() -> None:
    text = """
kind: Pod
spec:
  containers:
  - name: c
    image: c:1
    command: [run, --image=a:1, --other=no, --image, no]
    args: [-side-image, b:1, -side-image]
    env:
    - {name: RELATED_IMAGE_A, value: "d:1"}
    - {name: RELATED_IMAGE_B, valueFrom: {}}
    - {name: OTHER, value: "no"}
    - text
"""
    container = ("c:1", "spec.containers[name=c].image", "container")
    assert found(text) == [container]
    where = "spec.containers[name=c]"
    assert found(text, arguments=("--image=", "-side-*"), variables=("RELATED_*",)) == [
        container,
        ("a:1", f"{where}.command[1]", "argument"),
        ("b:1", f"{where}.args[1]", "argument"),
        ("d:1", f"{where}.env[name=RELATED_IMAGE_A].value", "variable"),
    ]


# --- configuration ---


def test_the_configuration_is_read() -> None:
    text = f'[images]\nregistry = "{MIRROR}"\nfields = ["spec.image", "*.image", "data.a/b"]\n'
    text += 'arguments = ["--image=", "-image"]\nvariables = ["RELATED_*"]\n'
    read = config.load(text.encode(), [])
    assert read.images_registry == MIRROR
    assert read.images_arguments == ("--image=", "-image")
    for registry in ("registry.example.com:5000", "localhost/x", "docker.io/me"):
        assert is_registry(registry)
    assert config.load(
        None, [("ekf.images.fields", "a"), ("ekf.images.fields", "b")]
    ).images_fields == ("a", "b")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('registry = "mirror"', "must be a registry, or a path in one"),
        ('registry = "https://registry.example.com"', "must be a registry, or a path in one"),
        ('registry = "registry.example.com/mirror/"', "must be a registry, or a path in one"),
        ('registry = "registry.example.com/mirror:1"', "must be a registry, or a path in one"),
        ('registry = "registry.example.com/Mirror"', "must be a registry, or a path in one"),
        ('registry = ""', "must not be empty"),
        ("registry = 1", "must be a string"),
        ('fields = "spec.image"', "must be a list of strings"),
        ('fields = [""]', 'must be a list of such as "spec.image"'),
        ('fields = ["spec.x[].image"]', 'must be a list of such as "spec.image"'),
        ('fields = [".spec"]', 'must be a list of such as "spec.image"'),
        ('fields = ["spec image"]', 'must be a list of such as "spec.image"'),
        ('arguments = ["image"]', 'must be a list of such as "--image="'),
        ('arguments = ["--"]', 'must be a list of such as "--image="'),
        ('arguments = ["--image=x"]', 'must be a list of such as "--image="'),
        ('variables = ["A=b"]', 'must be a list of such as "RELATED_IMAGE_*"'),
        ("images = []", "is not a key of the configuration"),
    ],
)
def test_a_wrong_value(line: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        config.load(f"[images]\n{line}\n".encode(), [])
    assert error.value.message.startswith(".ekf.toml:2: images.")
    assert message in error.value.message


# --- the command ---


def listed(clone: Clone, *args: str, code: int = 0, err: str = "") -> list[str]:
    done = clone.ekf("images", *args)
    assert (done.code, done.err) == (code, err), done
    return done.out.splitlines()


def test_one_image_a_line(clone: Clone, builder: str) -> None:
    clone.commit(f"{ISTIO}/a.yaml", pod("quay.io/b:1", "nginx", f"nginx:1@{SHA}", "nginx"))
    base = ["registry.example.com/dashboard:1.8.0", "registry.example.com/istio:1.8.0"]
    ours = ["nginx", f"nginx@{SHA}", "quay.io/b:1"]
    assert listed(clone) == [*ours, *base]
    assert listed(clone, "HEAD~1") == base
    assert listed(clone, ISTIO) == [*ours, base[1]]
    assert listed(clone, "HEAD", "--", ISTIO) == [*ours, base[1]]
    assert listed(clone, "--new-since", "HEAD~1") == ours
    assert listed(clone, "--new-since", "HEAD") == []
    assert listed(clone, "origin/release-1.9", "--new-since", "HEAD") == [
        "registry.example.com/dashboard:1.9.0",
        "registry.example.com/istio:1.9.0",
    ]
    inside = Clone(clone.path / "apps/istio")
    assert listed(inside, "overlays/deploy") == [*ours, base[1]]
    assert clone.git("status", "--porcelain").out == ""


def test_what_is_missing_is_said(clone: Clone, builder: str) -> None:
    clone.commit(f"{DASHBOARD}/fail.txt", "no such base\n")
    clone.commit(f"{ISTIO}/a.yaml", pod("nginx:$(TAG)", "Not/an image"))
    done = clone.ekf("images")
    assert (done.code, done.out) == (1, "registry.example.com/istio:1.8.0\n")
    assert done.err.splitlines() == [
        f"not built: {DASHBOARD} of HEAD",
        "  no such base",
        'not read: "Not/an image" is not the name of an image',
        f"  container: Pod web spec.containers[name=c1].image ({ISTIO})",
        'not read: "nginx:$(TAG)" has a variable in it',
        f"  container: Pod web spec.containers[name=c0].image ({ISTIO})",
    ]
    # What the older revision lacks is not known where that does not build.
    clone.commit(f"{DASHBOARD}/fail.txt", "")
    clone.git("rm", "-q", f"{DASHBOARD}/fail.txt")
    clone.git("commit", "-q", "-m", "Mend")
    done = clone.ekf("images", "--new-since", "HEAD~2")
    assert (done.code, done.out) == (1, "registry.example.com/dashboard:1.8.0\n")
    assert done.err.splitlines()[0] == f"not built: {DASHBOARD} of HEAD~2"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("a: [1\n", "it is not YAML in line 2 of a document"),
        ("\0", "it is not YAML"),
        ("- a\n", "it is YAML, but no list of resources"),
        ("[" * 300 + "]" * 300, "it is nested too deeply"),
        ("a: \\377\n", "it is not UTF-8 text"),
        ("a: &a [x]\nb: *c\n", "it is not YAML in line 2 of a document"),
    ],
)
def test_what_no_parser_takes(clone: Clone, tmp_path: Path, output: str, message: str) -> None:
    (tmp_path / "output").write_bytes(
        output.replace("\\377", "\udcff").encode(errors="surrogateescape")
    )
    use_builder(clone, "cat", str(tmp_path / "output"), "{path}/kustomization.yaml")
    program = script(tmp_path / "build", f"#!/bin/sh\ncat {tmp_path}/output\n")
    use_builder(clone, program, "{path}")
    done = clone.ekf("images", ISTIO)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"not built: {ISTIO} of HEAD\n  what it printed cannot be read: {message}\n"


def test_two_documents_of_one_name(clone: Clone, builder: str) -> None:
    clone.commit(f"{ISTIO}/a.yaml", pod("a:1") + "---\n" + pod("a:2") + "---\n" + pod("a:1"))
    assert listed(clone, ISTIO)[:2] == ["a:1", "a:2"]


def test_the_document(clone: Clone, builder: str) -> None:
    clone.commit(".ekf.toml", f'[images]\nregistry = "{MIRROR}"\nvariables = ["IMAGE"]\n')
    env = '    env: [{name: IMAGE, value: "e:1"}]\n'
    clone.commit(f"{ISTIO}/a.yaml", pod(f"{MIRROR}/a:1", f"b:1@{SHA}", "c:$(X)") + env)
    clone.commit(f"{DASHBOARD}/fail.txt", "no\n")
    document = answer(clone, "images", "--new-since", "HEAD~2", code=1)
    assert document["revision"]["name"] == "HEAD"
    assert document["since"]["commit"] == clone.out("rev-parse", "HEAD~2")
    assert (document["registry"], document["chosen"]) == (MIRROR, "overlays")
    assert document["kustomizations"] == [DASHBOARD, ISTIO]
    shown = [
        (one["image"], one["repository"], one["tag"], one["digest"], one["covered"], one["copy"])
        for one in document["images"]
    ]
    assert shown == [
        (f"b:1@{SHA}", "b", "1", SHA, False, f"{MIRROR}/b:1@{SHA}"),
        ("e:1", "e", "1", None, False, f"{MIRROR}/e:1"),
        (f"{MIRROR}/a:1", f"{MIRROR}/a", "1", None, True, None),
    ]
    assert document["images"][1]["places"] == [
        {
            "path": ISTIO,
            "group": "",
            "kind": "Pod",
            "namespace": "",
            "name": "web",
            "field": "spec.containers[name=c2].env[name=IMAGE].value",
            "source": "variable",
        }
    ]
    assert [(one["text"], one["reason"]) for one in document["unread"]] == [
        ("c:$(X)", "has a variable in it")
    ]
    head = clone.out("rev-parse", "HEAD")
    assert document["unbuilt"] == [{"path": DASHBOARD, "commit": head, "message": "no"}]
    clone.git("rm", "-q", f"{DASHBOARD}/fail.txt", ".ekf.toml")
    clone.git("commit", "-q", "-m", "Without")
    document = answer(clone, "images", "HEAD~3", ISTIO)
    assert (document["since"], document["registry"], document["unread"]) == (None, None, [])
    assert document["images"][0]["covered"] is None


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
            ["nowhere", "--", "apps"],
            2,
            "nowhere is neither a deploy record nor a revision",
            "git ekf log lists the records",
        ),
        (
            ["--new-since", "nowhere"],
            2,
            "nowhere is neither a deploy record nor a revision",
            "git ekf log lists the records",
        ),
        (
            ["--", "nowhere"],
            2,
            "nowhere is not there",
            "git ekf images lists those of all kustomizations",
        ),
        (["--", ".."], 2, ".. is outside the repository", "git ekf images -h"),
        (
            ["apps"],
            2,
            "apps is both a revision and a path",
            "git ekf images apps -- for the revision, git ekf images -- apps otherwise",
        ),
    ],
)
def test_words_that_mean_nothing(
    clone: Clone, builder: str, args: list[str], code: int, message: str, hint: str
) -> None:
    clone.git("branch", "apps")
    done = clone.ekf("images", *args)
    assert (done.code, done.out, done.err) == (code, "", f"git-ekf: {message}\nhint: {hint}\n")


def test_a_path_of_the_configuration_that_is_not_there(clone: Clone, builder: str) -> None:
    clone.git("config", "ekf.apply.paths", "not/there")
    said = "not built: not/there of HEAD\n  there is no such path\n"
    assert listed(clone, code=1, err=said) == []


def test_a_command_that_is_not_trusted(clone: Clone, tmp_path: Path) -> None:
    program = script(tmp_path / "build", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    clone.commit(".ekf.toml", f'[render]\ncommand = ["{program}", "{{path}}"]\n')
    done = clone.ekf("images")
    assert (done.code, done.out) == (4, "")
    assert "names a command that is not trusted here" in done.err
    assert not (tmp_path / "ran").exists()


def test_without_pyyaml(clone: Clone, builder: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "yaml.py").write_text("raise ImportError\n")
    done = clone.ekf("images", env={"PYTHONPATH": str(missing)})
    assert (done.code, done.out, done.err) == (
        4,
        "",
        "git-ekf: listing images needs PyYAML, which is not installed\n"
        "hint: pip install 'git-ekf[render]'\n",
    )


def test_a_builder_that_hangs_ends_with_the_command(clone: Clone, tmp_path: Path) -> None:
    mark = tmp_path / "began"
    program = script(tmp_path / "build", f"#!/bin/sh\necho $$ >{mark}\nexec sleep 1000\n")
    use_builder(clone, program, "{path}")
    process = subprocess.Popen(
        ["git-ekf", "images", ISTIO], cwd=clone.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    pid = int(mark.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# --- entries in a kustomization ---

ENTRIES = [ImageEntry("nginx", f"{MIRROR}/nginx"), ImageEntry("9front/a", f"{MIRROR}/9front/a")]
LINES = f"""- name: nginx
  newName: {MIRROR}/nginx
- name: "9front/a"
  newName: {MIRROR}/9front/a
"""
INDENTED = "".join(f"  {line}\n" for line in LINES.splitlines())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("resources:\n- a.yaml\n", f"resources:\n- a.yaml\nimages:\n{LINES}"),
        ("resources: [a.yaml]", f"resources: [a.yaml]\nimages:\n{LINES}"),
        ("a: 1\n\n# the end\n", f"a: 1\n\n# the end\nimages:\n{LINES}"),
        (
            "images:\n- name: a # why\n# more\nb: 1\n",
            f"images:\n- name: a # why\n{LINES}# more\nb: 1\n",
        ),
        (
            "images:\n  - name: a\n    newTag: 'x'\n\nb: 1",
            f"images:\n  - name: a\n    newTag: 'x'\n{INDENTED}\nb: 1",
        ),
        ("images:\n- {name: a}", f"images:\n- {{name: a}}\n{LINES}"),
        ("images:\n- name: a\n  digest:\nb: 1\n", f"images:\n- name: a\n  digest:\n{LINES}b: 1\n"),
        ("images: []\nb: 1\n", f"images: \n{LINES}b: 1\n"),
        ("images: [] # none\nb: 1\n", f"images:  # none\n{LINES}b: 1\n"),
        ("images: null\n", f"images: \n{LINES}"),
        ("images: ~", f"images: \n{LINES}"),
        ("images:\nb: 1\n", f"images:\n{LINES}b: 1\n"),
        ("images: # soon\n\nb: 1\n", f"images: # soon\n{LINES}\nb: 1\n"),
        ("images:", f"images:\n{LINES}"),
        ("a: |\n  x\n", f"a: |\n  x\nimages:\n{LINES}"),
        ("---\na: 1\n", f"---\na: 1\nimages:\n{LINES}"),
        ("\ufeffa: 1\n", f"\ufeffa: 1\nimages:\n{LINES}"),
        (
            "a: 1 # \u2028\x85\nimages:\n- name: b\nc: 1\n",
            f"a: 1 # \u2028\x85\nimages:\n- name: b\n{LINES}c: 1\n",
        ),
        (
            "x: &x [1]\ny: *x\nimages:\n- name: b\n",
            f"x: &x [1]\ny: *x\nimages:\n- name: b\n{LINES}",
        ),
        (
            "images:\n- name: >-\n    b\n# c\nd: 1\n",
            f"images:\n- name: >-\n    b\n{LINES}# c\nd: 1\n",
        ),
    ],
)
def test_entries_are_added_and_nothing_else_changes(before: str, after: str) -> None:
    assert added(before.encode(), ENTRIES).decode() == after
    lines = before.encode().replace(b"\n", b"\r\n")
    if b"\r\n" in lines and b"|" not in lines:
        assert added(lines, ENTRIES) == after.encode().replace(b"\n", b"\r\n")
    read = yaml.safe_load(after.lstrip("\ufeff"))
    assert read["images"][-2:] == [{"name": one.name, "newName": one.new_name} for one in ENTRIES]


@rare
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("images: [{name: a}]\n", "its images stand in brackets"),
        ("images: text\n", "its images are no list"),
        ("images: {a: 1}\n", "its images are no list"),
        ("images:\n- a\nimages:\n- b\n", "it has images twice"),
        ("x: &x {images: []}\n<<: *x\n", "takes keys from elsewhere"),
        ("x: &x\n- name: a\nimages: *x\n", "its images are those of an anchor"),
        ('{"resources": []}\n', "no map with a key on each line"),
        ("- a\n", "no map with a key on each line"),
        ("  a: 1\n", "no map with a key on each line"),
        ("", "not one YAML document"),
        ("# nothing\n", "not one YAML document"),
        ("a: 1\n---\nb: 1\n", "not one YAML document"),
        ("a: [\n", "not YAML"),
        ("a: \0\n", "not YAML"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a: 1\n...\n", "without a change to something else"),
        ("a: |\n  x", "without a change to something else"),
        ("a: |+\n  x\n\n", None),
        ("a: 1\nb", "not YAML"),
        ("x" * 1_100_000, "more than 1 MB"),
        ("a: \udcff", "not UTF-8 text"),
    ],
)
def test_what_cannot_be_edited_safely(text: str, why: str | None) -> None:
    content = text.encode(errors="surrogateescape")
    if why is None:
        assert yaml.safe_load(added(content, ENTRIES))["a"] == yaml.safe_load(content)["a"]
        return
    with pytest.raises(CannotEdit, match=why):
        added(content, ENTRIES)


@pytest.mark.parametrize("name", ["null", "true", "no", "y", "1e3", "0x1", "3.14", "1_0", "12:30"])
def test_a_name_stays_a_text(name: str) -> None:
    content = added(b"a: 1\n", [ImageEntry(name, f"{MIRROR}/{name}")])
    assert yaml.safe_load(content)["images"] == [{"name": name, "newName": f"{MIRROR}/{name}"}]


_SECTIONS = st.sampled_from(
    [
        "resources:\n- a.yaml # one\n- b.yaml\n",
        "resources: [a.yaml]\n",
        "# a comment\n",
        "\n",
        "labels:\n  - pairs: {a: b}\n    includeSelectors: true\n",
        "patches:\n- patch: |-\n    - op: add\n      path: /images\n  target: {kind: Pod}\n",
        "namespace: 'images:'\n",
        "x: &x\n  - name: y\n",
        "commonAnnotations:\n    images: none\n",
        "description: >\n  images:\n  - name: no\n\n",
    ]
)
_IMAGES = st.sampled_from(
    [
        "",
        "images:\n- name: a\n  newTag: '1' # why\n- name: b\n",
        "images: # these\n  # first\n  - newName: b\n    name: a\n",
        "images:\n- name: a\n  newTag: |\n    1\n",
        "images:\n  -   name: a\n\n      newTag: 1\n",
        "images:\n- {name: a, newTag: 'x'}\n",
        "images: []\n",
        "images:\n",
        "images: null # none\n",
        "'images':\n- name: a\n",
        '"images" :\n - name: "a\\n\\\n  b"\n',
        "images:\n- &y\n  name: a\n- *y\n",
        "images: !!seq\n- name: a\n",
    ]
)


@generated(60)
@given(st.lists(_SECTIONS, max_size=5), _IMAGES, st.lists(_SECTIONS, max_size=5), st.integers(0, 2))
def test_what_a_kustomization_has_stays(
    before: list[str], images: str, behind: list[str], cut: int
) -> None:
    """The lines that it has, in their order, and what YAML makes of it but for the new entries."""
    text = "".join([*dict.fromkeys(before), images, *dict.fromkeys(behind)])
    text = text[: len(text) - cut] if cut else text
    try:
        after = added(text.encode(), ENTRIES).decode()
    except CannotEdit:
        return
    old, new = yaml.safe_load(text), yaml.safe_load(after)
    wanted = [{"name": one.name, "newName": one.new_name} for one in ENTRIES]
    assert new.pop("images") == (old.pop("images", None) or []) + wanted
    assert new == old
    lines = iter(after.splitlines())
    for line in text.splitlines():
        kept = line.replace("[]", "").replace("null", "").rstrip() if "images" in line else line
        assert any(kept in (one, one.rstrip(), one.replace("  #", " #")) for one in lines), line


# --- git ekf images --write ---

OWN = "site/kustomization.yaml"
KUBECTL = shutil.which(Path(sys.executable).with_name("kubectl")) or shutil.which("kubectl")

_CUSTOM = """apiVersion: example.com/v1
kind: Custom
metadata: {name: x}
spec: {image: "quay.io/custom:1"}
---
apiVersion: example.com/v1
kind: Other
metadata: {name: x}
spec: {image: "quay.io/other:1"}
"""
_ARGUMENT = "    args: [--image=quay.io/argument:1]\n"


@pytest.fixture
def site(clone: Clone, tmp_path: Path) -> Clone:
    """A clone with an overlay of the customer's own, a registry, and a builder that does as kustomize."""
    use_builder(clone, script(tmp_path / "kustomize", _KUSTOMIZE), "{path}")
    settings = (
        f'[images]\nregistry = "{MIRROR}"\nfields = ["spec.image"]\narguments = ["--image="]\n'
    )
    clone.write(".ekf.toml", settings)
    clone.write("site/custom.yaml", _CUSTOM)
    clone.write("site/spec.yaml", "images:\n- path: spec/image\n  kind: Custom\n")
    clone.write(
        "site/pod.yaml",
        pod("nginx", f"nginx:1@{SHA}", f"{MIRROR}/there:1", "localhost:5000/a/b:1", "x:$(TAG)")
        + _ARGUMENT,
    )
    text = "# Ours.\nresources:\n- ../apps/istio/base  # the vendor's\n- custom.yaml\n- pod.yaml\n"
    text += "configurations: [spec.yaml]\nimages:\n- name: nginx\n  newTag: '1.25' # newer\n# The end.\n"
    clone.write(OWN, text)
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", "Our site")
    return clone


def test_entries_are_written(site: Clone) -> None:
    text = (site.path / OWN).read_text()
    (site.path / OWN).chmod(0o640)
    done = site.ekf("images", "--write", "site")
    added_lines = f"""- name: localhost:5000/a/b
  newName: {MIRROR}/localhost-5000/a/b
- name: nginx
  newName: {MIRROR}/nginx
- name: quay.io/custom
  newName: {MIRROR}/quay.io/custom
- name: registry.example.com/istio
  newName: {MIRROR}/registry.example.com/istio
"""
    assert (site.path / OWN).read_text() == text.replace(
        "# The end.\n", f"{added_lines}# The end.\n"
    )
    assert (site.path / OWN).stat().st_mode & 0o777 == 0o640
    assert (done.code, done.out.splitlines()) == (
        1,
        [
            f"  localhost:5000/a/b -> {MIRROR}/localhost-5000/a/b",
            f"  nginx -> {MIRROR}/nginx",
            f"  quay.io/custom -> {MIRROR}/quay.io/custom",
            f"  registry.example.com/istio -> {MIRROR}/registry.example.com/istio",
            f"Taken from {MIRROR} by {OWN} now: 4. Next: git diff, and commit it",
            "not covered: quay.io/argument:1",
            "  argument: Pod web spec.containers[name=c4].args[0] (site)",
            "not covered: quay.io/other:1",
            "  field: example.com/Other x spec.image (site)",
        ],
    )
    assert done.err.splitlines() == [
        'not read: "x:$(TAG)" has a variable in it',
        "  container: Pod web spec.containers[name=c4].image (site)",
    ]
    assert site.git("status", "--porcelain").out == f" M {OWN}\n"
    site.git("commit", "-q", "-am", "Take images from the mirror")
    # Tags and digests are kept, and with nothing left to cover nothing is written.
    assert f"{MIRROR}/nginx:1.25" in listed(
        site, "site", code=1, err=done.err.replace("(site)", "(site)")
    )
    again = site.ekf("images", "--write", OWN)
    assert (again.code, again.out.splitlines()) == (1, done.out.splitlines()[5:])
    assert site.git("status", "--porcelain").out == ""


def test_all_is_covered(site: Clone) -> None:
    site.write("site/pod.yaml", pod("nginx:1", f"quay.io/b@{SHA}"))
    site.write(OWN, "resources: [pod.yaml]\n")
    site.git("commit", "-q", "-am", "Less")
    document = answer(site, "images", "--write", "site")
    assert document["written"] == {
        "file": OWN,
        "entries": [
            {"name": "nginx", "new_name": f"{MIRROR}/nginx"},
            {"name": "quay.io/b", "new_name": f"{MIRROR}/quay.io/b"},
        ],
    }
    assert [one["image"] for one in document["images"]] == [
        f"{MIRROR}/nginx:1",
        f"{MIRROR}/quay.io/b@{SHA}",
    ]
    site.git("commit", "-q", "-am", "Take images from the mirror")
    done = site.ekf("images", "--write", "site")
    assert (done.code, done.out) == (
        0,
        f"Nothing was to be written: no image comes from elsewhere than {MIRROR}\n",
    )


def test_a_component_for_others(site: Clone) -> None:
    """The entries go to one kustomization, and the images are those of another that uses it."""
    site.write("common/kustomization.yaml", "kind: Component\n")
    site.write(OWN, "resources: [pod.yaml, ../common]\n")
    site.write("site/pod.yaml", pod("nginx:1"))
    site.git("add", ".")
    site.git("commit", "-q", "-m", "A component")
    done = site.ekf("images", "--write", "common", "site")
    # The small builder knows no components, so the entry reaches nothing, and is not written.
    assert (done.code, done.out.splitlines()) == (
        1,
        ["not covered: nginx:1", "  container: Pod web spec.containers[name=c0].image (site)"],
    )
    assert site.git("status", "--porcelain").out == ""


@pytest.mark.parametrize(
    ("change", "args", "code", "message"),
    [
        ("git rm -q .ekf.toml; git commit -q -m x", ["site"], 2, "images.registry is not set"),
        ("true", ["site", "HEAD~1"], 2, "--write goes by HEAD"),
        ("true", ["site", "--new-since", "HEAD"], 2, "--write and --new-since exclude each other"),
        ("true", ["apps"], 2, "HEAD has no kustomization apps to write to"),
        ("true", ["../x"], 2, "../x is outside the repository"),
        ("mkdir new; touch new/kustomization.yaml", ["new"], 2, "HEAD has no kustomization new"),
        (
            "true",
            ["apps/istio/base"],
            4,
            "kustomization.yaml is in apps/, which belongs to the vendor",
        ),
        (f"echo >>{OWN}", ["site"], 4, f"{OWN} is not as HEAD has it"),
        (f"rm {OWN}", ["site"], 4, f"{OWN} is not as HEAD has it"),
        ("mv site other; ln -s other site", ["site"], 4, f"{OWN} is not as HEAD has it"),
        (f"mv {OWN} o; ln -s ../o {OWN}; git commit -qam x", ["site"], 4, "is not as HEAD has it"),
        (
            f"echo 'images: [{{name: a}}]' >{OWN}; cat site/x >>{OWN}; git commit -qam x",
            ["site"],
            4,
            f"{OWN} cannot be edited safely: its images stand in brackets",
        ),
    ],
)
def test_what_is_not_written_to(
    site: Clone, change: str, args: list[str], code: int, message: str
) -> None:
    site.write("site/x", "resources: [pod.yaml]\n")
    site.git("add", ".")
    site.git("commit", "-q", "-m", "More")
    assert run("sh", "-c", change, cwd=site.path).code == 0
    before = site.git("status", "--porcelain").out
    done = site.ekf("images", "--write", *args)
    assert (done.code, done.out) == (code, ""), done
    assert message in done.err
    assert "\nhint: " in done.err
    assert site.git("status", "--porcelain").out == before


@rare
def test_the_customers_part_of_a_vendors_directory(site: Clone) -> None:
    """Deploy overlays are for the customer to edit, as are directories of paths.customer."""
    for folder, code in ((ISTIO, 0), ("apps/dashboard/base", 4)):
        assert site.ekf("images", "--write", folder).code == code
        site.git("stash", "-q")
    site.git("config", "ekf.paths.customer", "apps")
    assert site.ekf("images", "--write", "apps/dashboard/base").code == 0


def test_what_builds_no_more_with_the_entries(site: Clone, tmp_path: Path) -> None:
    text = _KUSTOMIZE.replace(
        "def build(folder):",
        'def build(folder):\n    "newName" in open(folder + "/kustomization.yaml").read() and sys.exit("no images: here")',
    )
    script(tmp_path / "kustomize", text)
    done = site.ekf("images", "--write", "site")
    assert (done.code, done.out, done.err) == (
        5,
        "",
        f"git-ekf: site does not build with images: in {OWN}; nothing was changed\n  no images: here\n",
    )
    assert site.git("status", "--porcelain").out == ""


# --- check, and after an upgrade ---


def test_check_says_what_is_not_covered(clone: Clone, builder: str) -> None:
    clone.commit(f"{ISTIO}/a.yaml", pod("nginx", "nginx", f"{MIRROR}/a", "b:$(TAG)"))
    done = clone.ekf("check", "--build")
    assert (done.code, done.out) == (2, "")
    assert "images.registry is not set" in done.err
    assert clone.ekf("check").out == "No rule is broken.\n"
    clone.git("config", "ekf.images.registry", MIRROR)
    assert clone.ekf("check").out == "No rule is broken. Images were not looked at: --build\n"
    found = answer(clone, "check", "--build", code=1)["findings"]
    resource = "(Pod web spec.containers"
    assert [(one["rule"], one["path"], one["message"]) for one in found] == [
        ("image-registry", ISTIO, f"nginx does not come from {MIRROR} {resource}[name=c0].image)"),
        *[
            (
                "image-registry",
                f"apps/{name}/overlays/deploy",
                f"registry.example.com/{name}:1.8.0 does not come from {MIRROR}"
                f" (apps/Deployment {name} spec.template.spec.containers[name={name}].image)",
            )
            for name in ("dashboard", "istio")
        ],
        ("image-registry", ISTIO, f'"b:$(TAG)" has a variable in it {resource}[name=c3].image)'),
    ]
    sarif = clone.ekf("check", "--build", "--format", "sarif")
    assert json.loads(sarif.out)["runs"][0]["results"][0]["ruleId"] == "image-registry"
    # A vendor that one pulls from all the same, and one that does not build.
    clone.git("config", "ekf.images.registry", "registry.example.com")
    clone.commit(f"{ISTIO}/a.yaml", pod(f"{MIRROR}/a"))
    done = clone.ekf("check", "--build")
    assert (done.code, done.out) == (0, "No rule is broken.\n")
    clone.commit(f"{DASHBOARD}/fail.txt", "no base\n")
    done = clone.ekf("check", "--build")
    assert done.code == 1
    assert f"{DASHBOARD} does not build, so its images are not known: no base" in done.out
    clone.git("config", "ekf.rules.image-registry", "off")
    assert clone.ekf("check", "--build").code == 0
    for args in (["--staged"], ["HEAD"]):
        done = clone.ekf("check", "--build", *args)
        assert (done.code, done.out) == (2, "")
        assert "--build is about HEAD" in done.err


def lines_about_images(out: str) -> list[str]:
    lines = out.splitlines()
    begin = next((at for at, line in enumerate(lines) if line.startswith("  images ")), len(lines))
    shown = [lines[begin:][:1], *([line] for line in lines[begin + 1 :] if line.startswith("    "))]
    return [line.strip() for part in shown for line in part]


@rare
def test_an_upgrade_says_what_is_not_covered(clone: Clone, builder: str) -> None:
    clone.commit(f"{ISTIO}/a.yaml", pod("nginx:1", "b:${TAG}"))
    upgrade = ("upgrade", "--no-save-check", "--no-fetch")
    done = clone.ekf(*upgrade)
    assert done.code == 0, done
    assert lines_about_images(done.out) == []
    assert clone.ekf("undo").code == 0
    clone.git("config", "ekf.images.registry", MIRROR)
    done = clone.ekf(*upgrade, "--no-build")
    assert done.code == 0, done
    assert lines_about_images(done.out) == []
    assert clone.ekf("undo").code == 0
    clone.commit(f"{DASHBOARD}/fail.txt", "no\n")
    done = clone.ekf(*upgrade)
    assert done.code == 1, done
    assert lines_about_images(done.out) == [
        f"images    3 not from {MIRROR}:",
        "nginx:1",
        "registry.example.com/istio:1.9.0",
        '"b:${TAG}" has a variable in it',
    ]
    assert f"  note      the images of {DASHBOARD} are not known: it does not build\n" in done.out
    assert "Next: " not in done.out
    assert clone.out("branch", "--show-current") == "release-1.9"
    assert clone.ekf("undo").code == 0
    clone.git("rm", "-q", f"{DASHBOARD}/fail.txt", f"{ISTIO}/a.yaml")
    clone.git("commit", "-q", "-m", "Less")
    clone.git("config", "ekf.images.registry", "registry.example.com")
    done = clone.ekf(*upgrade)
    assert done.code == 0, done
    assert lines_about_images(done.out) == ["images    all come from registry.example.com (2)"]


def test_an_upgrade_whose_builder_is_missing(clone: Clone) -> None:
    use_builder(clone, "no-such-builder", "{path}")
    clone.git("config", "ekf.images.registry", MIRROR)
    clone.commit("own", "1\n")
    done = clone.ekf("upgrade", "--no-save-check", "--no-fetch")
    assert done.code == 0, done
    assert "kustomizations were not built: the builder cannot be started" in done.out


def test_a_plan_says_what_will_not_be_covered(clone: Clone, builder: str) -> None:
    """Of what it would lead to, which no branch has yet."""
    clone.commit(f"{ISTIO}/a.yaml", pod("nginx:1", "b:${TAG}"))
    plan = ("upgrade", "--plan", "--no-fetch")
    done = clone.ekf(*plan, "--build")
    assert (done.code, lines_about_images(done.out)) == (0, [])
    clone.git("config", "ekf.images.registry", MIRROR)
    assert lines_about_images(clone.ekf(*plan).out) == []
    done = clone.ekf(*plan, "--build")
    assert done.code == 1, done
    assert lines_about_images(done.out) == [
        f"images    4 not from {MIRROR}:",
        "nginx:1",
        "registry.example.com/dashboard:1.9.0",
        "registry.example.com/istio:1.9.0",
        '"b:${TAG}" has a variable in it',
    ]
    last = "It would go through, and not all images are covered: git ekf upgrade 1.9 --build"
    assert last in done.out.splitlines()
    found = answer(clone, "upgrade", "--no-fetch", "--build", code=1)["images"]
    assert (found["fine"], found["registry"], found["number"]) == (False, MIRROR, 3)
    assert found["uncovered"][0] == {
        "path": ISTIO,
        "message": f"nginx:1 does not come from {MIRROR} (Pod web spec.containers[name=c0].image)",
    }
    assert answer(clone, "upgrade", "--no-fetch")["images"] is None
    # Also where it goes, the own side of a conflict is taken.
    base = "apps/istio/base/deployment.yaml"
    text = (clone.path / base).read_text()
    clone.commit(base, text.replace("registry.example.com/istio:1.8.0", f"{MIRROR}/istio:mine"))
    done = clone.ekf(*plan, "--build")
    assert "registry.example.com/istio:1.9.0" not in lines_about_images(done.out)
    assert done.code == 1
    clone.git("config", "ekf.images.registry", "registry.example.com")
    clone.git("reset", "-q", "--hard", "HEAD~2")
    done = clone.ekf(*plan, "--build")
    assert lines_about_images(done.out) == ["images    all come from registry.example.com (2)"]
    assert done.code == 0
    assert clone.git("status", "--porcelain").out == ""
    use_builder(clone, "no-such-builder", "{path}")
    assert clone.ekf(*plan, "--build").code == 5


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")
def test_the_real_kustomize(site: Clone) -> None:
    """The small builder does as the real one."""
    site.write("site/pod.yaml", (site.path / "site/pod.yaml").read_text().replace("$(TAG)", "1"))
    site.git("commit", "-q", "-am", "A tag")
    small = site.ekf("images", "--write", "site")
    written = (site.path / OWN).read_text()
    site.git("checkout", "-q", "--", ".")
    use_builder(site, str(KUBECTL), "kustomize", "{path}")
    real = site.ekf("images", "--write", "site")
    assert (real.code, real.out, real.err) == (small.code, small.out, small.err)
    assert (site.path / OWN).read_text() == written


@rare
@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")
def test_the_images_of_kubeflow(kubeflow: Path, tmp_path: Path) -> None:
    """Everything that 1.9 deploys is found, and covered but for what an argument names."""
    internal = tmp_path / "internal.git"
    assert run("git", "init", "-q", "--bare", internal).code == 0
    work = tmp_path / "work"
    done = run("git-ekf", "clone", kubeflow, work, "--internal", internal, "--release", "1.9")
    assert done.code == 0, done
    clone = Clone(work)
    use_builder(clone, str(KUBECTL), "kustomize", "{path}")
    clone.git("config", "ekf.images.registry", MIRROR)
    clone.git("config", "ekf.images.arguments", "--acme-http01-solver-image=")
    clone.commit(OWN, "resources: [../example]\n")
    images = listed(clone, "site")
    assert len(images) == 62
    assert "docker.io/istio/pilot:1.22.1" in images
    assert sum("@sha256:" in image for image in images) == 9
    document = answer(clone, "images", "--write", "site", code=1)
    left = [one["image"] for one in document["images"] if not one["covered"]]
    assert left == ["quay.io/jetstack/cert-manager-acmesolver:v1.14.5"]
    assert len(document["images"]) == len(images)


@rare
def test_a_long_kustomization(site: Clone) -> None:
    """Longer than a file of configuration may be."""
    long = "# words\n" * 20_000
    site.commit(OWN, f"{long}resources: [pod.yaml]\n")
    done = site.ekf("images", "--write", "site")
    assert (done.code, len(done.out.splitlines())) == (1, 5), done
    assert (site.path / OWN).read_text().startswith(long)
