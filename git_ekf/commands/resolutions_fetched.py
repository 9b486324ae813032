"""How a command that goes by resolutions begins: their repository is asked what is new."""

from __future__ import annotations

from git_ekf.commands.records_kept import note
from git_ekf.errors import CallFailed, NoSpace, Refused
from git_ekf.repository import Repository
from git_ekf.resolutions.source import fetch_resolutions, why_not_fetched


def note_resolutions(repo: Repository) -> None:
    """Fetches what is new; says so where that cannot be had. Raises NoSpace."""
    try:
        fetch_resolutions(repo)
    except NoSpace:
        raise
    except Refused as error:
        note(f"{error.message}; {error.hint}")
    except CallFailed as error:
        note(f"the resolutions cannot be fetched ({why_not_fetched(error)}); going by those here")
