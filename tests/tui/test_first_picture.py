"""The first picture shows what was seen last, and waits for nothing that it can do without."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from atlas_tui import last_view, later
from atlas_tui.session import Seen, Session
from foundations.job_states import JobState
from foundations.models import (
    EngineView,
    JobView,
    PauseView,
    QueueView,
    SchedulerInfo,
    Waiting,
)

NOT_LOADED = {
    *("pydantic", "httpx", "httpcore", "anyio", "click", "yaml"),
    *("foundations.client", "foundations.models", "foundations.calls", "foundations.text.chart"),
    *("atlas_tui.command", "atlas_tui.feed", "atlas_tui.handlers", "atlas_tui.settings_file"),
    *("atlas_tui.screens.compare", "atlas_tui.screens.dialogs", "atlas_tui.screens.help"),
    *("atlas_tui.screens.job", "atlas_tui.screens.logs", "atlas_tui.screens.submit"),
    *("atlas_tui.screens.system", "atlas_tui.screens.theme_dialog", "atlas_tui.curves"),
    *("textual.widgets._text_area", "textual.widgets._data_table"),
}

# `begin` is called when the first picture is there.
FIRST_PICTURE = """
import json, sys
from pathlib import Path
from typing import Any, get_args
from atlas_tui import launch
from atlas_tui.app import AtlasApp, Options
from atlas_tui.late_client import late_client
from atlas_tui.session import Session
from foundations.configs import SchedulerConfig

class OnePicture(AtlasApp):
    def begin(self):
        strips = self.screen._compositor.render_strips()
        text = "\\n".join(strip.text for strip in strips)
        sys.stdout.write(json.dumps({"text": text, "modules": sorted(sys.modules)}))
        self.exit()

config = SchedulerConfig("scheduler", Path("there"), "unix:///nowhere/atlas.sock")
session = Session.load(Path(sys.argv[1]))
OnePicture(late_client(config), "scheduler", Options(), session=session).run(
    headless=True, size=(120, 40)
)
"""

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
JOB = JobView(
    job_id="4a0b6f6e-5f0e-4d2b-9a55-0c8a2f1d9e11",
    project="cats",
    user="ada",
    state=JobState.QUEUED,
    command=["train.py", "--lr", "0.1"],
    gpus=["GPU-1"],
    submitted_at=AT,
    started_at=AT,
    finished_at=AT,
    duration_seconds=3.5,
    not_before=AT,
    parameters={"lr": 0.1, "engine": {"state": "x", "at": "then"}},
    metrics={"queue": 1, "states": "NaN"},
    tags={"waiting": "yes", "paused": ""},
    waiting=Waiting(reason="2 before it", position=3),
)
INFO = SchedulerInfo(
    version="9.9",
    api_version=1,
    instance="00c0ffee",
    pid=1,
    home="/home/ada",
    engine=EngineView(name="docker", version="28", isolated=True, available=True),
    queue=QueueView(
        max_running_jobs=2,
        paused=PauseView(by="ada", at=AT),
        paused_projects=[PauseView(by="bob", at=AT, project="cats")],
    ),
    states={JobState.QUEUED: 1},
)


def session_of(screen: str) -> Session:
    seen = Seen(last_view.documents([JOB]), total=1)
    (info,) = last_view.documents([INFO])
    return Session(screen=screen, info=info, seen={screen: seen})


@pytest.mark.parametrize("screen", ["dashboard", "jobs"])
def test_the_first_picture_is_the_last_view_and_loads_neither_client_nor_models(
    tmp_path: Path, screen: str
) -> None:
    session_of(screen).save(tmp_path / "session.json")

    done = subprocess.run(
        [sys.executable, "-c", FIRST_PICTURE, str(tmp_path / "session.json")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    shown = json.loads(done.stdout)
    assert "4a0b6f6e ○ queued" in shown["text"]
    assert "QUEUE PAUSED by ada" in shown["text"]
    assert f"atlas_tui.screens.{screen}" in shown["modules"]
    assert NOT_LOADED.isdisjoint(shown["modules"])


def test_what_the_first_picture_does_without_can_be_loaded() -> None:
    later.load_connection()
    later.load_all_else()

    assert "atlas_tui.screens.system" in sys.modules


def test_what_the_first_picture_does_without_is_there() -> None:
    assert [name for name in NOT_LOADED if importlib.util.find_spec(name) is None] == []


def same(one: object, other: object) -> bool:
    """Whether a stand-in has all that a view has."""
    if isinstance(other, BaseModel):
        return all(same(getattr(one, name), value) for name, value in other)
    if isinstance(other, list) and isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def test_what_stands_in_for_views_has_what_they_have() -> None:
    session = session_of("dashboard")

    assert same(last_view.stand_in_jobs(session.seen["dashboard"]), [JOB])
    assert same(last_view.stand_in_info(session), INFO)
    assert not same(last_view.stand_in_info(session), JOB)


def test_views_come_back_as_they_were() -> None:
    session = session_of("dashboard")

    assert last_view.jobs(session.seen["dashboard"]) == [JOB]
    assert last_view.info(session) == INFO


@pytest.mark.parametrize("document", [{"state": "gone"}, {"submitted_at": 5}, {"states": []}])
def test_a_last_view_that_is_none_is_not_shown(document: dict[str, object]) -> None:
    seen = Seen((document,), total=1)

    assert last_view.stand_in_jobs(seen) == last_view.jobs(seen) == []
    assert last_view.stand_in_info(Session(info=document)) is None
    assert last_view.info(Session(info=document)) is None


def test_a_session_of_another_version_comes_back_without_its_view(tmp_path: Path) -> None:
    session = session_of("jobs")
    session.seen_by = "0.0.1"
    session.save(tmp_path / "session.json")

    found = Session.load(tmp_path / "session.json")

    assert (found.screen, found.seen, found.info) == ("jobs", {}, None)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, set[Any]]]:
    """The fields of a view and of those in it, each with the types that it may have."""
    for name, field in model.model_fields.items():
        types = set(_types(field.annotation))
        yield name, types
        for one in types:
            if _is_view(one):
                yield from _fields(one)


def _types(annotation: Any) -> Iterator[Any]:
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _types(part)


def test_what_stands_for_a_view_knows_every_field_that_is_no_plain_value() -> None:
    fields = [*_fields(JobView), *_fields(SchedulerInfo)]
    models = {name for name, types in fields if any(map(_is_view, types))}
    assert models == last_view.PARTS
    assert {name for name, types in fields if datetime in types} == last_view.MOMENTS


def _is_view(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
