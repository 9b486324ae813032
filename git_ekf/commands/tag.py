"""git ekf tag: the deploy record for HEAD."""

from __future__ import annotations

import os
from typing import Annotated

from git_ekf.commands.internal_asked import ask_internal, note_elsewhere
from git_ekf.commands.options import Field, Message, NoFetch
from git_ekf.commands.recovered import recovered
from git_ekf.declared import Option
from git_ekf.deploy import editor
from git_ekf.deploy.read import commits_of, deployments
from git_ekf.deploy.write import (
    check_day,
    check_record,
    compose,
    parse_field,
    require_deployable,
    require_not_ahead,
    today,
)
from git_ekf.deploy.write import tag as write_tag
from git_ekf.errors import EkfError, Refused, UsageError
from git_ekf.internal import require_current
from git_ekf.record import CONTEXT, Record, parse, write
from git_ekf.repository import Repository
from git_ekf.terminal.text import say

# Editors know by this name how to colour it; git has it too.
_TEXT = "TAG_EDITMSG"


def tag(
    message: Message = None,
    file: Annotated[
        str,
        Option(
            "-F",
            "--file",
            metavar="FILE",
            help="Read the context from a file; - is standard input.",
        ),
    ] = "",
    field: Field = None,
    date: Annotated[
        str,
        Option(metavar="YYYY-MM-DD", help="The day of the deployment, for a late record."),
    ] = "",
    sign: Annotated[
        bool, Option("-s", "--sign", help="Sign the record, as git tag -s does.")
    ] = False,
    no_fetch: NoFetch = False,
) -> None:
    """Write the deploy record for HEAD, all fields filled in."""
    if message and file:
        raise UsageError("-m and -F exclude each other", "git ekf tag -h")
    repo = recovered()
    fields = [parse_field(text) for text in field or []]
    day = check_day(date) if date else today(repo)
    branch = require_deployable(repo)
    repo = ask_internal(repo, no_fetch=no_fetch)
    if not no_fetch:
        require_current(repo, branch, "nothing was recorded")
    note_elsewhere(repo, branch)
    context = _read(file) if file else "\n\n".join(message or [])
    record = compose(repo, branch, day, context, fields)
    edited = not message and not file
    if edited:
        record = _edit(repo, branch, record)
    try:
        day = check_day(record.get("Date") or day)  # a field or the editor may have changed it
        require_not_ahead(repo, day)
        check_record(repo, record)
        name = write_tag(repo, branch, day, write(record), sign)
    except EkfError as error:
        if edited:
            error.message += f"; your text is kept in {editor.path(repo, _TEXT)}"
        raise
    say(f"Recorded {name}")
    say("Next: git ekf save")


def _read(path: str) -> str:
    with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
        return os.fsdecode(file.read())


def _edit(repo: Repository, branch: str, record: Record) -> Record:
    """The record as the user leaves it in the editor. Raises Refused where that has no context."""
    previous = next(iter(deployments(repo, branch)), None)
    commits = commits_of(repo, repo.head or "", previous)
    since = f"since {previous.name}" if previous else "so far"
    notes = [
        f"Write the context of the deployment behind {CONTEXT}; an empty one stops.",
        "",
        f"Configuration commits {since}:",
    ]
    notes += [f"  {commit[:7]} {subject}" for commit, subject in commits] or ["  none"]
    edited = parse(editor.edit(repo, _TEXT, write(record), notes), repo.config.tags_required)
    if not edited.get(CONTEXT):
        raise Refused(
            "the context is empty; nothing was recorded",
            'git ekf tag -m "What was deployed and why"',
        )
    return edited
