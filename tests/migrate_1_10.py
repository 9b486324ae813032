"""A migration for kubeflow/manifests 1.10, as a vendor would ship it: apps/ became applications/, contrib/ experimental/."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOVES = (
    ("contrib/kserve", "applications/kserve"),
    ("contrib", "experimental"),
    ("apps", "applications"),
    ("common/oidc-client/oauth2-proxy", "common/oauth2-proxy"),
    ("common/istio-1-22", "common/istio"),
    ("tests/gh-actions", "tests"),
    ("hack", "scripts"),
)
REFERENCES = (
    (b"contrib/", rb"contrib/kserve", rb"applications/kserve"),
    (b"contrib/", rb"contrib/", rb"experimental/"),
    (b"apps/", rb"(^|[^\w./-]|\.\./|manifests/)apps/(?=[a-z])", rb"\1applications/"),
    (b"istio-1-22", rb"istio-1-22", rb"istio"),
    (b"tests/gh-actions/", rb"tests/gh-actions/", rb"tests/"),
)
TEXTS = (".yaml", ".yml", ".md", ".sh", ".py")


def main() -> None:
    for old, new in MOVES:
        move(Path(old), Path(new))
    for folder, _, files in os.walk("."):
        for name in files:
            path = Path(folder, name)
            if name.endswith(TEXTS) and not path.is_symlink():
                rewrite(path)


def move(old: Path, new: Path) -> None:
    """Everything below a directory to another one, which may be there already."""
    for folder, _, files in os.walk(old):
        target = new / Path(folder).relative_to(old)
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            Path(folder, name).rename(target / name)


def rewrite(path: Path) -> None:
    before = after = path.read_bytes()
    for mark, pattern, replacement in REFERENCES:
        if mark in after:
            after = re.sub(pattern, replacement, after, flags=re.MULTILINE)
    if after != before:
        path.write_bytes(after)


if __name__ == "__main__":
    main()
