"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

from git_ekf import declared as typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Agree to every question.")]
Release = Annotated[str, typer.Option("--release", metavar="X.Y", help="The release to work on.")]
Force = Annotated[
    bool, typer.Option("--force", help="Also where a git-ekf hook was edited by hand.")
]
Message = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--message",
        metavar="CONTEXT",
        help="What was deployed and why; again for a new paragraph.",
    ),
]
Field = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME=VALUE", help="A further field of the record."),
]
NoFetch = Annotated[
    bool,
    typer.Option("--no-fetch", help="Go by what is known here, without asking internal."),
]
