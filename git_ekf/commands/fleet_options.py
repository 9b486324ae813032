"""Options that the commands of a fleet share."""

from __future__ import annotations

from typing import Annotated

import typer

from git_ekf.fleet.file import FILE

FleetFile = Annotated[
    str,
    typer.Option(
        "--file", metavar="FILE", show_default=False, help="The fleet file, by default fleet.toml."
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Only those with this name, wave, branch, state, rule or label; may be repeated.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME|@FILE",
        help="Only this cluster, or those that a file names; may be repeated.",
    ),
]


def other_file(file: str) -> list[str]:
    """The option for another fleet file than the usual one."""
    return [] if file == FILE else ["--file", file]
