"""Which objects git shows others for (git-replace(1)), as it does here and now."""

from __future__ import annotations

import os

from git_ekf.git.refs import REPLACED
from git_ekf.repository import Repository


def replaced(repo: Repository) -> dict[str, str]:
    """Object id -> the one that git shows in its place; empty where git was told not to.

    git(1), GIT_REPLACE_REF_BASE and GIT_NO_REPLACE_OBJECTS; core.useReplaceRefs.
    """
    if "GIT_NO_REPLACE_OBJECTS" in os.environ or not repo.git_flag("core.usereplacerefs", "true"):
        return {}
    base = replaced_below()
    refs = repo.refs if base == REPLACED else repo.git.ref_values(base)
    return {ref.removeprefix(base): oid for ref, oid in refs.items() if ref.startswith(base)}


def replaced_below() -> str:
    """The beginning of the refs by which git knows of them."""
    return os.environ.get("GIT_REPLACE_REF_BASE", REPLACED)
