"""Which image a job runs in: what `job.config.yaml` says of it, and what is asked for instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from foundations.errors import ConfigError
from foundations.image_config import decide_image
from foundations.job_config import load_job_config
from foundations.models import ImageBuild, JobSpec
from foundations.text.builds import build_text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docker").mkdir()
    (tmp_path / "Dockerfile").touch()
    (tmp_path / "docker" / "train").touch()
    return tmp_path


def decide(
    project: Path,
    worker: str = "{}",
    *,
    image: str | None = None,
    build: str | Mapping[str, Any] | None = None,
) -> tuple[str | None, ImageBuild | None]:
    (project / "job.config.yaml").write_text(f"worker: {worker}\n")
    configured = load_job_config(project).worker.image
    return decide_image(configured, image=image, build=build, directory=project)


FULL = "{image: {build: {dockerfile: ./docker/train, context: docker, args: {V: 1.10}, target: x}}}"


def test_a_dockerfile_alone_and_all_that_can_be_said_are_read(project: Path) -> None:
    assert decide(project) == (None, None)
    assert decide(project, "{image: a:1}") == ("a:1", None)
    assert decide(project, "{image: {build: ./Dockerfile}}") == (None, ImageBuild())
    full = ImageBuild(dockerfile="docker/train", context="docker", args={"V": "1.10"}, target="x")
    assert decide(project, FULL) == (None, full)
    assert build_text(full) == "docker/train, context docker, target x, V=1.10"


def test_what_is_asked_for_wins_and_arguments_are_added(project: Path) -> None:
    assert decide(project, FULL, image="a:1") == ("a:1", None)
    assert decide(project, "{image: a:1}", build="Dockerfile") == (None, ImageBuild())
    assert decide(project, FULL, build={"args": {"W": "2"}, "context": "."}) == (
        None,
        ImageBuild(dockerfile="docker/train", args={"V": "1.10", "W": "2"}, target="x"),
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"image": "a:1", "build": "Dockerfile"}, "not both"),
        ({"build": "none"}, "has no file none"),
        ({"build": {"context": "none"}}, "has no directory none"),
        ({"build": {"target": "a b"}}, "build: target: Should be made of letters"),
        ({"build": {"file": "x"}}, "build: file: Extra inputs"),
        ({"build": "../Dockerfile"}, "stays inside the project"),
    ],
)
def test_what_cannot_be_built_is_said_before_anything_is_sent(
    project: Path, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        decide(project, **asked)


@pytest.mark.parametrize(
    ("worker", "words"),
    [
        ("{image: {build: {arg: {}}}}", "line 1: unknown key `arg`. Did you mean `args`?"),
        ("{image: {bild: x}}", "unknown key `bild`. Did you mean `build`?"),
        ("{build: Dockerfile}", "`worker.build` belongs below `image`"),
        ("{image: {build: /Dockerfile}}", "stays inside the project, not '/Dockerfile'"),
        ("{pull: often}", "`worker.pull`: input should be 'always', 'missing' or 'never'"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(
    project: Path, worker: str, words: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        decide(project, worker)
    assert words in str(refusal.value)


def test_a_spec_has_one_image(project: Path) -> None:
    with pytest.raises(ValueError, match="not both"):
        JobSpec(project="p", image="a:1", build=ImageBuild())
