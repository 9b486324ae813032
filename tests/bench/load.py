"""Pushes that come all at once over ssh: what of them lands, none of it in part, and how long that takes beside an empty hook."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unittest.mock import patch

import pytest
import servers
from servers import Server

from bench.generate import BRANCH, Clone, World, clone, configure, vendor
from bench.measure import Table
from git_ekf.git.refs import HEADS, RECORDS

_DAY = "2026-11-20"
_RECORD = f"{RECORDS}{{}}/{BRANCH}"


class Push(NamedTuple):
    """Refs that one client pushes together. `fate` is "lands", "races" with others for the branch, or "refused"."""

    client: Path
    fate: str
    refs: dict[str, str]


class Outcome(NamedTuple):
    """How many of which fate landed, how many of their refs only in part, and what each push took in seconds."""

    landed: dict[str, int]
    halves: int
    seconds: list[float]


def crowd(client: Path, day: str, clients: int, pushes: int) -> list[Push]:
    """Of five pushes, three bring two deploy records each, one the next commit with its record, one a good record with a lightweight one.

    The client's branch is saved, and has the deploy record of that day; the other clients become copies of it.
    """
    paths = [client, *(client.with_name(f"{client.name}-{number}") for number in range(1, clients))]
    for path in paths[1:]:
        shutil.copytree(client, path, symlinks=True)
    tip = _git(client, "rev-parse", "HEAD")
    text = _git(client, "for-each-ref", "--format=%(contents)", _RECORD.format(day))
    return [_push(number, paths[number % clients], tip, day, text) for number in range(pushes)]


def _push(number: int, client: Path, tip: str, day: str, text: str) -> Push:
    # A day of its own, for a record has to be the next of its day.
    own = (date.fromisoformat(day) - timedelta(days=1 + number)).isoformat()
    text = text.replace(f"Date: {day}", f"Date: {own}")
    one, two = _RECORD.format(own), _RECORD.format(f"{own}.2")
    kind = number % 5
    if kind == 3:
        commit = _git(
            client, "commit-tree", f"{tip}^{{tree}}", "-p", tip, "-m", f"Configure {number}"
        )
        return Push(
            client,
            "races",
            {HEADS + BRANCH: commit, one: _tag(client, one, commit, text.replace(tip, commit))},
        )
    if kind == 4:
        return Push(client, "refused", {one: _tag(client, one, tip, text), two: tip})
    return Push(client, "lands", {ref: _tag(client, ref, tip, text) for ref in (one, two)})


def _tag(client: Path, ref: str, commit: str, text: str) -> str:
    name = ref.removeprefix("refs/tags/")
    return _git(
        client,
        "mktag",
        stdin=f"object {commit}\ntype commit\ntag {name}\ntagger O <o@example.com> 1 +0000\n\n{text}\n",
    )


def push_all(server: Server, pushes: list[Push]) -> Outcome:
    """Starts all of them at the same time, and looks at the server afterwards."""
    with ThreadPoolExecutor(len(pushes)) as threads:
        seconds = list(threads.map(_timed, pushes))
    there = server.refs()
    landed: dict[str, int] = {}
    halves = 0
    for push in pushes:
        arrived = [there.get(ref) == oid for ref, oid in push.refs.items()]
        landed[push.fate] = landed.get(push.fate, 0) + all(arrived)
        halves += any(arrived) and not all(arrived)
    return Outcome(landed, halves, seconds)


def _timed(push: Push) -> float:
    begin = time.perf_counter()
    refspecs = [f"{oid}:{ref}" for ref, oid in push.refs.items()]
    command = [
        "git",
        "push",
        "--quiet",
        "--no-verify",
        "--no-follow-tags",
        "--atomic",
        "internal",
        *refspecs,
    ]
    subprocess.run(command, cwd=push.client, capture_output=True, check=False)
    return time.perf_counter() - begin


def _git(cwd: Path, *args: str, stdin: str = "") -> str:
    return subprocess.run(
        ["git", *args], cwd=cwd, input=stdin, capture_output=True, check=True, encoding="utf-8"
    ).stdout.strip()


def load(world: World, table: Table, clients: int = 8, pushes: int = 50, rounds: int = 3) -> None:
    """Without sshd, says why there are no figures."""
    table.heading(f"{pushes} pushes at once from {clients} clients, over ssh, {rounds} rounds")
    primary = world.root / "crowd.git"
    vendor(world, primary, files=1_000, commits=1_000)
    cloned = clone(world, primary, world.root / "crowd")
    configure(cloned, commits=100, records=100)
    with patch.dict(os.environ, world.env):
        try:
            with servers.ssh(world.root / "server") as server, patch.dict(os.environ, server.env):
                _save(cloned, server)
                _compare(table, server, crowd(cloned.path, _DAY, clients, pushes), rounds)
        except pytest.skip.Exception as missing:
            table.heading(f"  none: {missing}")


def _save(cloned: Clone, server: Server) -> None:
    """Brings the clone with its records to the server, and one of its tip. Only this process's environment knows the way there."""
    cloned.git("remote", "set-url", "internal", server.url)
    cloned.git("config", "core.hooksPath", "/dev/null")
    cloned.git("ekf", "tag", "-m", "Measured.", "--date", _DAY)
    _git(cloned.path, "push", "--quiet", "internal", "refs/tags/*:refs/tags/*")
    server.install()
    _git(cloned.path, "ekf", "save")


def _compare(table: Table, server: Server, pushes: list[Push], rounds: int) -> None:
    """Turn and turn about; the refs are put back each time."""
    hook = server.repository / "hooks" / "pre-receive"
    texts = {"an empty hook": "#!/bin/sh\ncat >/dev/null\n", "git-ekf's hook": hook.read_text()}
    took: dict[str, list[float]] = {name: [] for name in texts}
    before = server.refs()
    for name, text in [*texts.items()] * rounds:
        hook.write_text(text)
        begin = time.perf_counter()
        outcome = push_all(server, pushes)
        took[name].append(1000 * (time.perf_counter() - begin))
        table.row(
            f"all of them, {name}",
            took[name][-1],
            f"one: {_median(outcome)}; {_fates(pushes, outcome)}",
        )
        for ref in server.refs().keys() - before.keys():
            server.git("update-ref", "-d", ref)
        server.git("update-ref", HEADS + BRANCH, before[HEADS + BRANCH])
    server.git("fsck", "--full")
    empty, ours = (median(times) for times in took.values())
    table.row(
        "a push of these, on average, git-ekf's hook",
        ours / len(pushes),
        f"{ours / empty:.2f} of the empty hook's; fsck is content",
    )


def _median(outcome: Outcome) -> str:
    return (
        f"{1000 * median(outcome.seconds):.0f} ms, the slowest {1000 * max(outcome.seconds):.0f} ms"
    )


def _fates(pushes: list[Push], outcome: Outcome) -> str:
    """Such as "landed 30 of 30 good, 1 of 10 racing, 0 of 10 bad, in part 0"."""
    words = {"lands": "good", "races": "racing", "refused": "bad"}
    counts = [
        f"{outcome.landed[fate]} of {sum(push.fate == fate for push in pushes)} {word}"
        for fate, word in words.items()
    ]
    return f"landed {', '.join(counts)}, in part {outcome.halves}"
