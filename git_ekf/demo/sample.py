"""A small vendor repository, made from nothing: what the demo and the tests work on.

Three channels of Kustomize manifests, with merges in their history as real vendors have them. Every
object id is the same on every machine: names, dates and contents are fixed.
"""

from __future__ import annotations

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
    Git(directory).fast_import(_SampleHistory(pattern).stream())


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


class _SampleHistory:
    """Writes `git fast-import` commands; a commit is known by its mark."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._commands: list[str] = []
        self._mark = 0

    def stream(self) -> bytes:
        """The commands for the whole history."""
        first = self._commit("main", [], "Add Istio and the dashboard", _files("1.8.0"))
        readme = {"README.md": "# Sample platform\n\nSee docs/.\n"}
        fix = self._commit("main", [first], "Document the installation", readme)
        limits = {"common/limits/limits.yaml": "kind: LimitRange\n"}
        side = self._commit("main", [first], "Add a limit range", limits)
        main = self._commit("main", [fix, side], "Merge the limit range")
        self._release("1.8", main)
        moved = self._commit("main", [main], "Move to Istio 1.9", _files("1.9.0"))
        replicas = {"apps/dashboard/base/deployment.yaml": deployment("dashboard", "1.9.0", 2)}
        side = self._commit("side", [main], "Raise the dashboard's replicas", replicas)
        main = self._commit("main", [moved, side], "Merge the replicas")
        self._release("1.9", main)
        main = self._commit("main", [main], "Move to Istio 1.10", _files("1.10.0"))
        self._release("1.10", main)
        return "".join(self._commands).encode()

    def _release(self, version: str, parent: int) -> None:
        branch = self._pattern.replace("{version}", version)
        self._commit(branch, [parent], f"Release {version}", {"VERSION": f"{version}.0\n"})

    def _commit(
        self, branch: str, parents: list[int], message: str, files: dict[str, str] | None = None
    ) -> int:
        self._mark += 1
        when = f"{_AUTHOR} {_START + 3600 * self._mark} +0000"
        self._commands += [
            f"commit refs/heads/{branch}\nmark :{self._mark}\n",
            f"author {when}\ncommitter {when}\n",
            _data(f"{message}\n"),
        ]
        for command, parent in zip(("from", "merge"), parents, strict=False):
            self._commands.append(f"{command} :{parent}\n")
        for path, content in (files or {}).items():
            self._commands.append(f"M 644 inline {path}\n{_data(content)}")
        self._commands.append("\n")
        return self._mark


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
