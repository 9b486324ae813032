"""git ekf log: the deploy records, newest first."""

from __future__ import annotations

from typing import Annotated

from git_ekf.cluster import cluster_of
from git_ekf.commands.options import Json, Release
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Option
from git_ekf.deploy.read import Deployment, adopters, adoptions, deployments, misnamed
from git_ekf.deploy.write import check_day
from git_ekf.repository import Repository
from git_ekf.shown import escape
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import counted, document, first_line, say, shortened, the_first

# Tags that are no records, as many as are named.
_NAMED = 5


def log(
    number: Annotated[
        int | None,
        Option("-n", "--max-count", metavar="N", min=1, help="Show at most so many."),
    ] = None,
    release: Release = "",
    since: Annotated[
        str,
        Option(metavar="YYYY-MM-DD", help="Only records of that day and later."),
    ] = "",
    json: Json = False,
) -> None:
    """List the deploy records, newest first."""
    repo = with_records()
    day = check_day(since) if since else ""
    recent = [record for record in deployments(repo, release) if record.name.date >= day]
    found = recent[:number]
    if json:
        content = {"records": [as_json(record) for record in found], "misnamed": misnamed(repo)}
        print(document("log", content))
        return
    if not found and (release or since):
        words = [f"of {release}"] * bool(release) + [f"since {since}"] * bool(since)
        say(f"No deploy record {' '.join(words)} is known here. All that are: git ekf log")
        return
    if not found:
        say("No deploy record. To write one: git ekf tag -m CONTEXT")
        _say_misnamed(repo)
        return
    width = max(len(record.tag.name) for record in found)
    cluster = cluster_of(repo)
    adopted = adoptions(deployments(repo) if release or since else recent)
    with paged():
        for record in found:
            runs = cluster.running is not None and record.tag.oid == cluster.running.tag.oid
            mark = paint("*", "green") if runs else " "
            saved = mark if record.saved else paint("!", "red")
            name = paint(f"{record.tag.name:<{width}}", "yellow")
            context = escape(shortened(first_line(record.context), 60))
            print(f"{name} {saved} {record.commit[:7]}  {context}".rstrip())
            for old in record.adopts:
                say(f"{'':{width}}   {'':7}  stands for {old}")
            for new in adopters(record, adopted):
                say(f"{'':{width}}   {'':7}  adopted by {new}")
        if not all(record.saved for record in found):
            say(f"! not on {repo.config.internal}: git ekf save")
        if not (release or since):
            _say_misnamed(repo)


def _say_misnamed(repo: Repository) -> None:
    names = misnamed(repo)
    if names:
        say(
            f"{counted(len(names), 'tag')} below deploy/ not called as a record is, which git ekf"
            f" check explains: {the_first(names, _NAMED)}"
        )


def as_json(record: Deployment) -> dict[str, object]:
    """A record for a document."""
    return {
        "name": str(record.name),
        "date": record.name.date,
        "branch": record.name.branch,
        "commit": record.commit,
        "tag": record.tag.oid,
        "saved": record.saved,
        "fields": [{"name": name, "value": value} for name, value in record.record.fields],
    }
