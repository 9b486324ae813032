"""A small vendor repository, made from nothing: what the demo and the tests work on.

Three channels of Kustomize manifests, with merges in their history as real vendors have them. Every
object id is the same on every machine: names, dates and contents are fixed.
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from git_ekf.git.calls import Git

_AUTHOR = "Vendor <vendor@example.com>"
_START = 1_600_000_000  # seconds since the epoch


def make_vendor(
    directory: str, pattern: str = "release-{version}", object_format: str = "sha1"
) -> None:
    """Makes a bare repository with the channels 1.8, 1.9 and 1.10, and `main`.

    The directory must not exist. `pattern` names the channels, `object_format` is sha1 or sha256.
    """
    Git().init(directory, bare=True, object_format=object_format, branch="main")
    stream = map(_written, count(1), _history(pattern))
    Git(directory).fast_import("".join(stream).encode())


def kustomization(resources: list[str]) -> str:
    """A kustomization of these resources."""
    header = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    return header + "".join(f"- {name}\n" for name in resources)


def deployment(name: str, version: str, replicas: int) -> str:
    """A Deployment of an image in that version."""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
      - name: {name}
        image: registry.example.com/{name}:{version}
"""


class _SampleCommit(NamedTuple):
    """A commit of the sample; `parents` are their numbers, `files` what it writes."""

    branch: str
    parents: list[int]
    message: str
    files: dict[str, str]


def _history(pattern: str) -> list[_SampleCommit]:
    """All commits; the first has the number 1."""

    def release(version: str, parent: int) -> _SampleCommit:
        branch = pattern.replace("{version}", version)
        return _SampleCommit(branch, [parent], f"Release {version}", {"VERSION": f"{version}.0\n"})

    readme = {"README.md": "# Sample platform\n\nSee docs/.\n"}
    limits = {"common/limits/limits.yaml": "kind: LimitRange\n"}
    replicas = {"apps/dashboard/base/deployment.yaml": deployment("dashboard", "1.9.0", 2)}
    return [
        _SampleCommit("main", [], "Add Istio and the dashboard", _files("1.8.0")),
        _SampleCommit("main", [1], "Document the installation", readme),
        _SampleCommit("main", [1], "Add a limit range", limits),
        _SampleCommit("main", [2, 3], "Merge the limit range", {}),
        release("1.8", 4),
        _SampleCommit("main", [4], "Move to Istio 1.9", _files("1.9.0")),
        _SampleCommit("side", [4], "Raise the dashboard's replicas", replicas),
        _SampleCommit("main", [6, 7], "Merge the replicas", {}),
        release("1.9", 8),
        _SampleCommit("main", [8], "Move to Istio 1.10", _files("1.10.0")),
        release("1.10", 10),
    ]


def _written(number: int, commit: _SampleCommit) -> str:
    """The commands of `git fast-import` for a commit."""
    when = f"{_AUTHOR} {_START + 3600 * number} +0000"
    commands = [
        f"commit refs/heads/{commit.branch}\nmark :{number}\n",
        f"author {when}\ncommitter {when}\n",
        _data(f"{commit.message}\n"),
    ]
    for command, parent in zip(("from", "merge"), commit.parents, strict=False):
        commands.append(f"{command} :{parent}\n")
    for path, content in commit.files.items():
        commands.append(f"M 644 inline {path}\n{_data(content)}")
    return "".join([*commands, "\n"])


def _files(version: str) -> dict[str, str]:
    """Path -> content of the vendor's tree."""
    files = {"VERSION": f"{version}\n"}
    for app in ("istio", "dashboard"):
        files[f"apps/{app}/base/deployment.yaml"] = deployment(app, version, 1)
        files[f"apps/{app}/base/kustomization.yaml"] = kustomization(["deployment.yaml"])
        files[f"apps/{app}/overlays/deploy/kustomization.yaml"] = kustomization(["../../base"])
    return files


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
