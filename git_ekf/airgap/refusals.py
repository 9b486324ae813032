"""The errors for a bundle that is not taken, each with the hint that helps."""

from __future__ import annotations

from git_ekf.errors import Refused
from git_ekf.shown import shell


def damaged(path: str, damage: str) -> Refused:
    """For what another copy of the file may not have; `damage` goes on behind the path."""
    again = f"bring it across again, then: git ekf bundle verify {shell(path)}"
    return Refused(f"{path} {damage}", again)


def unsound(message: str) -> Refused:
    """For what the sender alone can mend, by another bundle."""
    return Refused(message, "ask its sender; a new one: git ekf bundle create")


def contradicts(path: str, contradiction: str) -> Refused:
    """For a bundle that is not as its manifest says."""
    return unsound(f"{path} contradicts its manifest: {contradiction}")


def incomplete(path: str) -> Refused:
    """For a bundle whose objects need others that nobody has."""
    return unsound(f"{path} lacks objects to which its own lead")
