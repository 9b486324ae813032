"""The internal repository on real servers: what is bad is refused whatever the client does, what is good is taken, and nothing half-way."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
import servers
from bench.load import crowd, push_all
from conftest import Clone, Run, run
from daemons import wait_for
from reach import EVERYTHING, long, rare, some
from servers import Server, script
from sshd import USER
from test_save import vendor_moves

BRANCH = "refs/heads/release-1.8"
CHANNEL = "refs/ekf/upstream/release-1.8"
ONE = "refs/tags/deploy/2026-11-20/release-1.8"
FILE = "own/settings"


@pytest.fixture(
    params=[
        servers.ssh,
        servers.http,
        pytest.param(servers.gitolite, marks=rare),
        servers.gitea,
        servers.gitlab,
    ],
    ids=lambda kind: kind.__name__,
)
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """One after the other, with git-ekf installed."""
    with request.param(tmp_path / "server") as started:
        _log_in(started, monkeypatch)
        started.install()
        yield started


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Without git-ekf."""
    with servers.ssh(tmp_path / "server") as started:
        _log_in(started, monkeypatch)
        yield started


def _log_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


def cloned(server: Server, vendor: Path, name: str = "work") -> Clone:
    """A management container in which no hook ever runs."""
    path = vendor.with_name(name)
    done = run("git-ekf", "clone", vendor, path, "--internal", server.url, "--release", "1.8")
    assert done.code == 0, done
    clone = Clone(path)
    clone.git("config", "core.hooksPath", "/dev/null")
    return clone


def save(clone: Clone) -> None:
    done = clone.ekf("save")
    assert done.code == 0, done


def push(clone: Clone, *refspecs: str, env: dict[str, str] | None = None) -> Run:
    return clone.git("push", "--no-verify", "internal", *refspecs, ok=False, env=env)


def rules(done: Run) -> list[str]:
    """What the server found broken, as the user sees it."""
    return re.findall(
        r"^remote: (?:GL-HOOK-ERR: *)?error +([a-z-]+): ",
        re.sub(r"(?<=: ) +", "", done.err),
        re.MULTILINE,
    )


def tag(clone: Clone, name: str, commit: str, message: str) -> str:
    """An annotated tag that no ref names; its id."""
    return clone.git(
        "mktag",
        stdin=f"object {commit}\ntype commit\ntag {name}\ntagger O <o@example.com> 1 +0000\n\n{message}\n",
    ).out.strip()


def large() -> str:
    """More than a megabyte, compressed."""
    return Random(6).randbytes(1_200_000).hex()


def message(clone: Clone, record: str = ONE) -> str:
    return clone.out("for-each-ref", "--format=%(contents)", record).strip()


def assert_sound(server: Server, *, unused: bool = False) -> None:
    """Nothing is missing, and with `unused` False nothing lies about that no ref needs."""
    assert server.git("fsck", "--full", *(["--no-dangling"] if unused else [])) == ""
    assert server.quarantines() == []


@long
def test_everything_bad_is_refused_and_everything_good_is_taken(
    server: Server, vendor: Path, tmp_path: Path
) -> None:
    server.git("config", "ekf.server.user", server.pusher)
    server.git("config", "ekf.server.may-push", f"{USER}: refs/*")
    clone = cloned(server, vendor)
    clone.commit(FILE, "first")
    save(clone)
    second = clone.commit(FILE, "second")
    save(clone)
    assert clone.ekf("tag", "-m", "We added Istio.").code == 0
    tip = clone.commit("own/large", large())  # more than a client of HTTP sends in one piece
    save(clone)
    channel = clone.out("rev-parse", "origin/release-1.8")
    taken = {BRANCH: tip, CHANNEL: channel, ONE: clone.out("rev-parse", ONE)}
    assert server.refs() == taken

    attempts: Sequence[tuple[str, tuple[str, str]]] = [*bad(clone, second, tip).items()]
    # How a server passes an answer on, two show as well as ten.
    attempts = some(attempts, 5)
    for what, (refspec, rule) in attempts:
        done = push(clone, refspec)
        assert (done.code, rules(done)) == (1, [rule]), f"{what}: {done}"
        assert server.refs() == taken, what
    server.git("config", "ekf.server.may-push", f"{USER}: refs/tags/*")
    assert rules(
        push(clone, f"{clone.out('rev-parse', 'HEAD')}:refs/ekf/backup/release-1.8/mine")
    ) == ["push-denied"]
    server.git("config", "ekf.server.may-push", f"{USER}: refs/*")

    if EVERYTHING or server.pusher == "PUSHER":  # to the others it is one more push
        what_the_vendor_brings(server, clone, vendor, taken)
    assert_sound(server)


def what_the_vendor_brings(
    server: Server, clone: Clone, vendor: Path, taken: dict[str, str]
) -> None:
    """A sync and an upgrade on top of what the server has taken, saved."""
    tip = taken[BRANCH]
    channel = taken[CHANNEL]
    vendor_moves(vendor, vendor.parent)
    assert clone.ekf("sync", "--no-build").code == 0
    save(clone)
    kept = [ref for ref in server.refs() if ref.startswith("refs/ekf/backup/release-1.8/")]
    assert len(kept) == 1
    taken |= {
        BRANCH: clone.out("rev-parse", "HEAD"),
        CHANNEL: clone.out("rev-parse", "origin/release-1.8"),
        kept[0]: tip,
    }
    assert taken[BRANCH] != tip
    assert taken[CHANNEL] != channel
    assert rules(push(clone, f":{kept[0]}")) == ["backup-moved"]
    assert server.refs() == taken

    assert clone.ekf("upgrade", "1.9", "--no-build").code == 0
    save(clone)
    taken |= {
        ref.replace("1.8", "1.9"): clone.out("rev-parse", name)
        for ref, name in ((BRANCH, "HEAD"), (CHANNEL, "origin/release-1.9"))
    }
    assert server.refs() == taken


def bad(clone: Clone, recorded: str, tip: str) -> dict[str, tuple[str, str]]:
    """What a push may not do -> the refspec that does it, and the rule that it breaks."""
    files = f"{tip}^{{tree}}"
    side = clone.out("commit-tree", files, "-p", recorded, "-m", "Aside")
    merge = clone.out("commit-tree", files, "-p", tip, "-p", side, "-m", "Merge")
    next_day = ONE.replace("20/", "21/")
    incomplete = re.sub("Context: .*", "", message(clone)).replace("11-20", "11-21")
    return {
        "a merge": (f"{merge}:{BRANCH}", "linear-history"),
        "a branch of another name": (f"{tip}:refs/heads/feature", "branch-name"),
        "a lightweight record": (f"{tip}:{next_day}", "tag-lightweight"),
        "a record without context": (
            f"{tag(clone, next_day[10:], recorded, incomplete)}:{next_day}",
            "tag-fields",
        ),
        "no branch": (f":{BRANCH}", "delete-protected"),
        "no record": (f":{ONE}", "delete-protected"),
        "a commit less": (f"+{side}:{BRANCH}", "rewrite-unsaved"),
        "another record": (
            f"+{tag(clone, ONE[10:], recorded, message(clone) + ' Again.')}:{ONE}",
            "tag-moved",
        ),
        "a ref elsewhere": (f"{tip}:refs/changes/1", "ref-name"),
        "an older vendor": (f"+origin/release-1.8~1:{CHANNEL}", "upstream-moved"),
    }


@rare
def test_a_client_that_sends_variables(ssh: Server, vendor: Path, tmp_path: Path) -> None:
    ssh.install()
    clone = cloned(ssh, vendor)
    tip = clone.commit(FILE, "first")
    save(clone)
    before = ssh.refs()
    lax = tmp_path / "lax"
    lax.write_text('[ekf "rules"]\n\tbranch-name = off\n')
    attempts = {
        "configuration": {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "ekf.rules.branch-name",
            "GIT_CONFIG_VALUE_0": "off",
        },
        "parameters": {"GIT_CONFIG_PARAMETERS": "'ekf.rules.branch-name'='off'"},
        "a file": {"GIT_CONFIG_GLOBAL": str(lax)},
        "the hook": {"EKF_HOOKS": "0"},
    }
    for what, variables in attempts.items():
        done = push_with(clone, f"{tip}:refs/heads/feature", variables)
        assert (done.code, rules(done)) == (1, ["branch-name"]), f"{what}: {done}"
    done = push_with(clone, f"{tip}:refs/heads/release-1.9", {"GIT_NAMESPACE": "mine"})
    assert "remote: git-ekf: git-ekf does not judge a push into a namespace of git" in done.err
    assert ssh.refs() == before


def push_with(clone: Clone, refspec: str, variables: dict[str, str]) -> Run:
    """A push that sends variables of git's to the server: some git would clear before it starts ssh, were they its own."""
    words = shlex.join(f"{name}={value}" for name, value in variables.items())
    return push(
        clone, refspec, env={"GIT_SSH_COMMAND": f"env {words} {os.environ['GIT_SSH_COMMAND']}"}
    )


# --- pushes that end early, and many at once ---


@rare
def test_many_pushes_at_once(ssh: Server, vendor: Path) -> None:
    ssh.install()
    clone = cloned(ssh, vendor)
    clone.commit(FILE, "first")
    assert clone.ekf("tag", "-m", "We added Istio.").code == 0
    save(clone)
    pushes = crowd(clone.path, "2026-11-20", clients=3, pushes=10)
    outcome = push_all(ssh, pushes)
    assert (outcome.landed, outcome.halves) == ({"lands": 6, "races": 1, "refused": 0}, 0)
    assert_sound(ssh, unused=True)


@rare
def test_a_client_that_is_killed_while_it_sends(ssh: Server, vendor: Path, tmp_path: Path) -> None:
    ssh.install()
    ssh.git("config", "receive.unpackLimit", "1")
    clone = cloned(ssh, vendor)
    clone.commit(FILE, "first")
    save(clone)
    before = ssh.refs()
    clone.commit("own/large", large())
    stuck = tmp_path / "stuck"
    script(stuck, f'{{ head -c 200000; sleep 60; }} | {os.environ["GIT_SSH_COMMAND"]} "$@"')
    client = _begin(
        clone, f"HEAD:{BRANCH}", env={"GIT_SSH_COMMAND": str(stuck), "GIT_SSH_VARIANT": "ssh"}
    )
    wait_for(lambda: _size(ssh.quarantines()) > 50_000, "some of the push to arrive")
    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    assert ssh.refs() == before
    save(clone)
    # Since 2.39, git leaves it to its next garbage collection to clean up behind a push that a signal ended.
    wait_for(
        lambda: not ssh.git("prune", "--expire=now") and not ssh.quarantines(),
        "what had arrived to go",
    )
    assert_sound(ssh)


@rare
def test_a_client_that_is_killed_while_the_server_judges(
    ssh: Server, vendor: Path, tmp_path: Path
) -> None:
    """The server goes on, and takes all of it."""
    held = tmp_path / "held"
    _before_us(
        ssh, f"touch {held}; for n in $(seq 1000); do [ -e {held} ] || break; sleep 0.01; done"
    )
    clone = cloned(ssh, vendor)
    tip = clone.commit(FILE, "first")
    client = _begin(clone, "--atomic", f"HEAD:{BRANCH}", f"origin/release-1.8:{CHANNEL}")
    wait_for(held.exists, "the push to arrive")
    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    held.unlink()
    taken = {BRANCH: tip, CHANNEL: clone.out("rev-parse", "origin/release-1.8")}
    wait_for(lambda: ssh.refs() == taken, "the push to land")
    assert_sound(ssh)
    save(clone)


@rare
def test_two_pushes_race_for_one_record(ssh: Server, vendor: Path, tmp_path: Path) -> None:
    first = cloned(ssh, vendor, "first")
    first.commit(FILE, "first")
    save(first)
    second = cloned(ssh, vendor, "second")
    second.git("reset", "-q", "--hard", "internal/release-1.8")
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    _before_us(
        ssh,
        f"touch {arrived}/$$; for n in $(seq 1000); do [ $(ls {arrived} | wc -l) = 2 ] && break; sleep 0.01; done",
    )
    for clone, why in ((first, "We added Istio."), (second, "We removed it.")):
        assert clone.ekf("tag", "-m", why).code == 0
    racing = [_begin(clone, ONE) for clone in (first, second)]
    codes = [client.wait() for client in racing]
    assert sorted(codes) == [0, 1]
    winner, loser = (first, second) if codes[0] == 0 else (second, first)
    assert ssh.refs()[ONE] == winner.out("rev-parse", ONE)
    assert_sound(ssh, unused=True)  # git takes objects in before it moves refs
    done = loser.ekf("save")
    assert done.code == 4, done
    assert "somebody else took that name; nothing was saved" in done.err
    save(winner)


def _begin(
    clone: Clone, *refspecs: str, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A push under way, in a process group of its own."""
    return subprocess.Popen(
        ["git", "push", "--quiet", "--no-verify", "internal", *refspecs],
        cwd=clone.path,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _before_us(server: Server, command: str) -> None:
    """Installs git-ekf where somebody else's hook is, which then runs first."""
    script(server.repository / "hooks" / "pre-receive", command, "cat >/dev/null")
    server.install()


def _size(folders: list[Path]) -> int:
    return sum(
        path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()
    )
