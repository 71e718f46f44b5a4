"""The console script before the command line is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_ctrl_c_while_the_command_line_loads_ends_it_without_a_traceback(tmp_path: Path) -> None:
    # The first library that the command line loads stands for the moment in which the key is hit.
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    paths = os.pathsep.join([str(tmp_path), *sys.path])

    ended = subprocess.run(
        [sys.executable, "-c", "from foundations.cli.entry import main; main()", "list", "jobs"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
