"""git ekf fleet plan --executor: by the workers of a Dask cluster the same as here, also where they die or do not fit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import GIT_EKF, Run, run
from fleets import World
from reach import rare
from stacked_fleets import make_stacked

from git_ekf.commands.output.fleet_plan import plan_content
from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.fleet.file import read_fleet
from git_ekf.fleet.plan import plan_fleet
from git_ekf.fleet.planning.together import Task
from git_ekf.fleet.processes import Planner, Processes
from git_ekf.fleet.scheduler import scheduler
from git_ekf.fleet.standing import read_standings
from git_ekf.fleet.store import Store
from git_ekf.fleet.surroundings import PYTHON
from git_ekf.fleet.workers import workers
from git_ekf.git.calls import Git
from git_ekf.names import Scheme

AGAIN = ("git", "ekf", "fleet", "plan")
# Seconds within which Dask has started, on a machine with much else to do.
_PATIENCE = 60.0


# --- without a cluster ---


@pytest.mark.parametrize(
    "address",
    [
        *("", "host", "host:8786", "tcp://", "tcp://127.0.0.1", "tcp://:8786", "tcp://a:b"),
        *("tls://host:99999", "tls://host:8786/x", "tls://user:word@host:8786", "http://host:80"),
        *("tls://host:8786?x", "inproc://1/2", "tls://[::1:8786"),
    ],
)
def test_what_is_no_address(address: str) -> None:
    with (
        pytest.raises(UsageError, match="is not the address of a scheduler"),
        scheduler(address, AGAIN),
    ):
        pass


@pytest.mark.parametrize("host", ["10.0.0.1", "dask.example.com", "[fe80::1]", "127.0.0.1.example"])
def test_plain_tcp_stays_on_this_machine(host: str) -> None:
    with pytest.raises(Refused) as refused, scheduler(f"tcp://{host}:8786", AGAIN):
        pass
    hint = refused.value.hint.replace("'", "")
    assert hint == f"git ekf fleet plan --executor tls://{host}:8786"


def test_without_the_library(tmp_path: Path) -> None:
    """It is said which extra is missing; and nobody else imports it."""
    script = "import sys; sys.modules['distributed'] = None; from git_ekf.cli import main; "
    script += "code = main(sys.argv[1:]); assert 'dask' not in sys.modules; sys.exit(code)"
    (tmp_path / "fleet.toml").write_text(
        'vendor = "/nowhere"\n[[cluster]]\nname = "one"\ninternal = "/elsewhere"\n'
    )
    command = [sys.executable, "-c", script, "fleet", "plan", "--no-fetch"]
    done = run(*command, "--executor", "tcp://127.0.0.1:8786", cwd=tmp_path)
    assert (done.code, done.err) == (
        4,
        "git-ekf: --executor needs distributed, which is not installed\n"
        "hint: pip install 'git-ekf[distributed]'\n",
    )
    done = run(*command, cwd=tmp_path)
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: nothing is known of this fleet yet",
    )


# --- clusters ---


class Cluster:
    """A scheduler, and workers of a thread each that end with it."""

    def __init__(
        self, folder: Path, scheme: str = "tcp", before: str = "", **environment: str
    ) -> None:
        self.environment = {**os.environ, **environment}
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        options = ["--protocol", scheme, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = self._start(
            "distributed.cli.dask_scheduler",
            *options,
            "--scheduler-file",
            str(file),
            before=before,
        )
        awaited(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def add(
        self, number: int = 1, *, threads: int = 1, before: str = ""
    ) -> list[subprocess.Popen[bytes]]:
        """More workers, which run some Python first."""
        options = [self.address, "--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        options += ["--local-directory", str(self.folder)]
        there = len(self.workers())
        added = [
            self._start("distributed.cli.dask_worker", *options, before=before)
            for _ in range(number)
        ]
        awaited(lambda: len(self.workers()) == there + number)
        return added

    def workers(self) -> dict[str, Any]:
        """Address -> how many tasks it has done."""

        def done(dask_worker: Any) -> int:
            return int(dask_worker.state.executed_count)

        with self.client() as client:
            found: dict[str, Any] = client.run(done)
            return found

    @contextmanager
    def client(self) -> Iterator[Any]:
        from distributed import Client

        with warnings.catch_warnings(action="ignore"):  # of other versions
            client = Client(self.address, set_as_default=False)
        with client:
            yield client

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, module: str, *options: str, before: str = "") -> subprocess.Popen[bytes]:
        script = f"{before}\nfrom {module} import main\nmain()"
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", script, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
            )
        self.processes.append(process)
        return process


def awaited(what: Any) -> None:
    begin = time.monotonic()
    while not what():
        assert time.monotonic() - begin < _PATIENCE
        time.sleep(0.05)


class Stocked:
    """A fleet with its store, planned by one process."""

    def __init__(self, folder: Path) -> None:
        self.world: World = make_stacked(folder, 60)[0]
        self.path = folder / "store.git"
        text = self.world.file.read_text()
        self.world.file.write_text(f'store = "{self.path}"\n{text}')
        self.options = ["--no-fetch", "--file", str(self.world.file)]
        assert run("git-ekf", "fleet", "status", "--file", str(self.world.file)).code == 1
        self.alone = self.plan("--jobs", "1")
        assert (self.alone.code, self.alone.err) == (1, "")

    def plan(self, *words: str) -> Run:
        """As a document, which has all that there is."""
        return run("git-ekf", "fleet", "plan", "--json", *self.options, *words)

    def by(self, planner: Planner, watch: Any = lambda _, numbers: iter(numbers)) -> str:
        """The same, of the plan to 1.9."""
        store = Store(str(self.path), Git(str(self.path), {"GIT_DIR": str(self.path)}))
        fleet = read_fleet(str(self.world.file))
        chosen = read_standings(store, fleet).standings
        made = plan_fleet(store, fleet, chosen, "release-1.9", watch, planner)
        return json.dumps(plan_content({}, made, chosen))


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Stocked:
    return Stocked(tmp_path_factory.mktemp("stocked"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    yield found
    found.close()


@pytest.fixture
def _small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("git_ekf.fleet.plan._LEAST", 5)
    monkeypatch.setattr("git_ekf.fleet.plan.AT_A_TIME", 5)


# --- the same ---


@rare
def test_it_is_as_planned_here(stocked: Stocked, cluster: Cluster) -> None:
    """To the byte; and each worker has had a part in it."""
    cluster.add(2)
    done = stocked.plan("--executor", cluster.address)
    assert (done.code, done.err) == (1, "")
    assert done.out == stocked.alone.out
    words = ["git-ekf", "fleet", "plan", "--list", *stocked.options]
    listed = run(*words, "--executor", cluster.address)
    assert (listed.code, listed.err) == (1, "")
    assert listed.out == run(*words, "--jobs", "1").out
    assert sum(cluster.workers().values()) == 4
    assert min(cluster.workers().values()) > 0


@rare
@pytest.mark.usefixtures("_small_tasks")
def test_a_worker_of_several_threads(stocked: Stocked, cluster: Cluster) -> None:
    cluster.add(threads=4)
    with workers(cluster.address, AGAIN, pytest.fail) as planner:
        assert planner.jobs == 4
        made = stocked.by(planner)
    assert made == stocked.by(Processes(1))
    assert sum(cluster.workers().values()) > 10


@rare
def test_the_error_of_a_task_is_told(stocked: Stocked, cluster: Cluster, tmp_path: Path) -> None:
    cluster.add()
    damaged = tmp_path / "damaged.git"
    shutil.copytree(stocked.path, damaged)
    for pack in (damaged / "objects/pack").iterdir():
        pack.unlink()
    tasks = [Task(str(damaged), Scheme(), (), None)]
    said = []
    with workers(cluster.address, AGAIN, pytest.fail) as planner:
        for one in (planner, Processes(1)):
            with pytest.raises(CallFailed) as error:
                list(one.plans(tasks))
            said.append((error.value.message, error.value.hint))
    assert said[0] == said[1]
    assert "is damaged" in said[0][0]


# --- those that die ---


def killing(*processes: subprocess.Popen[bytes]) -> Any:
    """Kills them when the first task has come back."""

    def watch(_: str, numbers: Sequence[int]) -> Iterator[int]:
        for number in numbers:
            if number == 1:
                for process in processes:
                    process.kill()
                    process.wait()
            yield number

    return watch


@rare
@pytest.mark.usefixtures("_small_tasks")
def test_a_worker_that_dies(stocked: Stocked, cluster: Cluster) -> None:
    first, _ = cluster.add(2)
    with workers(cluster.address, AGAIN, pytest.fail) as planner:
        made = stocked.by(planner, killing(first))
    assert made == stocked.by(Processes(1))
    assert len(cluster.workers()) == 1


@rare
@pytest.mark.usefixtures("_small_tasks")
@pytest.mark.parametrize("who", ["workers", "scheduler"])
def test_nobody_is_left(
    stocked: Stocked, cluster: Cluster, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is planned here."""
    monkeypatch.setattr("git_ekf.fleet.workers._ALONE", 1)
    added = cluster.add(2)
    notes: list[str] = []
    with workers(cluster.address, AGAIN, notes.append) as planner:
        killed = added if who == "workers" else [cluster.scheduler]
        made = stocked.by(planner, killing(*killed))
    assert made == stocked.by(Processes(1))
    assert notes == [f"{cluster.address} is gone, and the rest is planned here"]


@rare
def test_a_task_that_kills_workers_is_planned_here(stocked: Stocked, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    try:
        deadly = "import os, git_ekf.fleet.workers as of_worker\n"
        cluster.add(1, before=f"{deadly}of_worker.attempt = lambda task: os._exit(1)")
        cluster.add(1)
        done = stocked.plan("--executor", cluster.address)
        note = f"workers of {cluster.address} died of some clusters; these are planned here"
        assert (done.code, done.err) == (1, f"note: {note}\n")
        assert done.out == stocked.alone.out
        assert len(cluster.workers()) == 1
    finally:
        cluster.close()


@rare
def test_an_interruption_ends_at_once(stocked: Stocked, cluster: Cluster) -> None:
    """And takes back what is queued, also where no worker moves any more."""
    [worker] = cluster.add()
    asked = [str(GIT_EKF), "fleet", "plan", *stocked.options, "--executor", cluster.address]
    plan = subprocess.Popen(
        [*asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    tasks = "lambda dask_scheduler: len(dask_scheduler.tasks)"
    with cluster.client() as client:
        awaited(lambda: client.run_on_scheduler(eval(tasks)))
        worker.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        plan.send_signal(signal.SIGINT)
        out, err = plan.communicate(timeout=_PATIENCE)
        assert time.monotonic() - begin < 5
        assert (plan.returncode, out, err) == (130, "", "\ngit-ekf: interrupted\n")
        worker.send_signal(signal.SIGCONT)
        awaited(lambda: not client.run_on_scheduler(eval(tasks)))


# --- those that do not fit ---


def without(module: str) -> str:
    """Python that has a module never found."""
    return f"""
import sys
class Missing:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""


@rare
def test_no_worker(stocked: Stocked, cluster: Cluster) -> None:
    done = stocked.plan("--executor", cluster.address)
    assert (done.code, done.err) == (
        4,
        f"git-ekf: the scheduler at {cluster.address} has no worker\n"
        f"hint: dask worker {cluster.address}, on each machine that is to plan\n",
    )


@rare
@pytest.mark.parametrize(
    ("before", "why"),
    [
        ("import git_ekf; git_ekf.__version__ = '0.0.1'", "it has git-ekf 0.0.1, and here it is "),
        (without("git_ekf"), "git-ekf is not installed there"),
        (without("git_ekf.fleet.workers"), "it has another version of git-ekf"),
        (without("pygit2"), "git ekf fleet needs pygit2, which is not"),
        (
            "import distributed.versions as of_dask, types, sys\n"
            "of_dask.sys = types.SimpleNamespace(**vars(sys))\n"
            "of_dask.sys.version_info = (3, 9, 1, 'final', 0)",
            f"it has Python 3.9, and here it is {PYTHON}",
        ),
    ],
)
def test_a_worker_of_another_kind(
    stocked: Stocked, cluster: Cluster, before: str, why: str
) -> None:
    cluster.add()
    cluster.add(before=before)
    done = stocked.plan("--executor", cluster.address)
    assert (done.code, done.out, len(done.err.splitlines())) == (4, "", 2)
    assert f" at {cluster.address} cannot plan: {why}" in done.err
    assert "\nhint: there, with Python 3." in done.err


@rare
def test_a_scheduler_without_git_ekf(stocked: Stocked, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, before=without("git_ekf"))
    try:
        done = stocked.plan("--executor", cluster.address)
    finally:
        cluster.close()
    assert (done.code, done.out) == (4, "")
    said = (
        f"git-ekf: the scheduler at {cluster.address} cannot plan: git-ekf is not installed there"
    )
    assert done.err.splitlines()[0] == said


@rare
def test_the_address_of_a_worker(stocked: Stocked, cluster: Cluster) -> None:
    cluster.add()
    [address] = cluster.workers()
    done = stocked.plan("--executor", address)
    assert (done.code, done.out) == (5, "")
    first, second = done.err.splitlines()
    assert first == f"git-ekf: no scheduler answers at {address}: it is a worker"
    assert second == f"hint: git ekf fleet plan --file {stocked.world.file} plans here"


@rare
@pytest.mark.parametrize("kind", ["missing", "older", "setting"])
def test_a_worker_elsewhere(
    stocked: Stocked, cluster: Cluster, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is by its path another one there, or git goes by other settings."""
    why = {
        "missing": "there is no such store, or it cannot be read there",
        "older": "the store is in another state there",
        "setting": "merge.both.driver of git's configuration is another there",
    }[kind]
    other = tmp_path / "other.git"
    if kind == "older":
        shutil.copytree(stocked.path, other)
        refs = (other / "packed-refs").read_text().splitlines(keepends=True)
        (other / "packed-refs").write_text("".join(refs[:-1]))
    if kind == "setting":
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "merge.both.driver")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "cat %B >>%A")
        other = stocked.path
    mounted = "import git_ekf.fleet.surroundings as here\nreal = here._digest\n"
    mounted += (
        f"here._digest = lambda path: real(path.replace({str(stocked.path)!r}, {str(other)!r}))"
    )
    cluster.add(before=mounted)
    done = stocked.plan("--executor", cluster.address)
    assert (done.code, done.out, len(done.err.splitlines())) == (4, "", 2)
    assert f" cannot plan from {stocked.path}: {why}\n" in done.err
    share = "set store in the fleet file to a directory that all of them share"
    assert done.err.splitlines()[1] == (
        "hint: git ekf man fleet" if kind == "setting" else f"hint: {share}"
    )


@rare
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "it says nothing"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it speaks another language"),
        (b"\x08" + bytes(7), "timed out"),
    ],
)
def test_something_else_answers(answer: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for a question, or speaks first, or falls silent."""
    monkeypatch.setattr("git_ekf.fleet.scheduler._ANSWER", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(CallFailed) as failed, scheduler(address, AGAIN):
            pass
    assert failed.value.message == f"no scheduler answers at {address}: {why}"
    assert failed.value.hint == "git ekf fleet plan plans here"


# --- TLS ---


@rare
def test_tls(stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the certificates of Dask's configuration; others are not taken."""
    for who in ("ours", "others"):
        key, certificate = tmp_path / f"{who}.key", tmp_path / f"{who}.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)

    def certificates(who: str) -> dict[str, str]:
        files = {"CA_FILE": f"{who}.pem"}
        for role in ("CLIENT", "SCHEDULER", "WORKER"):
            files |= {f"{role}__CERT": f"{who}.pem", f"{role}__KEY": f"{who}.key"}
        prefix = "DASK_DISTRIBUTED__COMM__TLS__"
        return {f"{prefix}{name}": str(tmp_path / file) for name, file in files.items()}

    with monkeypatch.context() as patch:
        for name, value in certificates("ours").items():
            patch.setenv(name, value)
        cluster = Cluster(tmp_path, "tls")
        try:
            options = [cluster.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            cluster._start("distributed.cli.dask_worker", *options)
            awaited(lambda: stocked.plan("--executor", cluster.address).code == 1)
            done = stocked.plan("--executor", cluster.address)
            assert (done.code, done.err, done.out) == (1, "", stocked.alone.out)
            for name, value in certificates("others").items():
                patch.setenv(name, value)
            done = stocked.plan("--executor", cluster.address)
            assert (done.code, done.out, len(done.err.splitlines())) == (5, "", 2)
            assert "certificate" in done.err.lower()
        finally:
            cluster.close()
    done = stocked.plan("--executor", cluster.address)
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: Dask's configuration has no certificates for TLS",
    )
