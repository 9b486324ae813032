"""The bounds of a builder: time, output, and what it leaves behind."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest
from reach import rare

from git_ekf.manifests import builder
from git_ekf.manifests.build import _failing
from git_ekf.manifests.builder import Build, Builder, finished


def build(folder: Path, text: str) -> Build:
    with Builder(("/bin/sh", "-c", text)) as one:
        return finished(one.start(str(folder), "."))


def living(group: str) -> list[str]:
    """The processes of a group that have not ended, once they have had a second for it."""
    found: list[str] = []
    for _ in range(10):
        found = []
        for process in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, of = process.read_text().rpartition(")")[2].split()[:3]
                if of == group and state not in "ZX":
                    found.append(process.parent.name)
        if not found:
            break
        time.sleep(0.1)
    return found


def test_within_the_bounds(tmp_path: Path) -> None:
    many = "i=0; while [ $i -lt 20000 ]; do echo 0123456789; echo x >&2; i=$((i+1)); done"
    assert build(tmp_path, many) == (b"0123456789\n" * 20000, None)
    said = build(tmp_path, f"{many}; echo last >&2; exit 3").failure
    assert said == ["x", "x", "x", "x", "last"]


@rare
@pytest.mark.parametrize("text", ["sleep 50", "exec >&- 2>&-; sleep 50", "sleep 50 & exit 0"])
def test_one_that_hangs(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with its output closed, and one that leaves somebody behind who holds it open."""
    monkeypatch.setattr(builder, "LONGEST", 1)
    began = time.monotonic()
    found = build(tmp_path, f"echo $$ >pid; {text}")
    assert found == (b"", ["it was ended, not being done after 1 seconds"])
    assert time.monotonic() - began < 20
    assert not living((tmp_path / "pid").read_text().strip())


def test_one_that_prints_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "LARGEST", 3 << 20)
    found = build(tmp_path, "echo $$ >pid; yes")
    assert found == (b"", ["it was ended, having printed more than 3 MB"])
    assert not living((tmp_path / "pid").read_text().strip())


def test_no_more_is_held_than_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast a builder is, and slow the one who looks at what it has printed."""
    monkeypatch.setattr(builder, "AHEAD", 3)
    begun: list[weakref.ref[Future[Build]]] = []
    start = Builder.start

    def started(self: Builder, folder: str, path: str) -> Future[Build]:
        future = start(self, folder, path)
        begun.append(weakref.ref(future))
        return future

    def watched(things: Sequence[str]) -> Iterator[str]:
        for number, thing in enumerate(things):
            yield thing
            assert 0 < len(begun) <= number + 4
            assert sum(one() is not None for one in begun) <= 4

    monkeypatch.setattr(Builder, "start", started)
    paths = [f"{number}" for number in range(12)]
    with Builder(("/bin/sh", "-c", "echo {path}; [ {path} != 7 ]")) as one:
        assert list(_failing(one, str(tmp_path), paths, watched)) == ["7"]
    assert len(begun) == 12
