"""The benchmark goes through from end to end. Its figures say nothing here, and are not looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import run
from reach import rare

HEADINGS = (
    "Start-up",
    "git ekf status on",
    "In the shell",
    "git ekf mirror of",
    "git ekf bundle of",
    "git ekf fleet status of",
    "git ekf fleet plan of",
    "git ekf fleet report of",
    "git ekf check on",
    "git ekf log and tag",
    "git ekf save of",
    "A server receives one commit",
    "A server receives 1,000 commits",
    "Peak memory of the full rules",
    "The server's hook on what costs most",
    "git ekf upgrade, S2",
    "git ekf upgrade, S3",
    "5 pushes at once",
    "git commit --allow-empty",
    "git push with a deploy record",
    "Took",
)


@rare
def test_every_measurement_is_made(tmp_path: Path) -> None:
    table = tmp_path / "build/bench.txt"
    environment = {
        **{name: os.environ[name] for name in ("HOME", "PATH", "LANG")},
        "EKF_BENCH_SHORT": "1",
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench", table],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = table.read_text()
    assert text == done.stdout
    assert [heading for heading in HEADINGS if heading not in text] == []


FAILING = """
import sys
from pathlib import Path
from bench.generate import World
from bench.measure import Case, medians
medians(World(Path(sys.argv[1])), [Case("wrong", ["false"])], 1)
"""


@rare
def test_a_command_that_fails_ends_it(tmp_path: Path) -> None:
    """So that no figure is that of a failure."""
    done = run(sys.executable, "-c", FAILING, tmp_path, cwd=Path(__file__).parent)
    assert (done.code, done.err) == (1, "bench: wrong: false ended with 1\n")
