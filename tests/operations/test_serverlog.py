"""The server's log: one record a line whatever its fields hold, and never too large a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from atlas_scheduler.__main__ import cli
from atlas_scheduler.operations.log_lines import follow, last_lines, readable
from foundations.home import Home

HOSTILE = "a\nb\r\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\u202e\x00%s{0}"
WRITE = """
import logging, sys
from pathlib import Path
import structlog
from atlas_scheduler import serverlog
hostile = {hostile!r}
serverlog.configure(on_terminal={on_terminal}, log_file=Path({path!r}))
log = structlog.get_logger("atlas")
log.warning("text of a user", job=hostile, many=[hostile, {{hostile: hostile}}])
logging.getLogger("other").warning("%s", hostile)
try:
    raise ValueError(hostile)
except ValueError:
    log.exception("a defect")
"""


def written(*, on_terminal: bool, path: Path) -> bytes:
    program = WRITE.format(hostile=HOSTILE, on_terminal=on_terminal, path=str(path))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=True
    )
    return done.stderr


def test_a_record_is_one_line_of_json_whatever_its_fields_hold(tmp_path: Path) -> None:
    told = written(on_terminal=False, path=tmp_path / "server.log")

    assert not set(told) - {*range(0x20, 0x7F), 0x0A}, "only printable ASCII"
    first, second, third = (json.loads(line) for line in told.decode().splitlines())
    assert (first["event"], first["job"], first["level"]) == ("text of a user", HOSTILE, "warning")
    assert first["many"] == [HOSTILE, {HOSTILE: HOSTILE}]
    assert second["event"] == HOSTILE
    assert HOSTILE in third["exception"]


def test_on_a_terminal_no_field_controls_it(tmp_path: Path) -> None:
    told = written(on_terminal=True, path=tmp_path / "server.log").decode()

    for forbidden in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\x00", "\x07", "\r"):
        assert forbidden not in told
    assert "a␊b␍␛]52;c;aGk=␇" in told
    assert sum("Z\x1b[0m [" in line for line in told.splitlines()) == 3


def test_a_log_that_grew_too_large_is_put_aside_with_what_else_is_written(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    program = f"""
import logging, os
from pathlib import Path
from atlas_scheduler import serverlog
handler = serverlog.BoundedHandler(Path({str(path)!r}), largest_bytes=1000)
log = logging.getLogger("atlas")
log.addHandler(handler)
for number in range(60):
    log.warning("line %d %s", number, "x" * 80)
os.write(2, b"last words\\n")
"""
    with path.open("ab") as output:
        subprocess.run(
            [sys.executable, "-c", program], stdout=output, stderr=output, timeout=60, check=True
        )

    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["server.log", "server.log.1", "server.log.2", "server.log.3"]
    assert all(file.stat().st_size < 1200 for file in tmp_path.iterdir())
    kept = "".join((tmp_path / name).read_text() for name in [*reversed(names[1:]), names[0]])
    numbers = [int(line.split()[1]) for line in kept.splitlines()[:-1]]
    assert numbers == list(range(numbers[0], 60))
    assert path.read_text().endswith("last words\n")


def test_stderr_that_leads_elsewhere_is_left_alone(tmp_path: Path) -> None:
    written(on_terminal=False, path=tmp_path / "server.log")

    assert list(tmp_path.iterdir()) == []


def test_a_followed_log_goes_on_in_the_file_that_replaced_it(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("one\ntwo\nthree\nha")
    moments = iter(["go on", "replace"])

    def pause(_: float) -> None:
        if next(moments) == "go on":
            with path.open("a") as file:
                file.write("lf\n")
        else:
            path.rename(tmp_path / "server.log.1")
            path.write_text("four\n")

    lines = follow(path, 2, pause=pause)

    assert [next(lines) for _ in range(3)] == ["three", "half", "four"]
    lines.close()


def test_the_last_lines_reach_into_the_log_before(tmp_path: Path) -> None:
    (tmp_path / "server.log.1").write_text("one\ntwo\n")
    (tmp_path / "server.log").write_text("three\n")

    assert last_lines(tmp_path / "server.log", 2) == ["two", "three"]
    assert last_lines(tmp_path / "server.log", 9) == ["one", "two", "three"]
    assert last_lines(tmp_path / "server.log", 0) == []


def test_a_record_is_shown_for_people_and_cleaned() -> None:
    record = {"timestamp": "T", "level": "info", "event": "listening", "socket": "/a", "n": 1}
    assert readable(json.dumps(record)) == "T info     listening  socket=/a n=1"
    record |= {"socket": HOSTILE, "exception": "Traceback\n\x1b[2J"}
    shown = readable(json.dumps(record))
    assert "\x1b" not in shown
    assert shown.count("\n") == 2, "the traceback has lines of its own"
    assert readable("Fatal \x1b[2J") == "Fatal ␛[2J"
    assert readable("7") == "7"


def test_the_command_prints_the_log_or_says_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    monkeypatch.setenv("FOUNDATIONS_HOME", str(home.root))
    missing = CliRunner().invoke(cli, ["logs"])
    assert missing.exit_code == 1
    assert f"There is no log {home.server_log}" in str(missing.exception)

    home.logs.mkdir()
    home.server_log.write_text('{"event": "one"}\n{"event": "two"}\n')
    assert CliRunner().invoke(cli, ["logs", "-n", "1", "--json"]).output == '{"event": "two"}\n'
    assert "one" in CliRunner().invoke(cli, ["logs"]).output
