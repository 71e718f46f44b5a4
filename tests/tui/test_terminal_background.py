"""`atlas` asks the terminal for its background: whatever it answers, and whenever."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui.terminal_background import QUESTION, Answers
from tests.core.profiles import PROPERTY
from tests.tui.terminal import DEADLINE_SECONDS, Terminal, atlas, running_scheduler

KIND = "\x1b[?62;22c"
DARK, LIGHT = b"48;2;18;21;26m", b"48;2;250;250;250m"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_scheduler(tmp_path_factory.mktemp("atlas")) as started:
        yield started


@contextmanager
def asking(home: Path, said: str = "") -> Iterator[Terminal]:
    """A terminal that was just asked."""
    with atlas(home, COLORTERM="truecolor", COLORFGBG=said) as terminal:
        terminal.until_seen(QUESTION.decode())
        yield terminal


def ends_well(terminal: Terminal) -> None:
    terminal.type("q")
    assert terminal.wait(DEADLINE_SECONDS) == 0
    assert terminal.is_restored


@pytest.mark.parametrize(
    ("answer", "colour"),
    [
        ("\x1b]11;rgb:ffff/ffff/dddd\x1b\\" + KIND, LIGHT),
        ("\x1b]11;rgb:fa/fa/fa\x07" + KIND, LIGHT),
        ("\x1b]11;rgba:1e1e/1e1e/2e2e/ffff\x1b\\" + KIND, DARK),
        (KIND, DARK),
        ("\x1b]11;nonsense\x07\x1b[?1;2c", DARK),
    ],
    ids=["light", "light, short", "dark", "no colour", "nonsense"],
)
def test_the_colours_are_as_the_terminal_says(home: Path, answer: str, colour: bytes) -> None:
    with asking(home) as terminal:
        terminal.type(answer)
        terminal.until_seen("No jobs yet.")
        assert colour in terminal.seen
        assert ({DARK, LIGHT} - {colour}).pop() not in terminal.seen
        assert b"rgb:" not in terminal.seen, "the answer is not shown"
        ends_well(terminal)


@pytest.mark.parametrize(("said", "colour"), [("0;15", LIGHT), ("15;0", DARK)])
def test_without_an_answer_the_environment_decides(home: Path, said: str, colour: bytes) -> None:
    with asking(home, said) as terminal:
        terminal.until_seen("No jobs yet.")
        assert colour in terminal.seen
        ends_well(terminal)


def test_a_late_answer_is_no_key(home: Path) -> None:
    with asking(home) as terminal:
        terminal.until_seen("No jobs yet.")
        # As keys this would ask for help, and whether to delete.
        terminal.type("\x1b]11;rgb:dddd/6666/2222\x1b\\\x1b[?6")
        terminal.type("2c")
        terminal.type("2")
        terminal.until_seen("No job fits.")
        assert b"Keys of" not in terminal.seen
        terminal.type("1")
        ends_well(terminal)


def test_what_is_typed_before_the_app_is_there_is_not_lost(home: Path) -> None:
    with asking(home) as terminal:
        terminal.type("2\x1b]11;rgb:ff/ff/ff\x1b\\" + KIND)
        terminal.until_seen("No job fits.")
        assert LIGHT in terminal.seen
        terminal.type("1")
        ends_well(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_asks_leaves_the_terminal_as_before(
    home: Path, number: signal.Signals
) -> None:
    with asking(home) as terminal:
        os.kill(terminal.process.pid, number)
        assert terminal.wait(DEADLINE_SECONDS) == 128 + number
        assert terminal.has_modes_of_before


def test_ctrl_c_while_it_asks_leaves_the_terminal_as_before(home: Path) -> None:
    with asking(home) as terminal:
        terminal.type("\x03")
        assert terminal.wait(DEADLINE_SECONDS) != 0
        assert terminal.has_modes_of_before
        assert b"Traceback" not in terminal.seen


@pytest.mark.parametrize(
    ("options", "term"),
    [
        (["--theme", "atlas-dark"], "xterm-256color"),
        (["--plain"], "xterm-256color"),
        ([], "linux"),
    ],
)
def test_who_needs_no_answer_is_not_asked(home: Path, options: list[str], term: str) -> None:
    with atlas(home, *options, TERM=term) as terminal:
        terminal.until_seen("No jobs yet.")
        assert QUESTION not in terminal.seen
        ends_well(terminal)


def test_a_theme_in_the_settings_is_not_asked_for(tmp_path: Path) -> None:
    with running_scheduler(tmp_path / "home") as home:
        (home / "config" / "tui.yaml").write_text("theme: atlas-light\n")
        with atlas(home, COLORTERM="truecolor") as terminal:
            terminal.until_seen("No jobs yet.")
            assert QUESTION not in terminal.seen
            assert LIGHT in terminal.seen
            ends_well(terminal)


ANSWERS = ("\x1b]11;rgb:ffff/0000/0000\x07", "\x1b]11;?\x1b\\", "\x1b]11;rgb:1/f/1\x1b\\", KIND)


@PROPERTY
@given(
    st.lists(st.sampled_from([*ANSWERS, "a", "\x1b[A", "\x1b[?2026;2$y", "é"]), max_size=6),
    st.data(),
)
def test_answers_are_taken_out_wherever_the_pieces_are_cut(
    parts: list[str], data: st.DataObject
) -> None:
    answers, text, kept = Answers(), "".join(parts), ""
    # A cut right after the Escape, or the bracket after it, is that of a key.
    places = [at for at in range(len(text) + 1) if text[at - 1 : at] not in ("\x1b", "]", "[")]
    cuts = sorted(data.draw(st.lists(st.sampled_from(places), max_size=4)))
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        kept += answers.without(text[start:end])
    assert kept == "".join(part for part in parts if part not in ANSWERS)
    assert answers.has_kind == (KIND in parts)
    assert answers.has_colour == any(part in ANSWERS[:3] for part in parts)
    last = [part for part in parts if part in (ANSWERS[0], ANSWERS[2])][-1:]
    assert answers.light == (last[0] == ANSWERS[2] if last else None)
