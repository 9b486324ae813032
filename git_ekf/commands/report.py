"""git ekf report: what a cluster runs and ran, as one page of HTML."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated, Any

from git_ekf.commands.options import Fetch, Json
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Option
from git_ekf.errors import UsageError
from git_ekf.report.cluster_page import cluster_page
from git_ekf.report.facts import ClusterReport, Deployed, Move, RunningRelease
from git_ekf.report.file import require_place, usual_place, write_report
from git_ekf.report.gather import cluster_report
from git_ekf.report.page import import_jinja
from git_ekf.terminal.text import counted, document, iso, say


def report(
    output: Annotated[
        str,
        Option("-o", "--output", metavar="FILE", help="Where to write the page; - prints it."),
    ] = "",
    fetch: Fetch = False,
    json: Json = False,
) -> None:
    """Write a page of HTML about the cluster's deployments and upgrades."""
    if output and json:
        raise UsageError("--output and --json exclude each other", "git ekf report -h")
    if not json:
        import_jinja()
    if output not in ("", "-"):
        require_place(output)
    repo = with_records(fetch=fetch)
    found = cluster_report(repo, time.time())
    if json:
        print(document("report", _as_json(found)))
        return
    page = cluster_page(found)
    if output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(page.encode())
        return
    path = output or usual_place(repo)
    if not output:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_report(path, page)
    counts = (
        f"{counted(len(found.deployments), 'deployment')}, {counted(found.upgrades, 'upgrade')}"
    )
    say(f"Wrote {output or os.path.relpath(path)}: {counts}")


def _as_json(found: ClusterReport) -> dict[str, Any]:
    names = [one.name for one in found.deployments]
    moves = [_move(move, names) for move in found.moves]
    files = [{**one._asdict(), "commit": one.commit or None} for one in found.files]
    return {
        "cluster": found.cluster,
        "made": iso(found.made),
        "asked": iso(found.asked),
        "running": _running(found.running, names) if found.running else None,
        "deployments": list(map(_deployed, found.deployments)),
        "moves": moves,
        "unseen_moves": found.unseen_moves,
        "upgrades": found.upgrades,
        "files": files,
    }


def _running(running: RunningRelease, names: list[str]) -> dict[str, Any]:
    record = {"record": names[running.record], "base": running.base or None}
    return {**running._asdict(), **record}


def _deployed(one: Deployed) -> dict[str, Any]:
    fields = [{"name": name, "value": value} for name, value in one.fields]
    shown = {**one._asdict(), "fields": fields, "tagged": iso(one.seconds)}
    del shown["seconds"]
    return shown


def _move(move: Move, names: list[str]) -> dict[str, Any]:
    return {
        **move._asdict(),
        "record": names[move.record],
        "before": names[move.before],
    }
