"""Builds the Debian package from what packaging/dist.py has made, with Debian's own tools.

Nothing is downloaded.

python packaging/deb.py DIST BUILD
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from email import message_from_string
from email.utils import formatdate
from pathlib import Path


def main(dist: Path, build: Path) -> None:
    """Leaves git-ekf_VERSION-1_all.deb in `dist`; works in `build`, which it empties first."""
    shutil.rmtree(build, ignore_errors=True)
    (archive,) = dist.glob("git_ekf-*.tar.gz")
    with tarfile.open(archive) as sdist:
        epoch = max(member.mtime for member in sdist)
    shutil.unpack_archive(archive, build)
    (source,) = build.iterdir()
    version = source.name.removeprefix("git_ekf-")
    shutil.copytree(dist / "wheels", source / "wheels")
    shutil.copytree(source / "packaging" / "debian", source / "debian")
    (source / "debian" / "changelog").write_text(
        _changelog(source, version, epoch), encoding="utf-8"
    )
    subprocess.run(
        ["dpkg-buildpackage", "-b", "-us", "-uc"], cwd=source, check=True, stdout=sys.stderr
    )
    for package in build.glob("*.deb"):
        shutil.copy(package, dist)


def _changelog(source: Path, version: str, epoch: float) -> str:
    """One entry, for this version: CHANGELOG.md, which the package has too, says what changed."""
    control = message_from_string((source / "debian" / "control").read_text(encoding="utf-8"))
    return f"""git-ekf ({version}-1) unstable; urgency=medium

  * Version {version}.

 -- {control["Maintainer"]}  {formatdate(epoch)}
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
