"""CONTRIBUTING shows the house as it is."""

from __future__ import annotations

import re
from pathlib import Path

import tomli

ROOT = Path(__file__).resolve().parents[1]
UNNAMED = {"__init__", "__main__", "hookboot", "schemas", "__pycache__"}


def test_every_wing_has_its_place_in_the_picture() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    picture = text.partition("```\ncommands/")[2].partition("```")[0]
    named = set(re.findall(r"[a-z_]+", re.sub(r"   .*", "", f"commands/{picture}", flags=re.M)))
    wings = {path.stem for path in (ROOT / "git_ekf").iterdir()} - UNNAMED
    assert named == wings


def test_the_layers_are_those_that_are_checked() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    picture = "commands/" + text.partition("```\ncommands/")[2].partition("```")[0]
    shown = [set(re.findall(r"[a-z_]+", line.partition("   ")[0])) for line in picture.splitlines()]
    settings = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [layers] = [
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    checked = [set(re.findall(r"git_ekf\.(\w+)", layer)) for layer in layers]
    assert shown == [wings - UNNAMED for wings in checked if wings - UNNAMED]


def test_what_is_to_be_looked_at_first_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+)/` \|[^|]*\|([^|]*)\|$", text, re.M)
    assert len(rows) > 10
    for wing, first in rows:
        for name in re.findall(r"`([a-z_/]+)`", first):
            place = ROOT / "git_ekf" / wing / name
            assert place.is_dir() or place.with_suffix(".py").exists(), place
