"""git ekf log: the deploy records, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.commands.options import Json, Release
from git_ekf.deploy.read import Deployment, deployments
from git_ekf.deploy.write import check_day
from git_ekf.repository import Repository
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import document, escape, first_line, say, shortened


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
    recent = [one for one in deployments(repo, release) if one.name.date >= day]
    found = recent[:number]
    if json:
        print(document("log", {"records": [as_json(one) for one in found]}))
        return
    if not found:
        say("No deploy record. To write one: git ekf tag -m CONTEXT")
        return
    width = max(len(one.tag.name) for one in found)
    with paged():
        for one in found:
            saved = " " if one.saved else paint("!", "red")
            name = paint(f"{one.tag.name:<{width}}", "yellow")
            context = escape(shortened(first_line(one.context), 60))
            print(f"{name} {saved} {one.commit[:7]}  {context}".rstrip())
        if not all(one.saved for one in found):
            say(f"! not on {repo.config.internal}: git ekf save")


def as_json(one: Deployment) -> dict[str, object]:
    """A record for a document."""
    return {
        "name": str(one.name),
        "date": one.name.date,
        "branch": one.name.branch,
        "commit": one.commit,
        "tag": one.tag.oid,
        "saved": one.saved,
        "fields": [{"name": name, "value": value} for name, value in one.record.fields],
    }
