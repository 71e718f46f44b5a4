"""What a submission prints while it follows its job."""

from __future__ import annotations

import io

import pytest

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from foundations.models import JobState, LogLevel
from foundations.streaming import JobConsole, LogWriter, is_ordinary_wait
from tests.core.queue_jobs import decide

EVIL = b"\x1b[31mred \x1b[2Jgone\n"


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


def file() -> tuple[io.TextIOWrapper, io.BytesIO]:
    """A stream that ends in a file, and the file."""
    content = io.BytesIO()
    return io.TextIOWrapper(content, encoding="utf-8"), content


@pytest.fixture(autouse=True)
def colours_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_is_kept_safe_and_may_have_colours() -> None:
    out = Terminal()
    writer = LogWriter(out)
    writer.write(EVIL)
    writer.finish()

    assert out.getvalue() == "\x1b[31mred ␛[2Jgone\n\x1b[0m"


def test_no_color_takes_the_colours_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    LogWriter(out).write(EVIL)

    assert out.getvalue() == "red ␛[2Jgone\n"


def test_a_file_gets_the_bytes_as_they_are() -> None:
    out, content = file()
    LogWriter(out).write(EVIL + b"\xff")

    assert content.getvalue() == EVIL + b"\xff"


def test_raw_output_reaches_a_terminal_unchanged() -> None:
    out = Terminal()
    LogWriter(out, raw=True).write(EVIL)

    assert out.getvalue() == EVIL.decode()


def test_messages_and_output_keep_their_order_and_their_lines() -> None:
    out, content = file()
    console = JobConsole(out)
    console.info("begins")
    console.output(b"half a ")
    console.output(b"line")
    console.info("ends")
    console.output(b"whole line\n")
    console.say("ERROR", "evil \x1b[2J")

    assert content.getvalue().decode() == (
        "Foundations INFO: begins\n"
        "half a line\n"
        "Foundations INFO: ends\n"
        "whole line\n"
        "Foundations ERROR: evil ␛[2J\n"
    )


def test_output_that_comes_late_is_not_printed_among_what_follows() -> None:
    out, content = file()
    console = JobConsole(out)
    console.output(b"a line\n")
    console.end_output()
    console.output(b"late\n")
    console.info("ends")

    assert content.getvalue().decode() == "a line\nFoundations INFO: ends\n"


@pytest.mark.parametrize(
    ("level", "expected"),
    [("DEBUG", "IWE"), ("INFO", "IWE"), ("WARNING", "WE"), ("ERROR", "E"), ("CRITICAL", "")],
)
def test_messages_below_the_level_are_left_out(level: LogLevel, expected: str) -> None:
    out = Terminal()
    console = JobConsole(out, level=level)
    for said in ("INFO", "WARNING", "ERROR"):
        console.say(said, "x")

    assert "".join(line.split()[1][0] for line in out.getvalue().splitlines()) == expected


def test_waiting_for_ones_turn_is_ordinary_and_other_reasons_are_told() -> None:
    def job(name: str, order: int, *, num_gpus: int = 0) -> Job:
        return Job(name, "p", JobState.QUEUED, order, num_gpus=num_gpus)

    waiting = [job("a", 1), job("b", 2)]
    turn = decide(waiting, [job("h", 0)], Capacity(max_running_jobs=1)).waiting
    gpus = decide([job("g", 1, num_gpus=1)], [], Capacity(max_running_jobs=1)).waiting
    down = decide(waiting, [], Capacity(1, problem="Docker does not answer")).waiting

    assert all(is_ordinary_wait(reason) for reason in turn.values())
    assert is_ordinary_wait("about to start")
    assert not any(is_ordinary_wait(reason) for reason in (*gpus.values(), *down.values()))


def test_progress_is_for_a_person_at_a_terminal() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        JobConsole(out).progress("Bundle size: 1.6 kB in 5 files.")

    assert terminal.getvalue() == "Foundations INFO: Bundle size: 1.6 kB in 5 files.\n"
    assert pipe.getvalue() == ""


def test_a_message_after_ctrl_c_begins_a_line_where_the_terminal_shows_the_key() -> None:
    out = Terminal()
    console = JobConsole(out)
    console.output(b"a line\n")
    console.key_echoed()
    console.info("Stopped.")
    assert out.getvalue() == "a line\n\nFoundations INFO: Stopped.\n"

    stream, content = file()
    console = JobConsole(stream)
    console.key_echoed()
    console.info("Stopped.")
    assert content.getvalue() == b"Foundations INFO: Stopped.\n"
