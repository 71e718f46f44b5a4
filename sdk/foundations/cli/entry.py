"""The console script `foundations`: Ctrl-C ends it quietly while it loads, too."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Load the command line and run it."""
    try:
        from foundations.cli.__main__ import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
