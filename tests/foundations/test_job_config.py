"""`job.config.yaml`: everything it may say, and what is said about everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundations.errors import ConfigError
from foundations.job_config import JobConfig, load_job_config, resolve_volumes
from foundations.models import Retries, Volume

FULL = """\
# Project config #
project_name: 'my-atlas-project'
log_level: INFO

# Worker config #
num_gpus: 1
ram: 4
cpus: 1.5
time_limit: 1d12h
queue_ttl: 1h
retries: {exit: 2, oom: 1}
retry_delay: 30s
entrypoint: bash -c
params:
  lr: 0.1
  layers: [1, {n: 2}]
tags:
  team: vision
  build: 1.10

worker:
  image: myCustomWorker:latest
  environment:
    OMP_NUM_THREADS: 4
    VERSION: 1.10
    DEBUG: on
    GREETING: 'hello world'
    EMPTY: ''
  volumes:
    /local/path:
      bind: /my/container/path
      mode: rw
    /data: {bind: /data, mode: ro}
  working_dir: code
  command: train.py --epochs 3
  args: [--name, "two words"]
  python: .venv/bin/python
"""

GPU_COUNT = "input should be a whole number, or a share of one GPU from 0.01 to 0.99"
PROJECT_NAME = "should be without slashes, backslashes and control characters"


def load(tmp_path: Path, text: str) -> JobConfig:
    (tmp_path / "job.config.yaml").write_text(text)
    return load_job_config(tmp_path)


def problem(tmp_path: Path, text: str) -> str:
    """The complaint about a file, without its directory."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return caught.value.message.replace(str(tmp_path / "job.config.yaml"), "FILE")


def test_everything_that_the_file_may_say(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)

    assert (config.project_name, config.log_level) == ("my-atlas-project", "INFO")
    assert (config.num_gpus, config.ram, config.cpus) == (1, 4.0, 1.5)
    assert (config.time_limit, config.queue_ttl, config.retry_delay) == (129_600, 3_600, 30)
    assert config.retries == Retries(exit=2, oom=1)
    assert config.entrypoint == ("bash", "-c")
    assert config.params == {"lr": 0.1, "layers": [1, {"n": 2}]}
    assert config.worker.image == "myCustomWorker:latest"
    assert config.worker.working_dir == "code"
    assert config.worker.python == ".venv/bin/python"
    assert config.command == ("train.py", "--epochs", "3", "--name", "two words")
    assert config.worker.volumes["/local/path"].bind == "/my/container/path"
    assert [volume.mode for volume in config.worker.volumes.values()] == ["rw", "ro"]


def test_environment_and_tags_are_taken_as_they_are_written(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)

    assert config.worker.environment == {
        "OMP_NUM_THREADS": "4",
        "VERSION": "1.10",
        "DEBUG": "on",
        "GREETING": "hello world",
        "EMPTY": "",
    }
    assert config.tags == {"team": "vision", "build": "1.10"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_an_empty_file_and_none_mean_the_defaults(tmp_path: Path, text: str) -> None:
    assert load_job_config(tmp_path) == JobConfig()
    assert load(tmp_path, text) == JobConfig()
    assert JobConfig().command == ("main.py",)


def test_arguments_alone_go_to_the_default_script(tmp_path: Path) -> None:
    assert load(tmp_path, "worker: {args: [-v]}").command == ("main.py", "-v")


def test_a_single_secret_may_be_named_alone(tmp_path: Path) -> None:
    assert load(tmp_path, "worker: {secrets: KEY:env}").worker.secrets == {"KEY": "env"}


def test_numbers_among_the_words_of_a_command_are_taken_as_they_are_written(tmp_path: Path) -> None:
    text = (
        "worker:\n  command: [train.py, --epochs, 5]\n  args: [--lr, 1e-3, --fold, 010, --amp, yes]"
    )
    words = ("train.py", "--epochs", "5", "--lr", "1e-3", "--fold", "010", "--amp", "yes")
    assert load(tmp_path, text).command == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("worker: {secrets: 3}", "`worker.secrets`: write names of secrets, such as [KEY], or"),
        ("worker: {args: [a, {b: 1}]}", "`worker.args.1`: input should be a valid string"),
        ("worker: {args: [a, null]}", "`worker.args.1` has no value"),
        ("a: 1\nnum_gpu: 1\n", "FILE, line 2: unknown key `num_gpu`. Did you mean `num_gpus`?"),
        (
            "time_limit: 90",
            "FILE, line 1: `time_limit`: write a duration such as 90s, 30m, 2h or 1d12h, not 90",
        ),
        ("queue_ttl:\n", "FILE, line 1: `queue_ttl` has no value"),
        (
            "a: 1\nretries: {exit: 2, fail: 1}",
            "FILE, line 2: `retries`: write a number, or one for each of exit, oom and lost, not "
            "{'exit': 2, 'fail': 1}",
        ),
        ("worker: {retries: 1}", "`worker.retries` belongs at the top of the file"),
        ("worker:\n  imgae: x\n", "FILE, line 2: unknown key `imgae`. Did you mean `image`?"),
        (
            "worker:\n  volumes:\n    /a:\n      bind: /b\n      mod: ro\n",
            "FILE, line 5: unknown key `mod`. Did you mean `mode`?",
        ),
        (
            "worker:\n  resources: {}\n",
            "FILE, line 2: `worker.resources` is not supported: use `num_gpus`, `ram` (GB) and "
            "`cpus` at the top",
        ),
        ("image: x\n", "FILE, line 1: `image` belongs below `worker:`"),
        ("environment: {A: b}\n", "FILE, line 1: `environment` belongs below `worker:`"),
        (
            "worker: {num_gpus: 1}\n",
            "FILE, line 1: `worker.num_gpus` belongs at the top of the file, not below `worker:`",
        ),
        ("gpus: 1\n", "FILE, line 1: `gpus` is called `num_gpus`"),
        ("num_gpus: two\n", f"`num_gpus`: {GPU_COUNT}, not 'two'"),
        ("num_gpus: true\n", f"`num_gpus`: {GPU_COUNT}, not True"),
        ("num_gpus: -1\n", "`num_gpus`: input should be greater than or equal to 0, not -1"),
        ("num_gpus: 1.5\n", f"`num_gpus`: {GPU_COUNT}, not 1.5"),
        ("num_gpus: 0.001\n", f"`num_gpus`: {GPU_COUNT}, not 0.001"),
        ("ram: 0\n", "`ram`: input should be greater than 0, not 0"),
        ("ram: 4GB\n", "`ram`: input should be a valid number, not '4GB'"),
        ("ram:\nnum_gpus: 1\nproject_name: 7\n", "FILE, line 3: `project_name`: input should be"),
        ("project_name: a/b\n", f"FILE, line 1: `project_name`: {PROJECT_NAME}, not 'a/b'"),
        ("log_level: LOUD\n", "`log_level`: input should be 'DEBUG', 'INFO'"),
        ("worker: 3\n", "FILE, line 1: `worker`: "),
        ("worker:\n", "FILE, line 1: `worker` has no value"),
        ("worker:\n  environment:\n    A:\n", "FILE, line 3: `worker.environment.A` has no value"),
        ("worker:\n  environment:\n    A: [1]\n", "FILE, line 3: `worker.environment.A`: "),
        ("worker:\n  environment:\n    a-b: 1\n", "FILE, line 3: `worker.environment.a-b`: "),
        ("worker: {volumes: {/a: /b}}\n", "FILE, line 1: `worker.volumes./a`: "),
        (
            "worker: {volumes: {/a: {bind: b}}}\n",
            "bind`: should be an absolute path, such",
        ),
        ("worker: {volumes: {/a: {bind: /b, mode: x}}}\n", "`worker.volumes./a.mode`: input"),
        ("params:\n  a: 1\n  b: .inf\n", "FILE, line 3: `params.b` is not a finite number"),
        ("worker: fast\n", "`worker`: must hold `key: value` lines, not 'fast'"),
        ("params: {1: a}\n", "FILE, line 1: `params.1`: input should be a valid string"),
        ("params: {a: 2024-01-01}\n", "`params.a`: 2024-01-01 cannot be passed on as JSON;"),
        ("entrypoint: ''\n", "FILE, line 1: `entrypoint` must not be empty"),
        (
            "entrypoint: 'sh -c \"oops'\n",
            "FILE, line 1: `entrypoint`: has a quote that is not closed",
        ),
        ("entrypoint: a\nworker: {entrypoint: b}\n", "FILE, line 1: `entrypoint` and `worker.ent"),
        ("- a\n", "FILE, line 1: must hold `key: value` lines"),
        ("just text\n", "FILE, line 1: must hold `key: value` lines"),
        ("project_name: 'x\n", "FILE, line 2, column 1: not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(tmp_path, text)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    assert problem(tmp_path, "num_gpus: x\nrma: 1\n").splitlines() == [
        f"FILE, line 1: `num_gpus`: {GPU_COUNT}, not 'x'",
        "FILE, line 2: unknown key `rma`. Did you mean `ram`? Known keys: cpus, entrypoint, "
        "log_level, num_gpus, params, priority, project_name, queue_ttl, ram, retries, "
        "retry_delay, shm, tags, time_limit, worker",
    ]


def test_log_level_may_be_written_small_and_a_command_as_one_line_or_as_words(
    tmp_path: Path,
) -> None:
    assert load(tmp_path, "log_level: warning\n").log_level == "WARNING"
    for command in ("\"a.py 'b c'\"", "[a.py, b c]"):
        assert load(tmp_path, f"worker: {{command: {command}}}\n").command == ("a.py", "b c")


def test_a_word_is_the_name_of_a_volume_that_can_only_be_read_unless_asked(tmp_path: Path) -> None:
    text = "worker: {volumes: {datasets: {bind: /d}, scratch: {bind: /s, mode: rw}}}"

    volumes = resolve_volumes(load(tmp_path, text).worker.volumes, job_dir=tmp_path)

    assert volumes == (
        Volume(host="datasets", bind="/d", mode="ro"),
        Volume(host="scratch", bind="/s", mode="rw"),
    )
    with pytest.raises(ConfigError, match=r"'-x' cannot be the name of a volume.*begins with `./`"):
        resolve_volumes(
            load(tmp_path, text.replace("datasets", "-x")).worker.volumes, job_dir=tmp_path
        )


def test_host_paths_of_volumes_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    text = "worker: {volumes: {~/d: {bind: /d}, ./rel: {bind: /r, mode: ro}, /abs: {bind: /a}}}"

    volumes = resolve_volumes(load(tmp_path, text).worker.volumes, job_dir=tmp_path)

    assert volumes == (
        Volume(host="/home/ada/d", bind="/d"),
        Volume(host=f"{tmp_path}/rel", bind="/r", mode="ro"),
        Volume(host="/abs", bind="/a"),
    )
