"""A disk that is full: nothing stays in the way of the second try."""

from __future__ import annotations

from pathlib import Path

import pytest
from upgrading import wrapper

from git_ekf.airgap.bare import opened
from git_ekf.errors import EkfError
from git_ekf.git.calls import Git


@pytest.mark.parametrize("existed", [False, True])
def test_half_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existed: bool) -> None:
    """A mirror of which git could make only a part is taken away again."""
    script = (
        'case " $* " in *" init "*) $real "$@"; echo "fatal: No space left on device" >&2; exit 128;; '
        'esac\nexec $real "$@"'
    )
    mirror = tmp_path / "mirror"
    if existed:
        mirror.mkdir()
    with monkeypatch.context() as patch:
        for name, value in wrapper(tmp_path / "bin", script).items():
            patch.setenv(name, value)
        with pytest.raises(EkfError, match="No space"), opened(Git(), str(mirror), "sha1", "main"):
            pass
    assert mirror.exists() == existed
    with opened(Git(), str(mirror), "sha1", "main") as git:
        assert git.refs() == []
