"""`atlas`: the control center, in a terminal."""

from __future__ import annotations

import gc
import os
import sys

NO_TERMINAL = 2
FAILED = 1
SERVE = "serve"


def run() -> None:
    """Run `atlas`, or `atlas serve`."""
    words = sys.argv[1:]
    if words[:1] == [SERVE]:
        from atlas_tui.serve import serve

        serve(args=words[1:], prog_name="atlas serve")
    # Loading makes many objects that stay. Looking through them for garbage takes a tenth of the
    # time to the first picture; the app turns it on again when all is loaded.
    gc.disable()
    if words:
        from atlas_tui.command import main

        main(prog_name="atlas")
    _run_as_it_is()


def _run_as_it_is() -> None:
    """Run without any option: what reads options takes time to load."""
    need_terminal()
    from atlas_tui import launch
    from foundations.errors import AtlasError
    from foundations.text.terminal import clean

    try:
        sys.exit(launch.run(launch.Wishes()))
    except AtlasError as error:
        sys.stderr.write(f"Error: {clean(error.message)}\n")
        sys.exit(FAILED)
    except KeyboardInterrupt:  # while the scheduler is being started
        sys.stderr.write("Aborted!\n")
        sys.exit(FAILED)


def need_terminal() -> None:
    """End the process, with advice, where there is nothing to paint on."""
    if not has_terminal():
        sys.stderr.write(
            "Error: atlas needs a terminal. In scripts use the command line, such as: "
            "foundations list jobs --json\n"
        )
        sys.exit(NO_TERMINAL)


def has_terminal() -> bool:
    """Tell whether there is something to paint on: a terminal, or the browser's stand-in for it."""
    if os.environ.get("TEXTUAL_DRIVER", "").startswith("textual.drivers.web_driver"):
        return True
    # What is painted goes to standard error.
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(one.isatty() for one in streams) and os.environ.get("TERM") != "dumb"


if __name__ == "__main__":
    run()
