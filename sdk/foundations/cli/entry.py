"""The console script `foundations`: Ctrl-C ends it quietly while it loads, too."""

from __future__ import annotations

import sys

CTRL_C_EXIT_CODE = 130


def main() -> None:
    """Load the command line and run it."""
    try:
        from foundations.cli.__main__ import main as run
    except KeyboardInterrupt:
        sys.exit(CTRL_C_EXIT_CODE)
    run()
