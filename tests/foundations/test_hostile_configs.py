"""`job.config.yaml` that asks for more than a container: refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from foundations.errors import ConfigError
from foundations.job_config import load_job_config
from tests.hostile_configs import DOCKER_OPTIONS

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
DOCUMENTS = {
    "runs a program": "params: !!python/object/apply:os.system ['id']",
    "makes an object": "params: !!python/object:builtins.dict {}",
    "imports a module": "params: !!python/module:os ''",
    "names a tag of its own": "params: !secret KEY",
    "grows without end": BOMB,
    "contains itself": "params: &a {b: *a}",
    "is deep": "params: " + "[" * 3000 + "]" * 3000,
    "says a thing twice": "ram: 1\nram: 2",
    "is a list": "- ram: 1",
    "is two documents": "ram: 1\n---\nram: 2",
    "is no YAML": "worker: {",
    "has a control character": 'project_name: "a\x01b"',
    "is no text": 'project_name: "\\0"',
    "has no number": "params: {lr: .nan}",
    "is endless": "cpus: .inf",
}


@pytest.mark.parametrize("option", DOCKER_OPTIONS)
def test_no_option_of_docker_is_known(tmp_path: Path, option: str) -> None:
    for document in (
        {option: DOCKER_OPTIONS[option]},
        {"worker": {option: DOCKER_OPTIONS[option]}},
    ):
        text = yaml.safe_dump(document)
        (tmp_path / "job.config.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=option):
            load_job_config(tmp_path)


@pytest.mark.parametrize("what", DOCUMENTS)
def test_what_is_no_plain_description_is_refused(tmp_path: Path, what: str) -> None:
    (tmp_path / "job.config.yaml").write_text(DOCUMENTS[what], encoding="utf-8")
    with pytest.raises(ConfigError, match=r"job\.config\.yaml"):
        load_job_config(tmp_path)
