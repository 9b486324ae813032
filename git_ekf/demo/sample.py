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
    """Makes a bare repository with the channels 1.8, 1.9 and 1.10, and `main`. The directory must not exist."""
    Git().init(directory, bare=True, object_format=object_format, branch="main")
    Git(directory).fast_import(_History(pattern).stream())


def kustomization(resources: list[str]) -> str:
    lines = [
        "apiVersion: kustomize.config.k8s.io/v1beta1",
        "kind: Kustomization",
        "resources:",
        *(f"- {name}" for name in resources),
    ]
    return "\n".join(lines) + "\n"


def deployment(name: str, version: str, replicas: int) -> str:
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


class _History:
    """Writes `git fast-import` commands."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.out: list[str] = []
        self.mark = 0

    def stream(self) -> bytes:
        first = self.commit("main", [], "Add Istio and the dashboard", self.tree("1.8.0"))
        fix = self.commit(
            "main",
            [first],
            "Document the installation",
            {"README.md": "# Sample platform\n\nSee docs/.\n"},
        )
        side = self.commit(
            "main",
            [first],
            "Add a limit range",
            {"common/limits/limits.yaml": "kind: LimitRange\n"},
        )
        merged = self.commit("main", [fix, side], "Merge the limit range")
        self.release("1.8", [merged], {"VERSION": "1.8.0\n"})
        next_ = self.commit("main", [merged], "Move to Istio 1.9", self.tree("1.9.0"))
        side = self.commit(
            "side",
            [merged],
            "Raise the dashboard's replicas",
            {"apps/dashboard/base/deployment.yaml": deployment("dashboard", "1.9.0", 2)},
        )
        next_ = self.commit("main", [next_, side], "Merge the replicas")
        self.release("1.9", [next_], {"VERSION": "1.9.0\n"})
        last = self.commit("main", [next_], "Move to Istio 1.10", self.tree("1.10.0"))
        self.release("1.10", [last], {"VERSION": "1.10.0\n"})
        return "".join(self.out).encode()

    def tree(self, version: str) -> dict[str, str]:
        files = {"VERSION": f"{version}\n"}
        for app in ("istio", "dashboard"):
            files[f"apps/{app}/base/deployment.yaml"] = deployment(app, version, 1)
            files[f"apps/{app}/base/kustomization.yaml"] = kustomization(["deployment.yaml"])
            files[f"apps/{app}/overlays/deploy/kustomization.yaml"] = kustomization(["../../base"])
        return files

    def release(self, version: str, parents: list[int], files: dict[str, str]) -> None:
        self.commit(
            self.pattern.replace("{version}", version), parents, f"Release {version}", files
        )

    def commit(
        self, branch: str, parents: list[int], message: str, files: dict[str, str] | None = None
    ) -> int:
        self.mark += 1
        when = f"{_START + 3600 * self.mark} +0000"
        self.out.append(
            f"commit refs/heads/{branch}\nmark :{self.mark}\nauthor {_AUTHOR} {when}\ncommitter {_AUTHOR} {when}\n"
        )
        self.out.append(_data(message + "\n"))
        for number, parent in enumerate(parents):
            self.out.append(f"{'merge' if number else 'from'} :{parent}\n")
        for path, content in (files or {}).items():
            self.out.append(f"M 644 inline {path}\n{_data(content)}")
        self.out.append("\n")
        return self.mark


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
