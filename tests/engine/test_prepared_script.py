"""What makes a container that was made ahead a job's own, without an engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_scheduler.engine.container import Image
from atlas_scheduler.engine.port import StartRefusedError
from atlas_scheduler.engine.prepared import mould_of, script_of
from foundations.models.arrays import INDEX_VARIABLE

IMAGE = Image("worker", has_entrypoint=False, image_id="sha256:1")
TELL = f"import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['{INDEX_VARIABLE}']]))"

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def body(**fields: Any) -> dict[str, Any]:
    return {
        "Image": "worker",
        "Entrypoint": ["python"],
        "Cmd": ["main.py"],
        "WorkingDir": "/job/job_source",
        "Env": ["FOUNDATIONS_JOB_ID=1", "LEARNING_RATE=0.1"],
        "Hostname": "1",
        "Labels": {"atlas.job": "1"},
        "HostConfig": {"Mounts": [{"Target": "/job", "Source": "/1"}], "NanoCpus": 1},
        **fields,
    }


@settings(max_examples=20, deadline=None)
@given(arguments=st.lists(words, max_size=4), index=words)
def test_a_shell_makes_nothing_else_of_what_a_job_runs(arguments: list[str], index: str) -> None:
    made = body(
        Entrypoint=[sys.executable, "-X", "utf8", "-c", TELL],
        Cmd=arguments,
        WorkingDir="/",
        Env=[f"{INDEX_VARIABLE}={index}"],
    )
    script = script_of(made, IMAGE)
    command = ["/bin/sh", "-c", script]
    for given_words in ([], [*made["Entrypoint"], "beside"]):
        done = subprocess.run(
            [*command, "sh", *given_words], capture_output=True, check=True, encoding="utf-8"
        )
        expected = ["beside"] if given_words else arguments
        assert json.loads(done.stdout) == [expected, index]


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"Cmd": ["other.py", "--fast"]}, True),
        ({"Env": ["FOUNDATIONS_JOB_ID=2", "LEARNING_RATE=0.1"], "Hostname": "2"}, True),
        ({"HostConfig": {"Mounts": [{"Target": "/job", "Source": "/2"}], "NanoCpus": 1}}, True),
        ({"WorkingDir": "/job/job_source/deep"}, True),
        ({"WorkingDir": "/elsewhere"}, False),
        ({"Env": ["LEARNING_RATE=0.2"]}, False),
        ({"HostConfig": {"Mounts": [{"Target": "/job", "Source": "/1"}], "NanoCpus": 2}}, False),
    ],
)
def test_a_shape_is_all_that_cannot_be_added_later(change: dict[str, Any], is_same: bool) -> None:
    first, second = mould_of(body(), IMAGE), mould_of(body(**change), IMAGE)
    assert first is not None
    assert second is not None
    assert (first.shape == second.shape) == is_same


def test_another_image_of_the_same_name_is_another_shape() -> None:
    first, second = (
        mould_of(body(), IMAGE),
        mould_of(body(), Image("worker", has_entrypoint=False, image_id="sha256:2")),
    )
    assert first is not None
    assert second is not None
    assert first.shape != second.shape


def test_what_only_the_image_knows_is_not_made_ahead() -> None:
    made = body(Cmd=[])
    del made["Entrypoint"]
    assert mould_of(made, IMAGE) is None
    with pytest.raises(StartRefusedError, match="submit the job again"):
        script_of(made, IMAGE)


def test_one_that_is_cast_differs_in_its_name_and_its_link_only() -> None:
    mould = mould_of(body(), IMAGE)
    assert mould is not None
    made = mould.cast(instance="abcd", slot="p1", link=Path("/links/p1"))
    assert made["Labels"] == {"atlas.instance": "abcd", "atlas.prepared": "p1"}
    assert made["HostConfig"] == {
        "Mounts": [{"Target": "/job", "Source": "/links/p1"}],
        "NanoCpus": 1,
    }
    assert made["Env"] == ["LEARNING_RATE=0.1"]
    assert made["Entrypoint"] == ["/bin/sh", "/job/start.sh"]
