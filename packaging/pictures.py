"""Makes the pictures of the README from what the program prints on a terminal.

python packaging/pictures.py FOLDER
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from git_ekf.demo.tour import SCENES

# File -> the command of the demo that is shown, with what it prints the last time.
PICTURES = {"status.svg": "git ekf status", "upgrade.svg": "git ekf upgrade --plan"}
_COLUMNS = 104


def printed() -> str:
    """The output of the demo, in colours."""
    with tempfile.TemporaryDirectory() as folder:
        demo = os.path.join(folder, "demo")
        environment = {**os.environ, "CLICOLOR_FORCE": "1"}
        environment.pop("NO_COLOR", None)
        done = subprocess.run(
            ["git-ekf", "demo", "--yes", demo],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return done.stdout


def outputs(printed: str) -> dict[str, str]:
    """File -> the text of the picture: the command and its output, of what the demo printed."""
    scenes = printed.split("\n\n# ")[1:]
    shown = dict(zip([scene.command for scene in SCENES], scenes, strict=True))
    return {
        name: "\n".join([f"$ {command}", *_said(shown[command])])
        for name, command in PICTURES.items()
    }


def _said(scene: str) -> list[str]:
    """The lines below title and command, without the next chapter's heading."""
    return [line for line in scene.split("\n")[2:] if line and "--- " not in line]


def draw(text: str, title: str) -> str:
    """An SVG of a terminal window; the same text gives the same bytes."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(
            record=True, width=_COLUMNS, file=nowhere, force_terminal=True, color_system="standard"
        )
        console.print(Text.from_ansi(text))
    svg = console.export_svg(title=title, theme=MONOKAI)
    # No fonts from elsewhere: a README is read where there is no network, too.
    return re.sub(r"@font-face \{.*?\n    \}\n", "", svg, flags=re.DOTALL).replace(
        "Fira Code, monospace", "monospace"
    )


def main(folder: Path) -> None:
    """Writes the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in outputs(printed()).items():
        (folder / name).write_text(draw(text, PICTURES[name]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
