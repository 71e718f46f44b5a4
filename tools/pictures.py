"""Draws the pictures of the documentation: what the demo prints, and the screens of the app.

usage: python tools/pictures.py [demo|screens]
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 172
VARYING = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # ids of jobs
    r"|atlas-demo-\w+"
    r"|\d{4}-\d\d-\d\d&#160;\d\d:\d\d:\d\d"
    r"|\d+\.\ds(?:&#160;)+"  # how long jobs took, with what fills the column
)
"""What no two runs of the demo have in common, as it stands in a picture."""


def main() -> None:
    """Draw what the command line names, without arguments all."""
    wanted = sys.argv[1:] or ["demo", "screens"]
    if "demo" in wanted:
        draw_demo()
    if "screens" in wanted:
        asyncio.run(draw_screens())


async def draw_screens() -> None:
    """Draw every scene of the app's tests."""
    sys.path.insert(0, str(ROOT))
    from tests.tui import scenes

    for name in scenes.SCENES:
        with tempfile.TemporaryDirectory() as folder:
            svg = await scenes.draw(name, Path(folder))
        path = scenes.picture(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


def draw_demo() -> None:
    """Run the demo and keep its output, up to the table, as an SVG.

    A picture that says the same but for ids and times is left as it is.
    """
    demo = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "demo.py")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": str(COLUMNS)},
    )
    shown = demo.stdout.partition("Stopped the Atlas server")[0].strip()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in shown.splitlines():
        console.print(Text(line, style="bold" if line.startswith("$") else ""), overflow="crop")
    picture = ROOT / "docs" / "pictures" / "submit.svg"
    picture.parent.mkdir(exist_ok=True)
    # The fonts that rich names lie on somebody's server; a viewer's own monospace will do.
    drawn = console.export_svg(title="Atlas", unique_id="atlas")
    svg = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    before = picture.read_text(encoding="utf-8") if picture.exists() else ""
    if VARYING.sub("", svg) != VARYING.sub("", before):
        picture.write_text(svg, encoding="utf-8")
    sys.stdout.write(f"{picture.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
