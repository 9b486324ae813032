"""What an upgrade breaks, read without a builder: by kustomize's rules, in a plan and after it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from upgrading import World, vendor_commit

from git_ekf.git.trees import Entry
from git_ekf.manifests.effects import Effects, Sides, Spoilt, read_effects
from git_ekf.manifests.selectors import Unfollowed, expression, labels_fit
from git_ekf.manifests.sources import Files
from git_ekf.manifests.walk import Walk

Tree = Mapping[str, str]


def entry(text: str) -> Entry:
    return Entry("100644", hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def files(tree: Tree) -> Files:
    texts = {entry(text): text.encode() for text in tree.values()}
    return Files({path: entry(text) for path, text in tree.items()}, texts.get)


def effects(before: Tree, after: Tree, vendor: Tree | None = None) -> Effects:
    """What `after` breaks; the vendor's new tree has nothing unless it is given."""
    theirs = vendor or {}
    changed = [path for path in sorted({*after, *theirs}) if after.get(path) != theirs.get(path)]
    sides = Sides(files(before), files(theirs), files(after))
    return read_effects(sides, changed, None)


def resource(kind: str, name: str, api: str = "v1", **metadata: object) -> str:
    """A resource; a word behind `spec` stands for its only container's image."""
    image = metadata.pop("image", "")
    value: dict[str, object] = {"apiVersion": api, "kind": kind}
    value["metadata"] = {"name": name, **metadata}
    if image:
        value["spec"] = {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}
    lines = [f"{key}: {json.dumps(inner)}" for key, inner in value.items()]
    return "\n".join(lines) + "\n"


DEPLOYMENT = resource("Deployment", "web", "apps/v1", image="docker.io/web:1")


def one(fields: str, **more: str) -> dict[str, str]:
    """An overlay with some fields on a base with a Deployment called web, or what is given."""
    tree = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": DEPLOYMENT,
        "own/kustomization.yaml": f"resources: [../base]\n{fields}\n",
    }
    tree |= {path.replace("__", "/").replace("_yaml", ".yaml"): text for path, text in more.items()}
    return tree


def unmatched(found: Effects) -> list[str]:
    return [f"{target.folder}: {target}" for target in found.unmatched]


# --- targets ---

PATCH = "patch: '[{op: add, path: /spec/a, value: 1}]'"

# What the overlay has, and what is said where the base has something else than the Deployment web.
LOST = {
    f"patches: [{{target: {{kind: Deployment}}, {PATCH}}}]": "patches Deployment",
    f"patches: [{{target: {{name: w.b}}, {PATCH}}}]": "patches name w.b",
    f"patches: [{{target: {{group: apps, version: v1}}, {PATCH}}}]": "patches group apps version v1",
    f"patchesJson6902: [{{target: {{kind: Deployment, name: web}}, {PATCH}}}]": (
        "patchesJson6902 Deployment web"
    ),
    "patchesStrategicMerge: ['{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}\n\n']": (
        "patchesStrategicMerge apps/v1 Deployment web"
    ),
    "images: [{name: docker.io/web, newTag: '2'}]": "images docker.io/web",
    "replicas: [{name: web, count: 2}]": "replicas web",
    "replacements: [{source: {kind: Deployment}, targets: [{select: {name: web}}]}]": (
        "replacements source Deployment;own: replacements target name web"
    ),
}


@pytest.mark.parametrize(("fields", "said"), LOST.items())
def test_a_target_that_matches_nothing_any_more(fields: str, said: str) -> None:
    fields = fields.replace("\n", "\\n").replace("'{api", '"{api').replace("\\n'", '\\n"')
    before = one(fields)
    assert effects(before, before).fine
    after = one(fields, base__web_yaml=resource("StatefulSet", "site", "apps/v2"))
    found = effects(before, after)
    assert unmatched(found) == [f"own: {part.removeprefix('own: ')}" for part in said.split(";")]
    assert not found.fine
    assert found.unfollowed == []
    # What had no match before is not lost.
    assert effects(after, after).fine
    # Nor what the vendor's own release has in the same way.
    assert effects(before, after, {**after, "own/x": ""} | {"x": "1"}).fine


def test_another_version_of_an_api() -> None:
    """kubeflow 1.5 to 1.6: kustomize itself says nothing."""
    fields = (
        "namespace: site\npatchesJson6902: [{path: p.yaml, target:"
        " {group: cert-manager.io, version: v1alpha2, kind: ClusterIssuer, name: self}}]"
    )
    patch = "- {op: remove, path: /metadata/namespace}\n"
    old = resource("ClusterIssuer", "self", "cert-manager.io/v1alpha2")
    new = resource("ClusterIssuer", "self", "cert-manager.io/v1")
    found = effects(
        one(fields, base__web_yaml=old, own__p_yaml=patch),
        one(fields, base__web_yaml=new, own__p_yaml=patch),
    )
    assert unmatched(found) == [
        "own: patchesJson6902 p.yaml: cert-manager.io/v1alpha2 ClusterIssuer self"
    ]


# The overlay's target still finds the Deployment through what stands between.
FOUND = {
    "prefix": ("namePrefix: a-\n", "name: a-web"),
    "original name": ("namePrefix: a-\n", "name: web"),
    "suffix": ("nameSuffix: -z\n", "name: web-z"),
    "namespace": ("namespace: site\n", "namespace: site"),
    "no namespace": ("", "namespace: default"),
    "label": ("commonLabels: {a: b}\n", "labelSelector: 'a in (b,c),a!=d'"),
    "labels": ("labels: [{pairs: {a: b}}]\n", "labelSelector: a"),
    "annotation": ("commonAnnotations: {a: b}\n", "annotationSelector: a=b"),
    "alternatives": ("", "name: 'site|we.'"),
    "patched label": (
        "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment,"
        " metadata: {name: web, labels: {a: b}}}'}]\n",
        "labelSelector: a=b",
    ),
}


@pytest.mark.parametrize(("base", "target"), FOUND.values(), ids=FOUND)
def test_what_a_target_finds(base: str, target: str) -> None:
    tree = one(f"patches: [{{target: {{{target}}}, {PATCH}}}]")
    tree["base/kustomization.yaml"] += base
    walk = Walk(files(tree))
    walk.follow("own")
    assert {found for target, found in walk.targets.items() if target.folder == "own"} == {True}


NOT_FOUND = (
    "name: we",
    "name: eb",
    "labelSelector: a",
    "labelSelector: '!b,a in (b)'",
    "kind: deployment",
    "namespace: x",
)


@pytest.mark.parametrize("target", NOT_FOUND)
def test_what_a_target_does_not_find(target: str) -> None:
    walk = Walk(files(one(f"patches: [{{target: {{{target}}}, {PATCH}}}]")))
    walk.follow("own")
    assert list(walk.targets.values()) == [False]


def test_images_are_followed() -> None:
    """An overlay names what the base has made of it, or a patch has put there."""
    tree = one("images: [{name: mirror:5000/web, newTag: '2'}]")
    tree["base/kustomization.yaml"] += "images: [{name: docker.io/web, newName: mirror:5000/web}]\n"
    assert effects(tree, tree).fine
    patched = one(
        "patches: [{target: {kind: Deployment}, patch: '[{op: replace, path:"
        " /spec/template/spec/containers/0/image, value: other:1}]'}]\nimages: [{name: other}]"
    )
    for one_tree, folder in ((tree, "own"), (tree, "base"), (patched, "own")):
        walk = Walk(files(one_tree))
        walk.follow(folder)
        assert set(walk.targets.values()) == {True}, one_tree
    assert effects(tree, tree | {"base/web.yaml": DEPLOYMENT.replace("web:", "webs:")}).unmatched


def test_a_component_matches_in_those_that_have_it() -> None:
    fields = "components: [../part]"
    part = f"kind: Component\npatches: [{{target: {{kind: Deployment}}, {PATCH}}}]\n"
    before = one(fields, part__kustomization_yaml=part)
    assert effects(before, before).fine
    after = before | {"base/web.yaml": resource("Job", "web", "batch/v1")}
    assert unmatched(effects(before, after)) == ["part: patches Deployment"]


def test_generated_resources_and_deleted_ones() -> None:
    before = one(
        f"configMapGenerator: [{{name: cm}}]\npatches: [{{target: {{kind: ConfigMap}}, {PATCH}}}]"
    )
    assert effects(before, before).fine
    walk = Walk(files(before))
    walk.follow("own")
    assert list(walk.targets.values()) == [True]
    deleting = "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, $patch: delete}'}]\n"
    fields = "replicas: [{name: web, count: 3}]"
    before, after = one(fields), one(fields)
    after["base/kustomization.yaml"] += deleting
    assert unmatched(effects(before, after)) == ["own: replicas web"]


# --- what cannot be followed ---

OPEN = {
    "remote": "resources: [https://example.com/x?ref=1]",
    "github": "resources: [github.com/a/b/c]",
    "outside": "resources: [../../outside]",
    "generators": "generators: [gen.yaml]",
    "transformers": "transformers: [gen.yaml]",
    "chart": "helmCharts: [{name: x}]",
    "circle": "resources: [../own]",
}


@pytest.mark.parametrize("base", OPEN.values(), ids=OPEN)
def test_what_cannot_be_followed_is_no_loss(base: str) -> None:
    fields = "replicas: [{name: web, count: 2}]"
    before = one(fields)
    after = one(fields, base__gen_yaml="kind: X\n")
    after["base/kustomization.yaml"] = base + "\n"
    found = effects(before, after)
    assert found.fine
    assert [folder for folder, _ in found.unfollowed if folder == "own"] == ["own"]


@pytest.mark.parametrize(
    "name", ["(a+)+$", "(?i)web", "a*b*c*d*e", "[", "(?P<x>a)", "x" * 600 + "."]
)
def test_expressions_that_are_not_tried(name: str) -> None:
    """Go takes linear time for all of them; Python would take years, or another meaning."""
    tree = one(f"patches: [{{target: {{name: '{name}'}}, {PATCH}}}]")
    found = effects(one(f"patches: [{{target: {{name: web}}, {PATCH}}}]"), tree)
    assert found.fine
    assert [folder for folder, _ in found.unfollowed] == ["own"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "a: *b",
        "[1, 2]",
        "a: b: c",
        "- a",
        "\0",
        "a: !!python/object:os.x {}",
        "é\udce9",
        "---\na: 1\n---\nb: 1\n",
        "patches: 1\nimages: {}\nresources: [1, {a: b}]",
        "[" * 5000,
    ],
)
def test_no_text_ends_in_an_error(text: str) -> None:
    """As a kustomization, as a resource and as a patch."""
    safe = text.encode("utf-8", "surrogateescape").decode("latin-1")
    whole = one("patches: [{path: p.yaml}]", own__p_yaml=safe)
    for tree in (
        whole,
        one("replicas: [{name: web}]", base__web_yaml=safe),
        one("", own__kustomization_yaml=safe),
    ):
        assert effects(one("replicas: [{name: web}]"), tree).looked_at
    tree = {"own/kustomization.yaml": "resources: [a.yaml]\nreplicas: [{name: a}]\n"}
    broken = Files(
        {path: Entry("100644", path) for path in (*tree, "own/a.yaml")},
        lambda one: {"own/kustomization.yaml": tree["own/kustomization.yaml"].encode()}.get(
            one.oid, b"\xff\xfe"
        ),
    )
    walk = Walk(broken)
    walk.follow("own")
    assert list(walk.targets.values()) == [None]


def test_what_a_bomb_would_take() -> None:
    """Aliases in a file, and bases that double at each step."""
    lines = ["a0: &a0 [x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)
    ]
    tree = one(
        "replicas: [{name: web}]",
        base__web_yaml="apiVersion: v1\nkind: List\nitems:\n- {kind: A, x: 1}\n" + "\n".join(lines),
    )
    doubling = {
        f"b{n}/kustomization.yaml": f"resources: [../b{n + 1}, ../b{n + 1}]\n" for n in range(40)
    }
    doubling["b40/kustomization.yaml"] = "resources: [a.yaml]\n"
    doubling["b40/a.yaml"] = DEPLOYMENT
    doubling["b0/kustomization.yaml"] += "replicas: [{name: x}]\n"
    began = time.process_time()
    assert effects(one("replicas: [{name: web}]"), tree).fine
    assert effects(doubling, doubling).fine
    assert time.process_time() - began < 5


def test_every_set_of_requirements_agrees_with_its_parts() -> None:
    labels = {"a": "b", "c": "d", "e/f": ""}
    parts = {
        "a=b": True,
        "a==c": False,
        "a!=b": False,
        "x!=y": True,
        "a in (b, z)": True,
        "a notin (b)": False,
        "x notin (b)": True,
        "c": True,
        "!c": False,
        "! x": True,
        "e/f=": True,
    }
    for one_part, other in product(parts, parts):
        assert labels_fit(f"{one_part},{other}", labels) == (parts[one_part] and parts[other])
    for odd in ("a in b", "a=(", "=b", "a,,b", "a b"):
        with pytest.raises(Unfollowed):
            labels_fit(odd, labels)
    assert expression("a|b")("b")
    assert not expression("a|b")("ab")


# --- what is named and not there ---

NAMED = {
    "resources: [../base, there.yaml]": "resources there.yaml",
    "bases: [../base, ../there]": "bases ../there",
    "components: [../there]": "components ../there",
    "patches: [{path: there.yaml, target: {kind: X}}]": "patches there.yaml",
    "patchesStrategicMerge: [there.yaml]": "patchesStrategicMerge there.yaml",
    "patchesJson6902: [{path: there.yaml, target: {kind: X}}]": "patchesJson6902 there.yaml",
    "configMapGenerator: [{name: x, files: [a=there.yaml]}]": "configMapGenerator there.yaml",
    "secretGenerator: [{name: x, envs: [there.yaml]}]": "secretGenerator there.yaml",
    "crds: [there.yaml]": "crds there.yaml",
    "configurations: [there.yaml]": "configurations there.yaml",
    "replacements: [{path: there.yaml}]": "replacements there.yaml",
}


@pytest.mark.parametrize(("fields", "said"), NAMED.items())
def test_what_is_named_and_not_there_any_more(fields: str, said: str) -> None:
    after = {"own/kustomization.yaml": fields + "\n", "base/kustomization.yaml": ""}
    there = {"own/there.yaml": "[]\n", "there/kustomization.yaml": "kind: Component\n"}
    found = effects(after | there, after)
    assert [f"{one.folder} {one.field} {one.path}" for one in found.missing] == [f"own {said}"]
    assert effects(after, after).fine  # nor was it there before
    assert effects(after | there, after | there).fine
    assert effects(after | there, {**after, "own/x": ""}, after).fine  # the vendor lacks it as well


def test_a_base_that_has_moved() -> None:
    before = {
        "apps/x/base/kustomization.yaml": "",
        "apps/x/overlays/site/kustomization.yaml": "resources: [../../base]\n",
    }
    after = {
        path.replace("apps/x/base", "applications/x/base"): text for path, text in before.items()
    }
    assert [(one.folder, one.path) for one in effects(before, after).missing] == [
        ("apps/x/overlays/site", "../../base")
    ]
    # And the overlay with it, but not what it names elsewhere.
    before["apps/x/overlays/site/kustomization.yaml"] = "resources: [../../base, ../../../../own]\n"
    before["own/kustomization.yaml"] = ""
    after = {path.replace("apps/", "a/b/"): text for path, text in before.items()}
    found = effects(before, after)
    assert [(one.folder, one.path) for one in found.missing] == [
        ("a/b/x/overlays/site", "../../../../own")
    ]


# --- keys that stand twice ---

MERGED = "a: 1\nb:\n  c: 1\n  d: [{e: 1, e: 2}]\n  c: 3\n"


def test_a_key_that_a_merge_has_doubled() -> None:
    sides = "a: 1\nb:\n  c: 1\n", "a: 1\nb:\n  d: [{e: 1}]\n  c: 3\n"
    found = effects({"x.yaml": sides[0]}, {"x.yaml": MERGED}, {"x.yaml": sides[1]})
    assert found.spoilt == [Spoilt("x.yaml", "b.d[0].e", 4), Spoilt("x.yaml", "b.c", 5)]
    assert effects({"x.yaml": MERGED}, {"x.yaml": MERGED}, {"x.yaml": sides[1]}).fine
    assert effects(
        {"x.yaml": "a: 1\n"}, {"x.yaml": "a: 2\na: 3\n"}, {"x.yaml": "a: 3\na: 4\n"}
    ).fine
    assert effects({"x.txt": sides[0]}, {"x.txt": MERGED}, {"x.txt": sides[1]}).fine


@pytest.mark.parametrize(
    ("merged", "places"),
    [
        ('1: a\n"1": b\n', ["1"]),
        ("a: &x {b: 1}\nc: *x\nd: *x\n", []),
        ("a: *x\n", [""]),
        ("a: &x {b: 1}\n<<: *x\nc:\n- <<: *x\n- b: 1\n  b: 2\n", ["c[1].b"]),
        ("? {a: 1, a: 2}\n: {b: 1, b: 2}\n? [c]\n: d\n", ["?.a", "?.b"]),
    ],
)
def test_keys_and_aliases(merged: str, places: list[str]) -> None:
    found = effects({"x.yaml": "a: 1\n"}, {"x.yaml": merged}, {"x.yaml": "b: 1\n"})
    assert [one.key for one in found.spoilt] == places


def test_a_merge_that_is_no_yaml() -> None:
    found = effects({"x.yml": "a: 1\n"}, {"x.yml": "a: 1\n  b: 2\n"}, {"x.yml": "b: 2\n"})
    assert found.spoilt == [Spoilt("x.yml", "", 0)]
    template = "{{- if .x }}\na: 1\n"
    assert effects({"x.yml": template}, {"x.yml": template * 2}, {"x.yml": "b: 1\n"}).fine


def test_later_documents_have_their_own_lines() -> None:
    found = effects(
        {"x.yaml": "a: 1\n"}, {"x.yaml": "a: 1\n---\n# text\na: 1\na: 2\n"}, {"x.yaml": "b: 1\n"}
    )
    assert found.spoilt == [Spoilt("x.yaml", "a", 5)]


# --- in a plan, and after it ---

ISSUER = "common/issuer"


def issuer(version: str) -> str:
    return resource("ClusterIssuer", "self", f"cert-manager.io/{version}")


SAID = "  no match  own: patchesJson6902 p.yaml: v1alpha2 ClusterIssuer matched something before\n"


def test_a_plan_and_what_comes_of_it(world: World) -> None:
    for branch, version in (("release-1.8", "v1alpha2"), ("release-1.9", "v1")):
        vendor_commit(
            world,
            branch,
            {
                f"{ISSUER}/kustomization.yaml": "resources: [i.yaml]\n",
                f"{ISSUER}/i.yaml": issuer(version),
            },
        )
    assert world.ekf("sync", "--no-save-check", "--no-build").code == 0
    world.commit(
        "own/kustomization.yaml",
        "resources: [../common/issuer]\npatchesJson6902:\n- path: p.yaml\n"
        "  target: {version: v1alpha2, kind: ClusterIssuer}\n",
        "Patch",
    )
    world.commit("own/p.yaml", "- {op: remove, path: /metadata/namespace}\n", "It")
    world.save()
    plan = world.ekf("upgrade", "--plan")
    assert plan.code == 1
    assert SAID in plan.out
    assert plan.out.endswith(
        "It would go through, and break what is listed above: git ekf upgrade 1.9\n"
    )
    document = json.loads(world.ekf("upgrade", "--json").out)
    assert document["clean"] is True
    assert document["effects"] == {
        "fine": False,
        "looked_at": 2,
        "missing": [],
        "unmatched": [
            {
                "kustomization": "own",
                "field": "patchesJson6902",
                "file": "p.yaml",
                "target": "v1alpha2 ClusterIssuer",
            }
        ],
        "spoilt": [],
        "not_looked_at": [],
        "note": None,
    }
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 1
    assert (
        SAID + "release-1.9 has moved all the same: look at these before you apply it.\n"
        in done.out
    )
    assert done.out.endswith("To take it back: git ekf undo\n")


def test_without_pyyaml(world: World, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "yaml.py").write_text("raise ImportError('none')\n")
    plan = world.ekf("upgrade", "--plan", env={"PYTHONPATH": str(tmp_path / "none")})
    note = (
        "kustomizations were not looked at: PyYAML is not installed (pip install 'git-ekf[render]')"
    )
    assert plan.code == 0
    assert f"  note      {note}\n" in plan.out
