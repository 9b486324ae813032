"""Comparing built manifests: what Kubernetes takes for the same is no difference, and everything else is."""

from __future__ import annotations

import copy
import json
import random
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from git_ekf.errors import Refused
from git_ekf.manifests import fields, resources
from git_ekf.manifests.difference import ChangedResource, Difference, difference
from git_ekf.manifests.fields import FieldChange, Special, compare
from git_ekf.manifests.resources import Identity, Unreadable, parse

ABSENT, HIDDEN = Special.ABSENT, Special.HIDDEN


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def resource(kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **fields}


def container(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "a", **fields}]


def built(*resources: Any) -> bytes:
    return yaml.safe_dump_all(resources, sort_keys=False).encode()


# --- resources ---


def test_added_removed_changed_and_the_same() -> None:
    old = built(resource("Service"), pod(hostname="a"), resource("ConfigMap", data={"a": "1"}))
    new = built(
        resource("ConfigMap", data={"a": "1"}), pod(hostname="b"), resource("ServiceAccount")
    )
    assert difference(old, new) == Difference(
        added=[Identity("", "ServiceAccount", "", "x")],
        removed=[Identity("", "Service", "", "x")],
        changed=[
            ChangedResource(Identity("", "Pod", "", "p"), [FieldChange("spec.hostname", "a", "b")])
        ],
    )
    assert not difference(old, old)
    assert difference(b"", b"") == Difference([], [], [])


def test_another_version_of_the_api_is_a_change() -> None:
    old = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "n"},
    }
    found = difference(built(old), built({**old, "apiVersion": "autoscaling/v2"}))
    one = Identity("autoscaling", "HorizontalPodAutoscaler", "n", "h")
    assert found == Difference(
        [],
        [],
        [ChangedResource(one, [FieldChange("apiVersion", "autoscaling/v1", "autoscaling/v2")])],
    )
    assert str(one) == "autoscaling/HorizontalPodAutoscaler n/h"


def test_another_group_or_namespace_is_another_resource() -> None:
    old = {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "i"}}
    assert [
        len(part)
        for part in difference(built(old), built({**old, "apiVersion": "networking.k8s.io/v1"}))
    ] == [1, 1, 0]
    assert [
        len(part)
        for part in difference(
            built(old), built({**old, "metadata": {"name": "i", "namespace": "n"}})
        )
    ] == [1, 1, 0]


def test_a_list_of_resources_is_taken_apart() -> None:
    both = [resource("Service"), pod()]
    listed = built({"apiVersion": "v1", "kind": "List", "items": both})
    assert not difference(listed, built(*both))
    assert (
        len(
            difference(
                built({"apiVersion": "v1", "kind": "ConfigMapList", "items": []}), listed
            ).added
        )
        == 2
    )


def test_a_resource_that_a_build_has_twice() -> None:
    one, other = pod(hostname="a"), pod(hostname="b")
    assert difference(built(one), built(one, one)).added == [Identity("", "Pod", "", "p")]
    assert difference(built(one, other), built(other, one)) == Difference([], [], [])


def test_documents_may_be_cut_in_any_way_yaml_allows() -> None:
    plain = b"apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
    for dressed in (
        b"---\n" + plain,
        b"# a comment\n---\n" + plain + b"---\n",
        b"--- # here\n" + plain + b"...\n",
        plain.replace(b"\n", b"\r\n"),
    ):
        assert not difference(plain, dressed)
    text = b"kind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n    x\n    ---\n    y\n"
    assert difference(text, text.replace(b"    y\n", b"    z\n")).changed[0].fields == [
        FieldChange("data.a", "x\n---\ny\n", "x\n---\nz\n")
    ]


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (b"a: [secret\n", "it is not YAML in line 2 of a document"),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
        (b"a: \x07\n", "it is not YAML"),
        (b"Done.\n", "it is YAML, but no list of resources"),
        (b"a: !secret b\n", "it is not YAML in line 1 of a document"),
        (b"a: " + b"[" * 200_000, "it is nested too deeply"),
        (b"- " * 200_000, "it is nested too deeply"),
        (b"a: " + b"9" * 10_000, "it is not YAML"),
    ],
)
def test_what_is_no_list_of_resources(printed: bytes, why: str) -> None:
    with pytest.raises(Unreadable) as raised:
        difference(b"", printed)
    assert str(raised.value) == why


def test_scalars_are_read_as_kubernetes_reads_them() -> None:
    texts = "[2020-01-01, 12:30:45, yes, off, =, 1_000, .nan]"
    [value] = parse(f"a: {texts}\nb: [1, 0o17, 0x1f, -3, 1.5, 1e3, true, null, ~]\n1: c\n")
    assert value["a"] == texts.strip("[]").split(", ")
    assert value["b"] == [1, 15, 31, -3, 1.5, 1000.0, True, None, None]
    assert value["1"] == "c"


def test_without_pyyaml_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Refused) as raised:
        difference(b"", b"a: 1\n")
    assert raised.value.hint == "pip install 'git-ekf[render]'"


# --- fields ---


def test_paths_of_fields() -> None:
    old = pod(
        containers=container(
            image="i:1", env=[{"name": "A", "value": "1"}], ports=[{"containerPort": 80}]
        )
    )
    new = copy.deepcopy(old)
    new["metadata"]["annotations"] = {"example.com/a": "b"}
    new["spec"]["containers"][0].update(
        image="i:2",
        env=[{"name": "A", "value": "2"}, {"name": "B"}],
        ports=[{"containerPort": 80, "name": "web"}],
    )
    assert compare(old, new) == [
        FieldChange("metadata.annotations", ABSENT, {"example.com/a": "b"}),
        FieldChange("spec.containers[name=a].env[name=A].value", "1", "2"),
        FieldChange("spec.containers[name=a].env[name=B]", ABSENT, {"name": "B"}),
        FieldChange("spec.containers[name=a].image", "i:1", "i:2"),
        FieldChange("spec.containers[name=a].ports[containerPort=80].name", ABSENT, "web"),
    ]
    quoted = compare(
        resource("ConfigMap", data={"a.b/c": "1", "d e": "1"}),
        resource("ConfigMap", data={"a.b/c": "2", "d e": "1"}),
    )
    assert [change.path for change in quoted] == ['data["a.b/c"]']


@pytest.mark.parametrize(
    "items",
    [
        ("containers", [{"name": "a", "image": "x"}, {"name": "b"}]),
        ("volumes", [{"name": "a", "emptyDir": {}}, {"name": "b"}]),
        ("volumeMounts", [{"mountPath": "/a", "name": "v"}, {"mountPath": "/b", "name": "v"}]),
        ("volumeDevices", [{"devicePath": "/dev/a"}, {"devicePath": "/dev/b"}]),
        ("env", [{"name": "A", "value": "1"}, {"name": "B"}]),
        ("ports", [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]),
        ("ports", [{"port": 80, "protocol": "TCP"}, {"port": 443}]),
        ("hostAliases", [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]),
        ("items", [{"key": "a", "path": "x"}, {"key": "b", "path": "y"}]),
        (
            "topologySpreadConstraints",
            [
                {"topologyKey": "z", "whenUnsatisfiable": one}
                for one in ("DoNotSchedule", "ScheduleAnyway")
            ],
        ),
        ("tolerations", [{"key": "a", "operator": "Exists"}, {"key": "b"}]),
        ("finalizers", ["a", "b"]),
        ("accessModes", ["ReadWriteOnce", "ReadOnlyMany"]),
    ],
)
def test_lists_without_an_order(items: tuple[str, list[Any]]) -> None:
    name, given_items = items
    assert compare(pod(**{name: given_items}), pod(**{name: given_items[::-1]})) == []
    assert compare(pod(**{name: given_items}), pod(**{name: given_items[:1]})) != []


@pytest.mark.parametrize("name", ["args", "command", "envFrom", "anything"])
def test_lists_with_an_order(name: str) -> None:
    assert compare(pod(**{name: ["a", "b", "c"]}), pod(**{name: ["b", "a", "c"]})) == [
        FieldChange(f"spec.{name}[0]", "a", "b"),
        FieldChange(f"spec.{name}[1]", "b", "a"),
    ]
    # One more in the middle is one change.
    assert compare(pod(**{name: ["a", "c"]}), pod(**{name: ["a", "b", "c"]})) == [
        FieldChange(f"spec.{name}[1]", ABSENT, "b")
    ]


def test_a_list_without_an_order_inside_one_with_an_order() -> None:
    inner = [{"name": "a"}, {"name": "b"}]
    old, new = (
        pod(templates=[{"containers": inner}]),
        pod(templates=[{"kind": "new"}, {"containers": inner[::-1]}]),
    )
    assert compare(old, new) == [FieldChange("spec.templates[0]", ABSENT, {"kind": "new"})]
    assert (
        compare(
            pod(tolerations=[{"items": [{"key": "a"}, {"key": "b"}]}]),
            pod(tolerations=[{"items": [{"key": "b"}, {"key": "a"}]}]),
        )
        == []
    )


def test_a_keyed_list_whose_keys_do_not_tell_its_items_apart_has_an_order() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert [change.path for change in compare(pod(env=twice), pod(env=twice[::-1]))] == [
        "spec.env[0].value",
        "spec.env[1].value",
    ]
    assert compare(pod(env=["a", "b"]), pod(env=["b", "a"])) != []


def test_merged_by_name_and_yet_run_in_turn() -> None:
    inits = [{"name": "a"}, {"name": "b"}]
    order = FieldChange("spec.initContainers[*].name", ["a", "b"], ["b", "a"])
    assert compare(pod(initContainers=inits), pod(initContainers=inits[::-1])) == [order]
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]
    assert compare(pod(env=env), pod(env=env[::-1])) == [
        FieldChange("spec.env[*].name", ["A", "B"], ["B", "A"])
    ]


def test_rbac_is_a_union_of_rules() -> None:
    def role(*rules: dict[str, Any]) -> dict[str, Any]:
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "r"},
            "rules": list(rules),
        }

    one, other = (
        {"apiGroups": [""], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "verbs": ["get"]},
    )
    assert compare(role(one, other), role(other, {**one, "verbs": ["list", "get"]})) == []
    more = {**other, "verbs": ["get", "delete"]}
    assert compare(role(one, other), role(one, more)) == [
        FieldChange("rules[]", ABSENT, more),
        FieldChange("rules[]", other, ABSENT),
    ]
    assert compare(resource("Role", rules=[one, other]), resource("Role", rules=[other, one])) != []


def test_null_is_nothing_and_types_count() -> None:
    assert compare(pod(a=None), pod()) == []
    assert compare(pod(a={}), pod()) == [FieldChange("spec.a", {}, ABSENT)]
    assert compare(pod(a=1), pod(a=True)) == [FieldChange("spec.a", 1, True)]
    assert compare(pod(a="1"), pod(a=1)) == [FieldChange("spec.a", "1", 1)]
    assert compare(pod(a=[1]), pod(a={"b": 1})) == [FieldChange("spec.a", [1], {"b": 1})]


# --- secrets ---


def secret(**fields: Any) -> dict[str, Any]:
    return resource("Secret", **fields)


def test_values_of_a_secret_are_hidden() -> None:
    old = secret(data={"gone": "s3cret", "kept": "s3cret", "other": "s3cret"}, type="Opaque")
    new = secret(
        data={"come": "s3cret", "kept": "s3cret", "other": "t3cret"},
        stringData={"a": "s3cret"},
        type="mine",
    )
    found = compare(old, new)
    assert found == [
        FieldChange("data.come", ABSENT, HIDDEN),
        FieldChange("data.gone", HIDDEN, ABSENT),
        FieldChange("data.other", HIDDEN, HIDDEN),
        FieldChange("stringData", ABSENT, HIDDEN),
        FieldChange("type", "Opaque", "mine"),
    ]
    assert "cret" not in str(found)


@pytest.mark.parametrize(
    "data",
    ["s3cret", ["s3cret"], [{"name": "s3cret"}], {"a": {"s3cret": "s3cret"}}, {"a": ["s3cret"]}],
)
def test_a_secret_of_an_odd_shape_is_hidden_as_well(data: Any) -> None:
    for old, new in (
        (secret(data=data), secret(data={"a": "b"})),
        (secret(), secret(data=data)),
        (secret(data=data), secret()),
    ):
        found = compare(old, new)
        assert found
        assert "s3cret" not in str(found)


def test_the_copy_of_a_secret_in_its_annotation_is_hidden() -> None:
    old, new = (
        secret(metadata={"name": "x", "annotations": {fields._APPLIED: text, "a": text}})
        for text in ("1", "2")
    )
    assert compare(old, new) == [FieldChange("metadata.annotations.a", "1", "2")]


def test_only_the_secrets_of_the_core_group_are() -> None:
    old = {
        "apiVersion": "example.com/v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "data": {"a": "1"},
    }
    assert compare(old, {**old, "data": {"a": "2"}}) == [FieldChange("data.a", "1", "2")]


# --- properties ---

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.5, 1.0, "", "a", "1", "true", "$(a)", "a\nb\n", "é"])
)
NAMES = st.sampled_from(["a", "b", "d/e", "args", "env", "finalizers", "ports"])
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
)
KEYED = {
    "containers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "hostAliases": "ip",
    "items": "key",
}


@st.composite
def specs(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """A map with lists that are merged by a key, which hold maps of the same kind."""
    spec = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    for field in (
        draw(st.lists(st.sampled_from(sorted(KEYED)), unique=True, max_size=2)) if depth else []
    ):
        keys = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=3))
        spec[field] = [{**draw(specs(depth - 1)), KEYED[field]: key} for key in keys]
    return spec


def shuffled(value: Any, chance: random.Random, field: str = "") -> Any:
    """The same to Kubernetes, in another order."""
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: shuffled(value[name], chance, name) for name in names}
    if isinstance(value, list):
        items = [shuffled(item, chance) for item in value]
        keyed = field in KEYED and all(
            isinstance(item, dict) and isinstance(item.get(KEYED[field]), str) for item in items
        )
        refers = field == "env" and any(
            "$(" in str(item.get("value")) for item in items if isinstance(item, dict)
        )
        unique = keyed and len({item[KEYED[field]] for item in items}) == len(items)
        if unique and not refers:
            chance.shuffle(items)
        return items
    return value


def mirrored(changes: list[FieldChange]) -> list[FieldChange]:
    return sorted((FieldChange(change.path, change.new, change.old) for change in changes), key=str)


@given(specs(), st.randoms(use_true_random=False))
def test_another_order_is_no_difference(spec: dict[str, Any], chance: random.Random) -> None:
    assert compare(pod(**spec), shuffled(pod(**spec), chance)) == []


@given(specs(), specs())
def test_back_is_the_mirror_image_of_there(one: dict[str, Any], other: dict[str, Any]) -> None:
    there, back = compare(pod(**one), pod(**other)), compare(pod(**other), pod(**one))
    assert sorted(there, key=str) == mirrored(back)
    # Changes are found exactly when the two are not the same.
    assert bool(there) is (fields.canonical(one) != fields.canonical(other))


@given(
    st.dictionaries(st.sampled_from("abcde"), SCALARS, max_size=4),
    st.dictionaries(st.sampled_from("abcde"), SCALARS, max_size=4),
)
def test_applied_to_the_old_the_changes_make_the_new(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    made = dict(old)
    for path, _, value in compare(pod(**old), pod(**new)):
        made.pop(path.removeprefix("spec."), None)
        if value is not ABSENT:
            made[path.removeprefix("spec.")] = value
    assert json.dumps(
        {k: v for k, v in made.items() if v is not None}, sort_keys=True
    ) == json.dumps({k: v for k, v in new.items() if v is not None}, sort_keys=True)


@given(specs(), st.data())
def test_a_change_anywhere_is_found(spec: dict[str, Any], data: st.DataObject) -> None:
    old, new = pod(**spec), copy.deepcopy(pod(**spec))
    place = data.draw(st.sampled_from(every_map(new["spec"])))
    place["changed"] = "here"
    assert [change for change in compare(old, new) if "changed" in str(change)]


def every_map(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(inner for item in value.values() for inner in every_map(item))]
    return [inner for item in value for inner in every_map(item)] if isinstance(value, list) else []


@given(specs())
def test_yaml_in_any_style_is_read_the_same(spec: dict[str, Any]) -> None:
    one = pod(**spec)
    for flow in (True, False):
        assert not difference(
            json.dumps(one).encode(),
            yaml.safe_dump(one, default_flow_style=flow, allow_unicode=flow).encode(),
        )


@pytest.mark.parametrize("line_end", ["\n", "\r", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("deep", ["- " * 300, "? " * 300, "[" * 300, "{a: " * 300, "[a: " * 300])
def test_deep_nesting_is_found_behind_any_line_end(line_end: str, deep: str) -> None:
    """Also behind those that only YAML 1.1 takes for one."""
    with pytest.raises(Unreadable, match="nested too deeply"):
        parse(f"# a{line_end}{deep}")


def test_the_bound_on_nesting_holds() -> None:
    """Whatever stands in the text, and is a bracket or none."""
    parts = [
        "[",
        "{",
        "]",
        "}",
        ",",
        ": ",
        "- ",
        "? ",
        " ",
        "\n",
        "\r",
        "\u2028",
        "a",
        "'",
        '"',
        "&a ",
    ]
    chosen = random.Random(16)
    for _ in range(2_000):
        text = "".join(chosen.choices(parts, k=chosen.randrange(2, 40)))
        assert resources._depth(text) <= resources._depth_at_most(text), text


def test_brackets_in_a_text_are_no_nesting() -> None:
    text = "description: |\n" + "  e.g. (see [1]) or a{b}\n" * 500
    assert resources._depth_at_most(text) < resources.MAX_DEPTH
