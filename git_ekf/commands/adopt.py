"""git ekf adopt: older records made by hand, completed."""

from __future__ import annotations

from typing import Annotated

from git_ekf.commands.consent import asked_for
from git_ekf.commands.options import Field, Message
from git_ekf.commands.recovered import recovered
from git_ekf.declared import Argument, Option
from git_ekf.deploy.adopt import adopt as make
from git_ekf.deploy.adopt import plan
from git_ekf.deploy.write import parse_field
from git_ekf.shown import escape
from git_ekf.terminal.text import say


def adopt(
    names: Annotated[list[str], Argument(metavar="TAG...", help="The records, by their names.")],
    message: Message = None,
    field: Field = None,
    sign: Annotated[
        bool, Option("-s", "--sign", help="Sign the records, as git tag -s does.")
    ] = False,
) -> None:
    """Complete older deploy records: a new one stands for each, and carries its time.

    All or nothing. The old ones stay where they are.
    """
    repo = recovered()
    fields = [parse_field(text) for text in field or []]
    adoptions, sound = plan(
        repo,
        names,
        "\n\n".join(message or []),
        fields,
        lambda name, field: asked_for(f"{field} of {escape(name)}"),
    )
    for name in sound:
        say(f"{name} needs no other record")
    if not adoptions:
        say("Nothing was recorded.")
        return
    make(repo, adoptions, sign)
    for adoption in adoptions:
        say(f"Recorded {adoption.new}, which stands for {adoption.old}")
    say("Next: git ekf save")
