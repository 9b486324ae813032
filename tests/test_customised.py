"""What has become of customised fields, from four builds."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import pytest
import yaml
from reach import rare

from git_ekf.manifests.customised import CHANGED, KEPT, LOST, OWN, Field, customised
from git_ekf.manifests.fields import Special
from git_ekf.manifests.resources import Unreadable

ABSENT = Special.ABSENT


def config(data: Any, kind: str = "Thing", name: str = "x", **metadata: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}, **data}


def built(*resources: dict[str, Any]) -> bytes:
    return yaml.safe_dump_all(resources).encode()


def fields(*data: Any, kind: str = "Thing") -> list[tuple[str, str]]:
    """(path, state) of four versions of the field spec."""
    return [(one.path, one.state) for one in found(*data, kind=kind)]


def found(*data: Any, kind: str = "Thing") -> list[Field]:
    return customised(*(built(config({"spec": one}, kind)) for one in data))


def expected(old: int, own: int, new: int, now: int) -> str:
    """Said anew, from the words of the manual."""
    if old == own:
        return ""
    if now == own:
        return OWN if new == own else (KEPT if new == old else CHANGED)
    return LOST if now == new else CHANGED


@pytest.mark.parametrize("numbers", list(product(range(3), repeat=4)))
def test_a_value(numbers: tuple[int, ...]) -> None:
    state = expected(*numbers)
    assert fields(*({"a": {"b": one}, "c": 1} for one in numbers)) == (
        [("spec.a.b", state)] if state else []
    )
    # 0 stands for a field that is not there.
    there = [{"b": one} if one else {} for one in numbers]
    assert fields(*({"a": one, "c": 1} for one in there)) == (
        [("spec.a.b", state)] if state else []
    )


LISTS = {
    "containers by name": (
        {"containers": [{"name": "a", "image": "1"}]},
        {"containers": [{"name": "a", "image": "2"}]},
        {"containers": [{"name": "b", "image": "1"}, {"name": "a", "image": "1"}]},
        {"containers": [{"name": "b", "image": "1"}, {"name": "a", "image": "2"}]},
        [("spec.containers[name=a].image", KEPT)],
    ),
    "others by name": (
        {"x": [{"name": "a", "v": 1}]},
        {"x": [{"name": "a", "v": 2}]},
        {"x": [{"name": "n", "v": 1}, {"name": "a", "v": 1}]},
        {"x": [{"name": "n", "v": 1}, {"name": "a", "v": 1}]},
        [("spec.x[name=a].v", LOST)],
    ),
    "arguments": (
        {"args": ["-a", "-b=1"]},
        {"args": ["-a", "-b=2"]},
        {"args": ["-n", "-a", "-b=1"]},
        {"args": ["-n", "-a", "-b=2"]},
        [("spec.args[]", KEPT), ("spec.args[]", KEPT)],
    ),
    "an argument is lost": (
        {"args": ["-a"]},
        {"args": ["-a", "-x"]},
        {"args": ["-b"]},
        {"args": ["-b"]},
        [("spec.args[]", LOST)],
    ),
    "items by place": (
        {"http": [{"to": 1, "x": 1}]},
        {"http": [{"to": 2, "x": 1}]},
        {"http": [{"to": 1, "x": 2}]},
        {"http": [{"to": 2, "x": 2}]},
        [("spec.http[0].to", KEPT)],
    ),
    "an adapted item": (
        {"http": [{"to": 1, "x": 1}]},
        {"http": [{"to": 2, "x": 1}]},
        {"http": [{"a": 1}, {"to": 1, "x": 2}]},
        {"http": [{"a": 1}, {"to": 2, "x": 2}]},
        [("spec.http[]", OWN), ("spec.http[]", CHANGED)],
    ),
    "a text merged": (
        {"text": "a\nb\nc\n"},
        {"text": "a\nB\nc\n"},
        {"text": "a\nb\nC\n"},
        {"text": "a\nB\nC\n"},
        [("spec.text", CHANGED)],
    ),
    "a line of a text lost": (
        {"text": "a\nb\nc\n"},
        {"text": "a\nB\nX\nc\n"},
        {"text": "a\nb\nC\n"},
        {"text": "a\nb\nX\nC\n"},
        [("spec.text", LOST)],
    ),
    "null is nothing there": ({"a": None}, {}, {}, {}, []),
    "a truth is no number": ({"a": 1}, {"a": True}, {"a": 1}, {"a": True}, [("spec.a", KEPT)]),
}


@pytest.mark.parametrize("case", LISTS.values(), ids=LISTS)
def test_lists_and_texts(case: tuple[Any, ...]) -> None:
    assert sorted(fields(*case[:4])) == sorted(case[4])


def states(*sides: bytes) -> list[str]:
    return [f"{one.resource} {one.path}: {one.state}" for one in customised(*sides)]


def test_a_namespace_that_is_back() -> None:
    """kubeflow 1.5 to 1.6: the patch that took it away meets nothing."""
    inside = config({}, "ClusterIssuer", "self", namespace="cert-manager")
    outside = config({}, "ClusterIssuer", "self")
    assert states(built(inside), built(outside), built(inside), built(inside)) == [
        "ClusterIssuer self metadata.namespace: lost"
    ]
    kept = states(built(inside), built(outside), built(inside), built(outside))
    assert kept == ["ClusterIssuer self metadata.namespace: kept"]


def test_resources_that_come_and_go() -> None:
    one, other = config({"a": 1}), config({"b": 1}, name="y")
    both = built(one, other)
    assert states(built(one), both, built(one), both)[0] == "Thing y apiVersion: kept"
    assert {line.rpartition(": ")[2] for line in states(built(one), both, built(one), both)} == {
        KEPT
    }
    lost = states(built(one), both, built(one), built(one))
    assert len(lost) == 4
    assert {line.rpartition(": ")[2] for line in lost} == {LOST}
    assert {line.rpartition(": ")[2] for line in states(both, built(one), both, built(one))} == {
        KEPT
    }
    assert {line.rpartition(": ")[2] for line in states(both, built(one), both, both)} == {LOST}
    # A second one of that name, in another namespace, is not the first one moved.
    second = config({"a": 1}, namespace="n")
    added = states(built(one), built(one, second), built(one), built(one, second))
    assert {line.rpartition(": ")[2] for line in added} == {KEPT}
    assert len(added) == 5


def test_hashes_in_names_do_not_count() -> None:
    def side(name: str, value: str) -> bytes:
        user = config({"configMap": name, "mine": value})
        return built(config({"data": {"a": value, "n": name}}, "ConfigMap", name), user)

    hashes = ("cm-2h5bg7t9km", "cm-4h5bg7t9km", "cm-5h5bg7t9km", "cm-6h5bg7t9km")
    sides = [side(name, value) for name, value in zip(hashes, "1212", strict=True)]
    assert states(*sides) == ["ConfigMap cm data.a: kept", "Thing x mine: kept"]


def test_secrets_are_compared_and_not_shown() -> None:
    sides = []
    for value in ("one", "two", "three", "three"):
        applied = {"kubectl.kubernetes.io/last-applied-configuration": f"of {value}"}
        metadata = {"name": "s", "annotations": applied}
        sides.append(
            built(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": metadata,
                    "data": {"password": value},
                    "stringData": {"x": value},
                }
            )
        )
    lost = customised(*sides)
    assert [one.state for one in lost] == [LOST] * 3
    assert {value for one in lost for value in one.values} == {Special.HIDDEN}
    assert not any(value in repr(lost) for value in ("one", "two", "three"))


def test_two_documents_of_one_name() -> None:
    twice = built(config({"a": 1}), config({"a": 2}))
    changed = built(config({"a": 1}), config({"a": 3}))
    assert states(twice, changed, twice, changed) == ["Thing x (2) a: kept"]
    assert states(twice, changed, twice, twice) == ["Thing x (2) a: lost"]


@pytest.mark.parametrize(
    "text", [b"\xff", b"a: [", b"- 1\n", b"a: 1\n", b"x" * 100, b"kind: A\n---\n- {"]
)
def test_what_no_parser_takes(text: bytes) -> None:
    good = built(config({"a": 1}))
    for at in range(4):
        sides = [good, built(config({"a": 2})), good, good]
        sides[at] = text
        with pytest.raises(Unreadable):
            customised(*sides)


@rare
def test_a_hundred_thousand_fields() -> None:
    def side(value: int) -> bytes:
        lines = [f"  f{number}: {value}" for number in range(1000)]
        inner = "\n".join(lines)
        head = "apiVersion: v1\nkind: Thing\nmetadata:\n  name: n"
        return "---\n".join(f"{head}{one}\nspec:\n{inner}\n" for one in range(100)).encode()

    began = time.process_time()
    all_of_them = customised(side(1), side(2), side(1), side(2))
    assert len(all_of_them) == 100_000
    assert {one.state for one in all_of_them} == {KEPT}
    assert time.process_time() - began < 60
