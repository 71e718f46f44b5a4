"""The examples of the documentation work. (What must be named there: tools/check_docs.py.)"""

from __future__ import annotations

import re
from pathlib import Path

from atlas_scheduler.settings import ServerSettings
from foundations import configs
from foundations.home import Home
from foundations.job_config import load_job_config
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


def test_every_argument_and_method_of_a_submission_is_documented() -> None:
    text = (DOCS / "sdk.md").read_text(encoding="utf-8")
    arguments = submit.__kwdefaults__ or {}
    methods = [name for name in vars(SubmittedJob) if not name.startswith("_")]

    assert [name for name in (*arguments, *methods) if f"`{name}" not in text] == []
