"""git ekf log: the deploy records, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.commands.options import Json, Release
from git_ekf.deploy.read import Deployment, deployments
from git_ekf.deploy.write import check_day
from git_ekf.repository import Repository
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import document, escape, say, shortened, unicode_text


def log(
    number: Annotated[
        int | None,
        typer.Option("-n", "--max-count", metavar="N", min=1, help="Show at most so many."),
    ] = None,
    release: Release = "",
    since: Annotated[
        str,
        typer.Option("--since", metavar="YYYY-MM-DD", help="Only records of that day and later."),
    ] = "",
    json: Json = False,
) -> None:
    """List the deploy records, newest first."""
    repo = Repository()
    day = check_day(since) if since else ""
    found = [one for one in deployments(repo, release) if one.name.date >= day][:number]
    if json:
        print(document("log", {"records": [as_json(one) for one in found]}))
        return
    if not found:
        say("No deploy record. To write one: git ekf tag -m CONTEXT")
        return
    width = max(len(one.tag.name) for one in found)
    with paged():
        print("\n".join(_line(one, width) for one in found))
        unsaved = sum(not one.saved for one in found)
        if unsaved:
            say(f"! not on {repo.config.internal}: git ekf save")


def _line(one: Deployment, width: int) -> str:
    saved = " " if one.saved else paint("!", "red")
    name = paint(f"{one.tag.name:<{width}}", "yellow")
    return f"{name} {saved} {one.commit[:7]}  {escape(shortened(one.context.partition(chr(10))[0], 60))}".rstrip()


def as_json(one: Deployment) -> dict[str, object]:
    """A record for a document."""
    return {
        "name": str(one.name),
        "date": one.name.date,
        "branch": one.name.branch,
        "commit": one.commit,
        "tag": one.tag.oid,
        "saved": one.saved,
        "fields": [
            {"name": unicode_text(key), "value": unicode_text(value)}
            for key, value in one.record.fields
        ],
    }
