"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

from git_ekf.declared import Option

Json = Annotated[bool, Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Agree to every question.")]
Release = Annotated[str, Option("--release", metavar="X.Y", help="The release to work on.")]
Force = Annotated[bool, Option("--force", help="Also where a git-ekf hook was edited by hand.")]
Message = Annotated[
    list[str] | None,
    Option(
        "-m",
        "--message",
        metavar="CONTEXT",
        help="What was deployed and why; again for a new paragraph.",
    ),
]
Field = Annotated[
    list[str] | None,
    Option("--field", metavar="NAME=VALUE", help="A further field of the record."),
]
NoFetch = Annotated[
    bool,
    Option("--no-fetch", help="Go by what is known here, without asking internal."),
]
Fetch = Annotated[bool, Option("--fetch", help="Ask both repositories first what they have now.")]
