"""What the tests of hooks share: scripts to put in the way, and a picture of a hooks directory to compare."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

from conftest import Clone, Run

HOOKS = ("pre-commit", "pre-merge-commit", "pre-push")


def script(path: Path, *lines: str, mode: int = 0o755) -> Path:
    """Writes a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    path.chmod(mode)
    return path


def snapshot(directory: Path) -> dict[str, tuple[str, bytes]]:
    """Every name in a directory with its type, its mode and its content (a link's is where it points)."""
    picture = {}
    for path in directory.iterdir():
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        picture[path.name] = (stat.filemode(path.lstat().st_mode), content)
    return picture


def states(clone: Clone) -> dict[str, str]:
    """hook -> what `git ekf hooks status` says of it."""
    done = clone.ekf("hooks", "status", "--json")
    document = json.loads(done.out)
    found = {hook["hook"]: hook["state"] for hook in document["hooks"]}
    assert (
        document["effective"] == (done.code == 0) == (set(found.values()) <= {"ok", "chained"})
    ), done
    return found


def assert_refused(done: Run, *rules: str) -> None:
    """git stopped because of a hook of ours, which found exactly these rules broken."""
    assert done.code != 0, done
    assert sorted(set(re.findall(r"^  error  ([a-z-]+): ", done.err, re.MULTILINE))) == sorted(
        rules
    ), done


def assert_error(done: Run, code: int, about: str) -> None:
    """git-ekf ended with this code, in one line that says what is wrong and one that helps."""
    lines = done.err.splitlines()
    assert done.code == code, done
    assert [line.partition(" ")[0] for line in lines] == ["git-ekf:", "hint:"], done
    assert about in lines[0], done
