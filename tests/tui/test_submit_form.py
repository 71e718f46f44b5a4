"""What a submit form means: the rules of the command line, and the same as a command."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui.directories import Found, completion, likely, look, remembered
from atlas_tui.submit_draft import Draft, FieldProblem, defaults_of, draft_of, hints_of
from atlas_tui.submit_form import prepare, prepare_repeat, read_draft
from atlas_tui.submit_words import repeat_call, repeat_command, submit_call, submit_command
from foundations.cli.submit import submit as submit_cli
from foundations.configs import SchedulerConfig
from foundations.models import ImageBuild, JobDetail, JobSpec, JobState, Retries, Volume

CONFIG = SchedulerConfig("scheduler", Path(), "http://atlas")
SPEC = JobSpec(
    project="cats",
    command=("train.py", "--fast"),
    params={"lr": 0.1, "name": "a b", "layers": [1, 2]},
    num_gpus=1,
    ram_gb=2,
    image="mine:1",
    environment={"MODE": "full"},
    tags={"kind": "base"},
    user="someone",
)


def job(spec: JobSpec = SPEC, **more: Any) -> JobDetail:
    return JobDetail(
        job_id="45540b52-ffe2-44ab-9838-db467d3499c0",
        project=spec.project,
        user="someone",
        state=JobState.COMPLETED,
        command=list(spec.command),
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        spec=spec,
        bundle="sha256:" + "0" * 64,
        bundle_size_bytes=1,
        **more,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "digits"
    directory.mkdir()
    (directory / "main.py").write_text("print(1)\n")
    (directory / "job.config.yaml").write_text("params:\n  lr: 0.1\nnum_gpus: 2\ntags: {a: b}\n")
    return directory


def test_a_form_decides_what_the_command_line_would(project: Path) -> None:
    draft = Draft(directory=str(project), command="main.py --quick", params="lr=0.5\nname=x y")
    spec = prepare(draft, config=CONFIG).spec
    assert spec.command == ("main.py", "--quick")
    assert spec.params == {"lr": 0.5, "name": "x y"}
    assert (spec.num_gpus, spec.project, spec.tags) == (2, "digits", {"a": "b"})


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("num_gpus", "two", "'two' is not a number"),
        ("num_gpus", "-1", "-1 is neither a whole number nor a share below 1"),
        ("num_gpus", "nan", "nan is neither a whole number nor a share below 1"),
        ("num_gpus", "inf", "inf is neither a whole number nor a share below 1"),
        ("num_gpus", "2000", "Input should be less than or equal to 1024, not 2000"),
        ("cpus", "0", "Input should be greater than 0, not 0.0"),
        ("ram", "much", "'much' is not a valid float."),
        ("params", "lr", "'lr' is not KEY=VALUE"),
        ("command", "main.py 'open", "No closing quotation"),
        ("environment", "NOT_SET_ANYWHERE", "is not set here; write NAME=VALUE"),
        (
            "environment",
            "1A=x",
            "environment.1A: Should be made of the letters A-Z and",
        ),
        ("project", "a/b", "Should be without slashes, backslashes and control characters, not"),
        ("directory", "/nowhere/at/all", "does not exist"),
        ("secrets", "KEY:loud", "Input should be 'file' or 'env'"),
        ("shm", "0", "Input should be greater than 0, not 0.0"),
        ("time_limit", "soon", "write a duration such as 90s"),
        ("retries", "often", "write a number, or one for each of exit, oom and lost"),
        ("after", "abcd:ever", "`abcd:ever` is no job to come after"),
        ("at", "yesterday", "write a moment such as `in 2h`"),
        ("array", "9-0", "`9-0` ends before it begins"),
        ("unique", "\x07", "Should be at least one character, and no"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    project: Path, field: str, text: str, problem: str
) -> None:
    draft = replace(Draft(directory=str(project)), **{field: text})
    with pytest.raises(FieldProblem) as caught:
        prepare(draft, config=CONFIG)
    assert caught.value.field == field
    assert problem in caught.value.message


def test_a_broken_job_config_is_the_directory_s_fault(project: Path) -> None:
    (project / "job.config.yaml").write_text("num_gpu: 1\n")
    with pytest.raises(
        FieldProblem, match=r"line 1: unknown key `num_gpu`. Did you mean"
    ) as caught:
        defaults_of(project)
    assert caught.value.field == "directory"


def test_empty_fields_show_what_the_directory_decides(project: Path) -> None:
    defaults = defaults_of(project)
    assert defaults.params == "lr=0.1"
    assert (defaults.num_gpus, defaults.project, defaults.command) == ("2", "digits", "main.py")


def test_the_command_submits_the_same(project: Path) -> None:
    draft = Draft(
        directory=str(project),
        command="main.py 'two words'",
        params="a=1\nb=text\nc=[1, 2]",
        num_gpus="1",
        ram="1.5",
        tags="best 'why=a b'",
        environment="MODE=x",
        image="mine:1",
        project="other",
    )
    asked = read_draft(draft)
    words = shlex.split(submit_command(draft, asked, scheduler="gpu-box"))
    assert words[:4] == ["foundations", "submit", "gpu-box", str(project)]
    context = submit_cli.make_context("submit", list(words[2:]))
    given = context.params
    assert given["command"] == ("main.py", "two words")
    assert given["param_pairs"] == ("a=1", "b=text", "c=[1, 2]")
    assert given["tag_pairs"] == ("best=", "why=a b")
    assert (given["num_gpus"], given["ram_gb"], given["image"]) == (1, 1.5, "mine:1")
    assert CliRunner().invoke(submit_cli, ["--help"]).exit_code == 0
    call = submit_call(draft, asked, scheduler="gpu-box")
    assert "command=['main.py', 'two words']" in call
    assert "ram=1.5" in call
    assert "cpus" not in call


def test_a_clone_as_it_is_asks_for_the_same() -> None:
    spec = prepare_repeat(draft_of(job()), job())
    same = spec.model_copy(update={"rerun_of": None, "user": "someone"})
    assert same == SPEC
    assert spec.rerun_of == job().job_id
    command = repeat_command(spec, job(), scheduler="scheduler")
    assert command == "foundations rerun job scheduler 45540b52 --detach"


def test_a_clone_with_changes_tells_only_those() -> None:
    draft = replace(draft_of(job()), params="lr=0.2\nname=a b\nlayers=[1, 2]\nnew=1", num_gpus="4")
    spec = prepare_repeat(draft, job())
    assert spec.params == {"lr": 0.2, "name": "a b", "layers": [1, 2], "new": 1}
    assert spec.num_gpus == 4
    assert repeat_command(spec, job(), scheduler="scheduler") == (
        "foundations rerun job scheduler 45540b52 --num-gpus 4 -p lr=0.2 -p new=1 --detach"
    )
    assert repeat_call(spec, job()) == (
        "SubmittedJob(client, '45540b52').rerun(params={'lr': 0.2, 'new': 1}, "
        "changes={'num_gpus': 4})"
    )


LIMITED = Draft(
    shm="1.5",
    secrets="API_KEY HF_TOKEN:env",
    time_limit="90m",
    queue_ttl="1d12h",
    retries="exit=2,lost=1",
    retry_delay="30s",
    after="4554 array:9981:any",
    at="in 2h",
    unique="nightly",
)


def test_limits_and_terms_mean_what_they_mean_on_the_command_line(project: Path) -> None:
    draft = replace(LIMITED, directory=str(project))
    asked = read_draft(draft)
    words = shlex.split(submit_command(draft, asked, scheduler="gpu-box"))
    given = submit_cli.make_context("submit", list(words[2:])).params
    prepared = prepare(draft, config=CONFIG)
    for name in ("time_limit_seconds", "queue_ttl_seconds", "retries", "retry_delay_seconds"):
        assert given[name] == getattr(prepared.spec, name), name
    assert (prepared.spec.time_limit_seconds, prepared.spec.shm_gb) == (5400, 1.5)
    assert given["shm_gb"] == 1.5
    assert given["secret_names"] == ("API_KEY", "HF_TOKEN:env")
    assert prepared.spec.secrets == {"API_KEY": "file", "HF_TOKEN": "env"}
    assert given["after"] == ("4554", "array:9981:any")
    assert [(one.job, one.on) for one in prepared.terms.after] == [
        ("4554", "ok"),
        ("array:9981", "any"),
    ]
    assert (given["at"], given["unique_key"]) == ("in 2h", "nightly")
    call = submit_call(draft, asked, scheduler="gpu-box")
    assert "secrets=['API_KEY', 'HF_TOKEN:env']" in call
    assert "time_limit='90m', queue_ttl='1d12h', retries='exit=2,lost=1'" in call
    assert "after=['4554', 'array:9981:any'], at='in 2h', unique='nightly'" in call


@pytest.mark.parametrize(
    ("field", "text", "call"),
    [
        ("array", "0-99:10%4", "foundations.submit_array('0-99:10%4', "),
        ("cron", "0 3 * * *", "foundations.submit_schedule('0 3 * * *', "),
    ],
)
def test_many_jobs_are_asked_for_by_their_own_call(
    project: Path, field: str, text: str, call: str
) -> None:
    draft = replace(Draft(directory=str(project)), **{field: text})
    asked = read_draft(draft)
    words = shlex.split(submit_command(draft, asked, scheduler="gpu-box"))
    assert submit_cli.make_context("submit", list(words[2:])).params[field] == text
    assert submit_call(draft, asked, scheduler="gpu-box").startswith(call)


def test_what_is_about_one_job_does_not_go_with_many() -> None:
    with pytest.raises(FieldProblem, match="after does not go with cron") as caught:
        read_draft(Draft(cron="0 3 * * *", after="4554"))
    assert caught.value.field == "cron"
    with pytest.raises(FieldProblem, match="an array cannot have it") as caught:
        read_draft(Draft(array="0-9", unique="one"))
    assert caught.value.field == "unique"


def test_a_clone_keeps_and_changes_limits_but_runs_once_and_at_once() -> None:
    limited = SPEC.model_copy(
        update={"time_limit_seconds": 60, "retries": Retries(exit=2), "shm_gb": 1.0}
    )
    old = job(limited)
    assert prepare_repeat(draft_of(old), old).retries == Retries(exit=2)
    spec = prepare_repeat(replace(draft_of(old), time_limit="2h", retries="oom=1"), old)
    assert repeat_command(spec, old, scheduler="s") == (
        "foundations rerun job s 45540b52 --time-limit 2h --retries oom=1 --detach"
    )
    assert "'time_limit_seconds': 7200, 'retries': {'oom': 1}" in repeat_call(spec, old)
    assert hints_of(old).array == "not in a rerun; choose a directory for that"
    with pytest.raises(FieldProblem, match="choose a directory for that") as caught:
        prepare_repeat(replace(draft_of(old), at="in 2h"), old)
    assert caught.value.field == "at"


def test_a_job_can_be_held_and_preferred(project: Path) -> None:
    draft = Draft(directory=str(project), priority="5", hold="yes")
    prepared = prepare(draft, config=CONFIG)
    assert (prepared.spec.priority, prepared.hold) == (5, True)
    asked = read_draft(draft)
    assert "--priority 5 --hold" in submit_command(draft, asked, scheduler="s")
    assert "priority=5, hold=True" in submit_call(draft, asked, scheduler="s")
    spec = prepare_repeat(replace(draft_of(job()), priority="5"), job())
    assert "--priority 5 --hold" in repeat_command(spec, job(), scheduler="s", hold=True)
    with pytest.raises(FieldProblem, match="'perhaps' is not a valid boolean") as caught:
        read_draft(replace(draft, hold="perhaps"))
    assert caught.value.field == "hold"


def test_a_clone_into_a_directory_keeps_what_neither_form_nor_directory_says(project: Path) -> None:
    told = SPEC.model_copy(
        update={
            "image": None,
            "build": ImageBuild(dockerfile="Dockerfile"),
            "entrypoint": ("python", "-u"),
            "working_dir": "src",
            "volumes": (Volume(host="/data", bind="/data", mode="ro"),),
            "secrets": {"hub": "env"},
            "log_level": "DEBUG",
            "pull": "always",
        }
    )
    old = job(told)
    draft = replace(draft_of(old), directory=str(project))
    prepared = prepare(draft, config=CONFIG, clones=old)
    names = ("build", "entrypoint", "working_dir", "volumes", "secrets", "log_level", "pull")
    assert {name: getattr(prepared.spec, name) for name in names} == {
        name: getattr(told, name) for name in names
    }
    assert prepared.log_level == "DEBUG"
    assert any("kept from job 45540b52" in one and "volumes" in one for one in prepared.warnings)
    hints = defaults_of(project, clones=old)
    assert (hints.secrets, hints.image) == ("hub:env", "built from Dockerfile")

    (project / "job.config.yaml").write_text(
        "log_level: ERROR\nworker:\n  image: other:2\n  entrypoint: bash\n  working_dir: lib\n"
        "  volumes: {/other: {bind: /o}}\n  secrets: [own]\n  pull: missing\n"
    )
    prepared = prepare(draft, config=CONFIG, clones=old)
    assert prepared == prepare(draft, config=CONFIG)
    assert (prepared.spec.image, prepared.spec.build, prepared.log_level) == (
        "other:2",
        None,
        "ERROR",
    )
    assert defaults_of(project, clones=old).secrets == "own"


def test_a_local_run_cannot_be_repeated() -> None:
    with pytest.raises(FieldProblem, match="is a local run") as caught:
        prepare_repeat(draft_of(job()), job(local=True))
    assert caught.value.field == "directory"


def test_a_clone_cannot_lose_a_parameter() -> None:
    draft = replace(draft_of(job()), params="lr=0.1\nlayers=[1, 2]")
    with pytest.raises(FieldProblem, match="name stays as it is in a rerun") as caught:
        prepare_repeat(draft, job())
    assert caught.value.field == "params"


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,10}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT,
    lambda one: st.lists(one),
    max_leaves=4,
)


@given(
    params=st.dictionaries(NAME, JSON, max_size=4),
    tags=st.dictionaries(NAME, TEXT, max_size=3),
    words=st.lists(TEXT.filter(bool), min_size=1, max_size=4),
)
def test_every_job_survives_the_way_through_the_form(
    params: dict[str, Any], tags: dict[str, str], words: list[str]
) -> None:
    spec = SPEC.model_copy(update={"params": params, "tags": tags, "command": tuple(words)})
    again = prepare_repeat(draft_of(job(spec)), job(spec))
    assert (again.params, again.tags, again.command) == (params, tags, tuple(words))


def test_directories_with_projects_come_first(tmp_path: Path) -> None:
    for name in ("alpha", "beta", ".hidden", "project"):
        (tmp_path / name).mkdir()
    (tmp_path / "project" / "main.py").touch()
    (tmp_path / "file").touch()
    found = look(f"{tmp_path}/")
    assert [one.path.rsplit("/", 2)[1] for one in found] == ["project", "alpha", "beta"]
    assert found[0].note == "main.py"
    assert [one.path for one in look(f"{tmp_path}/.h")] == [f"{tmp_path}/.hidden/"]
    assert look(f"{tmp_path}/nowhere/") == []


def test_a_path_goes_on_as_far_as_there_is_no_choice() -> None:
    found = [Found("a/model_one/"), Found("a/model_two/")]
    assert completion("a/m", found) == "a/model_"
    assert completion("a/model_", found) is None
    assert completion("a/model_o", found) == "a/model_one/"
    assert completion("b", found) is None


def test_the_current_directory_is_meant_when_a_project_is_in_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert likely(["/other"]) == str(project)
    monkeypatch.chdir(tmp_path)
    assert likely(["/other"]) == "/other"
    assert likely([]) == ""


def test_the_latest_directory_is_the_first() -> None:
    assert remembered("b", ["a", "b", "c"]) == ("b", "a", "c")
