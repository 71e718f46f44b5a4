"""What a job records about itself: parameters, metrics, tags."""

from __future__ import annotations

import inspect
import json
import math
import os
import re
import subprocess
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import foundations
from atlas_scheduler.store.event_lines import parse_lines
from tests.foundations.job_dir import JobDir, enter_job
from tests.worker.interpreters import INTERPRETERS, ROOT, job_environment


class Scalar:
    """Behaves like a zero-dimensional array of numpy or torch."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        return self.value

    def __str__(self) -> str:
        return f"Scalar({self.value})"


class Vector:
    """Behaves like an array of numpy or torch with several elements."""

    def __init__(self, *values: object) -> None:
        self.values = values

    def item(self) -> object:
        raise ValueError("can only convert an array of size 1 to a Python scalar")

    def tolist(self) -> list[object]:
        return list(self.values)

    def __float__(self) -> float:
        raise TypeError("only length-1 arrays can be converted to Python scalars")


class LongDouble:
    """Behaves like numpy's longdouble, whose item() is no plain Python number either."""

    def item(self) -> LongDouble:
        return self

    def __float__(self) -> float:
        return 0.75


class Colour(str, Enum):  # noqa: UP042 - what scripts of Python 3.8 use
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobDir:
    return enter_job(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (0.5, 0.5),
        (1e-300, 1e-300),
        (-0.0, -0.0),
        (3, 3),
        (True, True),
        ("good", "good"),
        ("", ""),
        ('line\nbreak "quoted" \x1b[31m \u2028 \0', 'line\nbreak "quoted" \x1b[31m \u2028 \0'),
        ("\N{SNOWMAN}\N{PILE OF POO}", "\N{SNOWMAN}\N{PILE OF POO}"),
        ("half \ud83d of a pair", "half \N{REPLACEMENT CHARACTER} of a pair"),
        (Scalar(0.25), 0.25),
        (Scalar(7), 7),
        (Scalar(True), True),
        (LongDouble(), 0.75),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (2**63 - 1, 2**63 - 1),
        (2**63, float(2**63)),
        (-(2**64), -float(2**64)),
    ],
)
def test_a_metric_is_recorded_as_it_is(job: JobDir, value: object, recorded: object) -> None:
    foundations.log_metric("loss", value)

    assert job.lines() == [{"event": "metric", "key": "loss", "value": recorded}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (Scalar(math.nan), "NaN"),
        (10**5000, "Infinity"),
        (-(10**5000), "-Infinity"),
    ],
    ids=["nan", "inf", "-inf", "scalar", "huge", "-huge"],
)
def test_nan_and_infinities_are_kept_and_flagged(job: JobDir, value: object, text: str) -> None:
    foundations.log_metric("loss", value)
    foundations.log_param("loss", value)

    assert job.lines() == [
        {"event": "metric", "key": "loss", "value": text, "special": True},
        {"event": "param", "key": "loss", "value": text, "special": True},
    ]


def test_the_text_nan_is_only_a_text(job: JobDir) -> None:
    foundations.log_metric("verdict", "NaN")

    assert job.lines() == [{"event": "metric", "key": "verdict", "value": "NaN"}]


@pytest.mark.parametrize(("step", "recorded"), [(3, 3), (0.5, 0.5), (0, 0), (Scalar(12), 12)])
def test_a_step_goes_with_its_value(job: JobDir, step: Any, recorded: float) -> None:
    foundations.log_metric("loss", 0.5, step=step)

    assert job.lines() == [{"event": "metric", "key": "loss", "value": 0.5, "step": recorded}]


def test_a_name_that_atlas_keeps_for_itself_is_not_recorded(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    foundations.log_metric("system/cpu_percent", 1.0)
    foundations.log_metric("system", 2.0)
    assert [one["key"] for one in job.lines()] == ["system"]
    assert capsys.readouterr().err == (
        "Foundations WARNING: Metric `system/cpu_percent` is not recorded: names that begin with "
        "`system/` are kept for what Atlas measures.\n"
    )


@pytest.mark.parametrize("step", ["3", True, object(), [1], math.nan, math.inf])
def test_a_value_whose_step_is_no_number_is_kept_without_it(
    job: JobDir, capsys: pytest.CaptureFixture[str], step: Any
) -> None:
    for _ in range(2):
        foundations.log_metric("loss", 0.5, step=step)

    assert job.lines() == [{"event": "metric", "key": "loss", "value": 0.5}] * 2
    assert capsys.readouterr().err == (
        f"Foundations WARNING: Invalid step {step!r} of metric `loss`: it should be a finite "
        "number. Recorded without it.\n"
    )


@pytest.mark.parametrize("many", [list, tuple])
def test_a_list_is_recorded_element_by_element(job: JobDir, many: type) -> None:
    foundations.log_metric("loss", many([0.5, Scalar(2), "bad", True]), step=4)

    assert [line["value"] for line in job.lines()] == [0.5, 2, "bad", True]
    assert {line["step"] for line in job.lines()} == {4}


def test_an_empty_list_records_nothing(job: JobDir) -> None:
    foundations.log_metric("loss", [])

    assert job.lines() == []


@pytest.mark.parametrize("key", [5.44, None, b"loss", ["loss"]])
def test_a_metric_name_must_be_a_string(
    job: JobDir, capsys: pytest.CaptureFixture[str], key: Any
) -> None:
    foundations.log_metric(key, 0.5)

    assert capsys.readouterr().err == f"Foundations WARNING: Invalid metric name `{key}`\n"
    assert job.lines() == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": 22}, "{'a': 22} with type <class 'dict'>"),
        ([[2]], "[[2]] with type <class 'list'>"),
        ([0.5, [2]], "[0.5, [2]] with type <class 'list'>"),
        ([Exception], "[<class 'Exception'>] with type <class 'list'>"),
        (None, "None with type <class 'NoneType'>"),
        (b"12", "b'12' with type <class 'bytes'>"),
        (1 + 2j, "(1+2j) with type <class 'complex'>"),
        (float, "<class 'float'> with type <class 'type'>"),
        (Decimal("sNaN"), "sNaN with type <class 'decimal.Decimal'>"),
        (Scalar([1]), f"Scalar([1]) with type {Scalar}"),
        ({"k": "v" * 99}, "{'k': 'vvvvvvvvvvvvvvvvvvvvvvv ... with type <class 'dict'>"),
    ],
)
def test_a_metric_that_is_no_scalar_is_told_in_the_known_words_and_the_job_goes_on(
    job: JobDir, capsys: pytest.CaptureFixture[str], value: object, shown: str
) -> None:
    for _ in range(2):
        foundations.log_metric("loss", value)

    assert capsys.readouterr().err == (
        f'Foundations WARNING: Invalid metric with key="loss" of value={shown}. Value should be of '
        "type string or number, or a list of strings / numbers\n"
    )
    assert job.lines() == []


class Raising:
    """Raises whenever somebody looks at it."""

    def item(self) -> object:
        raise ZeroDivisionError("nothing to see")

    def __str__(self) -> str:
        raise ZeroDivisionError("nothing to see")


RAISING: Any = Raising()
NUMBER: Any = 5
LOOP: dict[str, object] = {}
LOOP["again"] = LOOP


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (lambda: foundations.log_metric("loss", RAISING), "log_metric recorded nothing: Zero"),
        (lambda: foundations.log_metric("loss", 1, step=RAISING), "log_metric recorded nothing"),
        (lambda: foundations.log_param("lr", RAISING), "log_param recorded nothing: ZeroDiv"),
        (lambda: foundations.log_params(LOOP), "log_params recorded nothing: RecursionError"),
        (lambda: foundations.log_params(NUMBER), "log_params recorded nothing: AttributeError"),
        (lambda: foundations.set_tag("kind", RAISING), "set_tag recorded nothing: ZeroDiv"),
        (lambda: foundations.save_artifact(NUMBER), "save_artifact recorded nothing: TypeError"),
        (
            lambda: foundations.set_tensorboard_logdir(NUMBER),
            "set_tensorboard_logdir recorded nothing",
        ),
    ],
)
def test_nothing_that_is_handed_over_ends_the_job(
    job: JobDir, capsys: pytest.CaptureFixture[str], record: Any, told: str
) -> None:
    for _ in range(2):
        record()

    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"Foundations WARNING: {told}")
    assert warning.endswith("; the job goes on.")
    assert job.lines() == []


def test_functions_that_never_raise_can_be_looked_up() -> None:
    assert str(inspect.signature(foundations.log_metric)).startswith("(key: 'str', value: 'Any'")
    assert foundations.log_metric.__name__ == "log_metric"


def test_an_array_of_several_elements_is_no_metric(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    foundations.log_metric("loss", Vector(1, 2))

    assert "Invalid metric with key" in capsys.readouterr().err
    assert job.lines() == []


@pytest.mark.parametrize(
    ("parameters", "flat"),
    [
        ({}, {}),
        ({"lr": 0.1, "name": "a", "on": None}, {"lr": 0.1, "name": "a", "on": None}),
        ({"layers": [{"n": 5}]}, {"layers_0_n": 5}),
        (
            {"a": {"b": {"c": 1}, "d": [1, [2, 3]]}},
            {"a_b_c": 1, "a_d_0": 1, "a_d_1_0": 2, "a_d_1_1": 3},
        ),
        ({"a": {}, "b": [], "c": {"d": []}}, {"a": None, "b": None, "c_d": None}),
        ({"shape": (2, 3)}, {"shape_0": 2, "shape_1": 3}),
    ],
)
def test_parameters_are_flattened(
    job: JobDir, parameters: dict[str, Any], flat: dict[str, Any]
) -> None:
    assert foundations.flatten_parameters(parameters) == flat

    foundations.log_params(parameters)

    assert {line["key"]: line["value"] for line in job.lines()} == flat


CIRCULAR: list[object] = []
CIRCULAR.append(CIRCULAR)


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (None, None),
        ({"a": [1, {"b": math.nan}]}, {"a": [1, {"b": "NaN"}]}),
        ({1: "x", (2, 3): "y"}, {"1": "x", "(2, 3)": "y"}),
        ({"b", "a"}, ["a", "b"]),
        (Scalar(3), 3),
        (Vector(1, 2.5, "x"), [1, 2.5, "x"]),
        (Path("/data/set"), "/data/set"),
        (b"raw", "b'raw'"),
        (float, "<class 'float'>"),
        (["half \udc00"], ["half \N{REPLACEMENT CHARACTER}"]),
        (CIRCULAR, "<list nested too deeply>"),
        ([2**70], [float(2**70)]),
    ],
)
def test_any_value_can_be_a_parameter(job: JobDir, value: object, recorded: object) -> None:
    foundations.log_param("p", value)

    assert job.lines() == [{"event": "param", "key": "p", "value": recorded}]


def test_what_the_scheduler_would_not_take_is_fitted_in(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    foundations.log_metric("k" * 10_000, 1)
    foundations.log_metric("text", "\N{PILE OF POO}" * 1_000_000)
    foundations.log_param("list", [1.5] * 1_000_000)
    foundations.set_tag("", "\x00" * 1_000_000)

    keys = [line["key"] for line in job.lines()]
    assert keys == ["k" * 500, "text", "list", "_"]
    assert "recorded shortened" in capsys.readouterr().err


def test_parameters_come_from_the_file_and_are_recorded_flattened(job: JobDir) -> None:
    parameters = {"lr": 0.1, "layers": [{"n": 5}], "none": []}
    (job.source / "foundations_job_parameters.json").write_text(json.dumps(parameters))

    assert foundations.load_parameters() == parameters
    assert {line["key"]: line["value"] for line in job.lines()} == {
        "lr": 0.1,
        "layers_0_n": 5,
        "none": None,
    }


def test_parameters_can_be_loaded_without_a_record(job: JobDir) -> None:
    (job.source / "foundations_job_parameters.json").write_text('{"lr": 0.1}')

    assert foundations.load_parameters(log_parameters=False) == {"lr": 0.1}
    assert job.lines() == []


def test_parameters_are_found_from_a_subfolder(
    job: JobDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job.source / "foundations_job_parameters.json").write_text('{"lr": 0.1}')
    (job.source / "scripts").mkdir()
    monkeypatch.chdir(job.source / "scripts")

    assert foundations.load_parameters() == {"lr": 0.1}


@pytest.mark.parametrize("content", [None, "", " \n", "\N{ZERO WIDTH NO-BREAK SPACE}", "{}"])
def test_a_missing_or_empty_parameters_file_is_no_parameters(
    job: JobDir, content: str | None
) -> None:
    if content is not None:
        (job.source / "foundations_job_parameters.json").write_text(content, encoding="utf-8")

    assert foundations.load_parameters() == {}


@pytest.mark.parametrize("content", ["{", "[1]", "3"])
def test_a_broken_parameters_file_is_named(job: JobDir, content: str) -> None:
    (job.source / "foundations_job_parameters.json").write_text(content)

    with pytest.raises(ValueError, match=r"foundations_job_parameters\.json"):
        foundations.load_parameters()


def test_tags_are_texts(job: JobDir) -> None:
    foundations.set_tag("base")
    foundations.set_tag("seed", 3)  # type: ignore[arg-type]  # users do

    assert job.lines() == [
        {"event": "tag", "key": "base", "value": ""},
        {"event": "tag", "key": "seed", "value": "3"},
    ]


def test_a_tag_that_gets_another_value_is_told_in_the_known_words(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    foundations.set_tag("stage", "first")
    foundations.set_tag("stage", "first")
    foundations.set_tag("other", "second")
    assert capsys.readouterr().err == ""

    foundations.set_tag("stage", "second")

    assert capsys.readouterr().err == "Foundations WARNING: Tag `stage` updated to `second`\n"
    assert [line["value"] for line in job.lines()] == ["first", "first", "second", "second"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("runs", "job_source/runs"),
        ("runs/../logs/", "job_source/logs"),
        (".", "job_source"),
        (Path("r\u00fcns"), "job_source/r\u00fcns"),
        ("../artifacts/runs", "artifacts/runs"),
    ],
)
def test_the_directory_of_tensorboard_is_recorded_by_its_place_in_the_job(
    job: JobDir, path: str | Path, kept: str
) -> None:
    foundations.set_tensorboard_logdir(path)
    foundations.set_tensorboard_logdir(Path(path).absolute())

    assert job.lines() == [{"event": "tensorboard", "path": kept}] * 2


def test_logs_that_would_not_be_kept_are_told(
    job: JobDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job.source / "link").symlink_to(tmp_path)

    for path in (tmp_path, "..", "../records", "link/runs", "/"):
        foundations.set_tensorboard_logdir(path)
        assert capsys.readouterr().err == (
            f"Foundations WARNING: Invalid TensorBoard directory {str(path)!r}: it is not in the "
            f"job's work dir {job.source}, nor artifacts\n"
        )
    assert job.lines() == []


def test_a_job_sees_that_it_should_stop(job: JobDir) -> None:
    assert not foundations.should_stop()
    (job.path / "stop_requested").touch()
    assert foundations.should_stop()


EVERYTHING = """
import foundations
foundations.load_parameters()
foundations.log_param("lr", 0.1)
foundations.log_params({"layers": [{"n": 5}]})
for step in range(3):
    foundations.log_metric("loss", 1.0 / (step + 1), step=step)
foundations.log_metric("special", float("nan"))
foundations.set_tag("base", "x")
foundations.set_tensorboard_logdir("runs")
with open("model.txt", "w") as file:
    file.write("weights")
foundations.save_artifact("model.txt", key="model")
print("should stop:", foundations.should_stop())
"""


@pytest.mark.parametrize("python", INTERPRETERS)
def test_every_function_works_in_a_job(job: JobDir, python: str) -> None:
    (job.source / "foundations_job_parameters.json").write_text('{"epochs": 3}')
    ended = job.run(EVERYTHING, python)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "should stop: False\n", "")
    assert [(line["event"], line.get("key"), line.get("value")) for line in job.lines()] == [
        ("param", "epochs", 3),
        ("param", "lr", 0.1),
        ("param", "layers_0_n", 5),
        ("metric", "loss", 1.0),
        ("metric", "loss", 0.5),
        ("metric", "loss", 1.0 / 3),
        ("metric", "special", "NaN"),
        ("tag", "base", "x"),
        ("tensorboard", None, None),
        ("artifact", "model", None),
    ]
    assert job.saved()["model"] == "weights"


@pytest.mark.parametrize("python", INTERPRETERS)
@pytest.mark.parametrize("name", ["get_metrics_for_all_jobs", "submit", "JobState"])
def test_what_a_job_does_not_have_is_said_in_words(job: JobDir, python: str, name: str) -> None:
    script = f"import sys; sys.modules['pydantic'] = None; import foundations; foundations.{name}"

    ended = job.run(script, python)

    is_old = python != INTERPRETERS[0]
    reason = "it is Python 3.8, and Atlas needs 3.11" if is_old else "there is no `pydantic`"
    assert ended.stderr.splitlines()[-1] == (
        f"ImportError: `foundations.{name}` needs the whole of Atlas, which this Python does not "
        f"have ({reason}). Inside a job there is only what records, such as "
        "`foundations.log_metric`. Use it where jobs are submitted."
    )


@pytest.mark.parametrize("python", INTERPRETERS)
def test_in_a_command_line_one_warning_is_all_that_happens(tmp_path: Path, python: str) -> None:
    (tmp_path / "foundations_job_parameters.json").write_text('{"epochs": 3}')
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "sdk"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FOUNDATIONS_HOME": str(tmp_path / "home"),
        "FOUNDATIONS_COMMAND_LINE": "True",
    }
    ended = subprocess.run(
        [python, "-W", "error", "-c", EVERYTHING],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (ended.returncode, ended.stdout) == (0, "should stop: False\n")
    assert ended.stderr == "Foundations WARNING: Script not run with Foundations.\n"
    assert {path.name for path in tmp_path.iterdir()} == {
        "foundations_job_parameters.json",
        "model.txt",
    }


@pytest.mark.parametrize("python", INTERPRETERS)
def test_tracking_needs_the_standard_library_only(python: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'sdk')!r}); import foundations; "
        "foundations.log_metric; foundations.save_artifact; "
        "print([name for name in sys.modules if name.startswith('foundations')])"
    )
    ended = subprocess.run(
        [python, "-I", "-S", "-B", "-c", program], capture_output=True, text=True
    )

    loaded = ["", ".parameters", ".recorder", ".tracking"]
    assert ended.stdout == f"{[f'foundations{name}' for name in loaded]}\n"


def test_the_shell_example_of_the_documentation_works(job: JobDir) -> None:
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    example = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0]
    (job.source / "model.txt").write_text("weights")
    ended = subprocess.run(
        ["sh", "-eu", "-c", example],
        cwd=job.source,
        env=job_environment(job.path),
        capture_output=True,
        text=True,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(example.splitlines()) == 5
    found = parse_lines(job.events.read_bytes())
    assert (len(found.records), found.bad_lines, found.unknown_events) == (5, 0, 0)
    assert (job.artifacts / "model.txt").read_text() == "weights"
