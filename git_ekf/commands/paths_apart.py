"""Words before and behind `--`, kept apart as git does."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

# Where the words behind `--` are kept for the command: typer would mix them with those before it.
_PATHS = "git_ekf.paths_apart"


class WithPaths(TyperCommand):
    """A command that takes paths behind `--`, and before it words that may be paths."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words before `--`; those behind it are for `behind_dashes`."""
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[_PATHS] = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)


def behind_dashes(context: typer.Context) -> list[str] | None:
    """The words behind `--`, None without it."""
    words: list[str] | None = context.meta.get(_PATHS)
    return words
