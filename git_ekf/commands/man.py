"""git ekf man: a page of the manual, wherever this is installed."""

from __future__ import annotations

import os
from typing import Annotated

from git_ekf.declared import Argument, Option
from git_ekf.errors import UsageError
from git_ekf.manual import pages
from git_ekf.terminal.text import counted, say


def man(
    name: Annotated[
        str,
        Argument(
            metavar="[PAGE|DIR]",
            help="The page, as upgrade or config; with --install, where to put all pages.",
        ),
    ] = "",
    install: Annotated[bool, Option(help="Put the pages where man looks, or into DIR.")] = False,
    path: Annotated[
        bool, Option(help="Print the folder of this installation's pages, for man.")
    ] = False,
    schema: Annotated[
        bool,
        Option(help="Print the JSON schema of what the command PAGE prints with --json."),
    ] = False,
) -> None:
    """Show a page of the manual, or put the pages where man looks."""
    if path and (install or schema or name):
        raise UsageError("--path stands alone", "git ekf man --path")
    if install and schema:
        raise UsageError("--install and --schema exclude each other", "git ekf man -h")
    if path:
        print(pages.folder())
    elif schema:
        print(pages.schema(name), end="")
    elif install:
        _install(os.path.abspath(name) if name else pages.default_folder())
    else:
        pages.show(pages.find(name))


def _install(directory: str) -> None:
    new, changed = pages.install(directory)
    if new:
        say(f"{counted(new, 'page')} installed in {directory}")
    if changed:
        say(f"{counted(changed, 'page')} replaced by this version's in {directory}")
    if not new and not changed:
        say(f"All pages are in {directory}; nothing was changed.")
    say(pages.obstacle(directory) or "man finds them: git ekf --help")
