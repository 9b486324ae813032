"""Builds a release: sdist, wheel, the single file, and wheels for machines without a network.

    python packaging/dist.py WHEELS OUT

WHEELS holds the wheels of packaging/wheels.txt. The same commit and wheels give the same bytes:
times come from SOURCE_DATE_EPOCH, or from the last commit. Nothing is downloaded.
"""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from bundle import bundle

PACKAGING = Path(__file__).resolve().parent
ROOT = PACKAGING.parent


def main(wheels: Path, out: Path) -> None:
    """Builds into `out`, which it empties first."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _last_commit())
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    targets = ["-t", "sdist", "-t", "wheel", "-d", str(out.resolve())]
    command = [sys.executable, "-m", "hatchling", "build", *targets]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    folder = out / "wheels"
    folder.mkdir()
    for wheel in (*wheels.glob("*.whl"), *out.glob("*.whl")):
        shutil.copy(wheel, folder)
    with tempfile.TemporaryDirectory() as tree:
        bundle(folder, Path(tree))
        shutil.copy(PACKAGING / "single-file" / "__main__.py", tree)
        write_single_file(Path(tree), out / "git-ekf.pyz", epoch)


def _last_commit() -> str:
    return subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def write_single_file(tree: Path, path: Path, epoch: int) -> None:
    """Writes a zip that Python runs.

    It is not compressed, and has each module in bytecode too: that halves the time to start. The
    bytecode is read by the Python version that wrote it; the others compile the source each time.
    """
    with path.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w") as archive:
            for source in sorted(path for path in tree.rglob("*") if path.is_file()):
                name = source.relative_to(tree).as_posix()
                _add(archive, name, source.read_bytes(), epoch)
                if source.suffix == ".py":
                    _add(archive, name + "c", _bytecode(source, name), epoch)
    path.chmod(0o755)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, epoch: int) -> None:
    entry = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _bytecode(source: Path, name: str) -> bytes:
    """Bytecode that is loaded without a look at the source, and does not say where it was built."""
    compiled = py_compile.compile(
        str(source),
        str(source) + "c",
        name,
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    assert compiled is not None
    content = Path(compiled).read_bytes()
    Path(compiled).unlink()
    return content


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
