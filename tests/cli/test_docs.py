"""The examples of the documentation work. (What must be named there: tools/check_docs.py.)"""

from __future__ import annotations

import re
from pathlib import Path

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


def test_the_examples_of_images_are_valid(tmp_path: Path) -> None:
    text = (DOCS / "images.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml (job|server)\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 6
    for kind, block in blocks:
        (tmp_path / "example.yaml").write_text(block)
        if kind == "server":
            ServerSettings.load(tmp_path / "example.yaml")
        else:
            (tmp_path / "example.yaml").rename(tmp_path / "job.config.yaml")
            load_job_config(tmp_path)


def test_every_argument_and_method_of_a_submission_is_documented() -> None:
    text = (DOCS / "sdk.md").read_text(encoding="utf-8")
    arguments = submit.__kwdefaults__ or {}
    methods = [name for name in dir(SubmittedJob) if not name.startswith("_")]

    assert [name for name in (*arguments, *methods) if f"`{name}" not in text] == []
