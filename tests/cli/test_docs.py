"""The examples of the documentation work. (What must be named there: tools/check_docs.py.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas_scheduler.core.filters import parse
from atlas_scheduler.core.offered_volumes import name_refusal
from atlas_scheduler.settings import ServerSettings
from foundations import configs
from foundations.home import Home
from foundations.job_config import load_job_config, resolve_volumes
from foundations.models import Role
from foundations.submission import submit
from foundations.submitted_job import SubmittedJob

DOCS = Path(__file__).parents[2] / "docs"


def example(kind: str) -> str:
    """The YAML block of configuration.md that is marked with a kind."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```yaml {kind}\n(.*?)```", text, re.DOTALL)
    return str(block)


def blocks(*kinds: str) -> list[tuple[str, str]]:
    """The blocks of these kinds of all pages, each with its kind."""
    pages = [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return [
        one for one in re.findall(r"```([a-z ]+)\n(.*?)```", text, re.DOTALL) if one[0] in kinds
    ]


def test_the_example_of_a_job_config_is_valid(tmp_path: Path) -> None:
    (tmp_path / "job.config.yaml").write_text(example("job"))

    config = load_job_config(tmp_path)

    assert config.worker.volumes["/local/path"].bind == "/my/container/path"


def test_the_example_of_a_scheduler_config_is_valid(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_dir.mkdir(parents=True)
    path = home.config_dir / "lab.config.yaml"
    path.write_text(example("scheduler"))
    path.chmod(0o600)

    assert configs.load("lab", home=home).note is None


def test_the_example_of_server_settings_is_valid(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(example("server"))

    assert ServerSettings.load(tmp_path / "server.yaml").docker.network == "host"


def test_the_example_of_retention_is_valid(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(example("retention"))

    retention = ServerSettings.load(tmp_path / "server.yaml").retention
    assert (retention.keep_days, retention.projects["smoke-tests"].keep_last) == (90, 20)
    assert retention.keep_tags == ("keep", "promoted", "paper")


def test_the_examples_of_volumes_are_valid(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(example("offered"))
    (tmp_path / "job.config.yaml").write_text(example("named"))

    offered = ServerSettings.load(tmp_path / "server.yaml").offered_volumes()
    assert (offered["datasets"].mode, offered["scratch"].mode) == ("ro", "rw")
    assert offered["faces"].users == {"ada", "grace"}
    volumes = load_job_config(tmp_path).worker.volumes
    assert (
        name_refusal(
            resolve_volumes(volumes, job_dir=tmp_path), offered, user="bob", role=Role.SUBMIT
        )
        is None
    )


@pytest.mark.parametrize(("kind", "block"), blocks("yaml job", "yaml server"))
def test_every_example_of_a_file_is_valid(tmp_path: Path, kind: str, block: str) -> None:
    name = "job.config.yaml" if kind == "yaml job" else "server.yaml"
    (tmp_path / name).write_text(block)

    if kind == "yaml job":
        load_job_config(tmp_path)
    else:
        ServerSettings.load(tmp_path / name)


@pytest.mark.parametrize(("kind", "block"), blocks("python"))
def test_every_example_of_a_program_is_python(kind: str, block: str) -> None:
    compile(block, kind, "exec")


def test_every_example_of_a_filter_is_one() -> None:
    text = (DOCS / "filters.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| filter \| takes \|\n.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    examples = re.findall(r"^\| `(.+?)` \|", "".join(tables), re.MULTILINE)

    assert len(examples) > 20
    for example in examples:
        parse(example.replace(r"\|", "|"))


def test_every_argument_and_method_of_a_submission_is_documented() -> None:
    text = (DOCS / "sdk.md").read_text(encoding="utf-8")
    arguments = submit.__kwdefaults__ or {}
    methods = [name for name in dir(SubmittedJob) if not name.startswith("_")]

    assert [name for name in (*arguments, *methods) if f"`{name}" not in text] == []
