"""Unpacks git-ekf and what it imports into one folder, for the single file and the Debian package.

python3 packaging/bundle.py WHEELS OUT
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

# typer wants rich for colourful help, which is switched off here: it is never imported, and five
# times the size of the rest.
IMPORTED = ("annotated_doc", "git_ekf", "shellingham", "tomli", "typer")


def bundle(wheels: Path, out: Path) -> None:
    """Fills `out` with the packages from the wheels, and with the licence of each."""
    for name in IMPORTED:
        (wheel,) = wheels.glob(f"{name}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            members = [member for member in archive.namelist() if _wanted(member, name)]
            archive.extractall(out, members)


def _wanted(member: str, package: str) -> bool:
    return (member.startswith(f"{package}/") and "/." not in member) or "LICENSE" in member


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), Path(sys.argv[2]))
