"""How programs end, and what their local runs say of it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.foundations.run_dirs import Programs
from tools.check_job_side import find_python_3_8

PYTHONS = [python for python in (sys.executable, find_python_3_8()) if python]
HEAD = "import os, sys\nfrom foundations import log_metric\n"
IN_MAIN = """
def main():
    log_metric("loss", 1)
    {}

if __name__ == "__main__":
    {}
"""


@pytest.fixture(params=PYTHONS, ids=lambda python: Path(python).name)
def python(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def in_main(body: str, call: str = "main()") -> str:
    return IN_MAIN.format(body, call)


def caught(then: str) -> str:
    return (
        "log_metric('loss', 1)\ntry:\n    sys.exit(3)\nexcept SystemExit as error:\n"
        f"    kept = error\n{then}\n"
    )


ENDS = {
    "the end of the file": ("log_metric('loss', 1)", 0, None),
    "the end of main": (in_main("return 3"), 0, None),
    "sys.exit()": (in_main("sys.exit()"), 0, None),
    "sys.exit(0)": (in_main("sys.exit(0)"), 0, None),
    "sys.exit(1)": (in_main("sys.exit(1)"), 1, None),
    "sys.exit(256 + 2)": (in_main("sys.exit(258)"), 2, None),
    "sys.exit of a text": (in_main("sys.exit('no data')"), 1, "no data"),
    "exit()": (in_main("exit(5)"), 5, None),
    "from sys import exit": ("from sys import exit\n" + in_main("exit(6)"), 6, None),
    "sys.exit(main())": (in_main("return 3", "sys.exit(main())"), 3, None),
    "sys.exit(main()) of nothing": (in_main("pass", "sys.exit(main())"), 0, None),
    "sys.exit(main()) that exits": (in_main("sys.exit(4)", "sys.exit(main())"), 4, None),
    "raise SystemExit(main())": (in_main("return 3", "raise SystemExit(main())"), 3, None),
    "raise SystemExit(main()) of nothing": (in_main("pass", "raise SystemExit(main())"), 0, None),
    "raise SystemExit(main()) of a variable": (
        in_main("code = len(sys.argv) + 3\n    return code", "raise SystemExit(main())"),
        4,
        None,
    ),
    "main that returns what it calls": (
        "def run():\n    log_metric('loss', 1)\n    return 8\n"
        "def main(): return run()\nsys.exit(main())",
        8,
        None,
    ),
    "raise SystemExit": ("log_metric('loss', 1)\nraise SystemExit", 0, None),
    "raise SystemExit(7)": ("log_metric('loss', 1)\nraise SystemExit(7)", 7, None),
    "an exception": (
        in_main("int('x')"),
        1,
        "ValueError: invalid literal for int() with base 10: 'x'",
    ),
    "an exception in sys.exit(main())": (
        in_main("raise KeyError('lr')", "sys.exit(main())"),
        1,
        "KeyError: 'lr'",
    ),
    "an exception that has no text": (in_main("raise MemoryError"), 1, "MemoryError"),
    "argparse": (
        in_main("import argparse; argparse.ArgumentParser().parse_args(['--no'])"),
        2,
        None,
    ),
    "a caught exit": (caught("print('on')"), 0, None),
    "a caught exit, then another": (caught("sys.exit(5)"), 5, None),
    "a caught exit, then an exception": (caught("1 / 0"), 1, "ZeroDivisionError: division by zero"),
    "an exit raised again": (
        "log_metric('loss', 1)\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    raise\n",
        3,
        None,
    ),
    "an exception in a thread": (
        in_main(
            "import threading; threading.excepthook = print; "
            "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"
        ),
        0,
        None,
    ),
    "an exit of a thread": (
        in_main(
            "import threading; t = threading.Thread(target=sys.exit, args=(3,)); "
            "t.start(); t.join()"
        ),
        0,
        None,
    ),
    "a first record in a thread": (
        "import threading; t = threading.Thread(target=log_metric, args=('loss', 1)); "
        "t.start(); t.join(); sys.exit(2)",
        2,
        None,
    ),
    "a hook of its own": (
        "sys.excepthook = lambda *error: None\nlog_metric('loss', 1)\n1 / 0",
        1,
        "ZeroDivisionError: division by zero",
    ),
}


@pytest.mark.parametrize(("text", "exit_code", "error"), ENDS.values(), ids=ENDS)
def test_a_run_ends_as_its_program_does(
    programs: Programs, python: str, text: str, exit_code: int, error: str | None
) -> None:
    programs.write(HEAD + text)
    done = programs.run(python=python)

    assert programs.only_run.end == (exit_code, error, False)
    assert done.returncode == exit_code, done.stderr


@pytest.mark.parametrize("call", ["sys.exit(main())", "raise SystemExit(main())"])
def test_modules_end_like_files(programs: Programs, python: str, call: str) -> None:
    programs.write("", "train/__init__.py")
    programs.write(HEAD + in_main("return 3", call), "train/__main__.py")

    assert programs.run("-m", "train", python=python).returncode == 3
    assert programs.only_run.end == (3, None, False)


def test_what_ctrl_c_ends_is_interrupted(programs: Programs, python: str) -> None:
    programs.write(HEAD + "import time\nlog_metric('loss', 1)\ntime.sleep(600)")
    process = programs.begin(python=python)
    try:
        assert process.stderr is not None
        assert "Recording" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.wait(20)
    finally:
        process.kill()
        process.communicate()

    assert programs.only_run.end == (130, None, True)


@pytest.mark.parametrize(
    "death",
    ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)", "os.abort()"],
)
def test_what_is_killed_says_nothing(programs: Programs, python: str, death: str) -> None:
    programs.write(HEAD + f"log_metric('loss', 1)\n{death}")
    programs.run(python=python)

    assert programs.only_run.end is None


def test_a_handler_of_sigterm_may_end_it_in_good_order(programs: Programs, python: str) -> None:
    programs.write(
        HEAD + "import signal\nsignal.signal(15, lambda *_: sys.exit(143))\n"
        "log_metric('loss', 1)\nos.kill(os.getpid(), 15)\nsignal.pause()"
    )
    programs.run(python=python)

    assert programs.only_run.end == (143, None, False)


def test_an_exit_code_that_cannot_be_seen_is_not_taken_for_success(
    programs: Programs, python: str
) -> None:
    programs.write(HEAD + in_main("return int('0')", "sys.exit(main())"))
    programs.run(python=python)

    found = programs.only_run.end
    assert found is not None
    if sys.version_info >= (3, 12) and python == sys.executable:
        assert found == (0, None, False)
    else:
        code, error, _ = found
        assert code is None
        assert error is not None
        assert "whose code cannot be seen" in error
