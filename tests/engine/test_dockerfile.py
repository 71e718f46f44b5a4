"""Which images a Dockerfile builds on, and what a build of it may see."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from atlas_scheduler.engine.build_context import BuildContext
from atlas_scheduler.engine.dockerfile import Bases, read_bases
from atlas_scheduler.engine.port import StartRefusedError
from foundations.models import ImageBuild

TWO_STAGES = """\
# syntax=docker/dockerfile:1
ARG BASE=python:3.11-slim
ARG TAG="1.2"
FROM --platform=linux/amd64 ${BASE} AS Tools
RUN echo FROM not-an-image
FROM tools AS small
COPY --from=busybox:1 /bin/busybox /bin/
COPY --from=tools /x /x
COPY --from=0 /y /y
FROM registry.lab:5000/own:$TAG
"""


def bases(text: str, args: Mapping[str, str] | None = None, target: str | None = None) -> Bases:
    return read_bases(text, args=args or {}, target=target)


def test_each_image_that_is_named_is_found_once_and_stages_are_none() -> None:
    found = bases(TWO_STAGES)
    assert found.names == ("python:3.11-slim", "busybox:1", "registry.lab:5000/own:1.2")
    assert found.last == "registry.lab:5000/own:1.2"


def test_arguments_replace_defaults_and_a_target_ends_the_search() -> None:
    found = bases(TWO_STAGES, {"BASE": "atlas-base:bookworm"}, target="small")
    assert found == Bases(("atlas-base:bookworm", "busybox:1"), "atlas-base:bookworm")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM scratch\nADD x /", Bases()),
        ("from alpine\n", Bases(("alpine",), "alpine")),
        ("FROM \\\n  alpine \\\n  as x\n", Bases(("alpine",), "alpine")),
        ("# escape=`\nFROM `\n alpine\n", Bases(("alpine",), "alpine")),
        ("ARG B\nFROM ${B:-alpine}\n", Bases(("alpine",), "alpine")),
        ("ARG B=1\nFROM alpine:${B:+edge}\n", Bases(("alpine:edge",), "alpine:edge")),
        ("FROM $NONE\n", Bases()),
        ("", Bases()),
        ("FROM\n", Bases()),
    ],
)
def test_what_docker_reads_is_read(text: str, found: Bases) -> None:
    assert bases(text) == found


# -- the context


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "job_source"
    (source / "data").mkdir(parents=True)
    (source / "Dockerfile").write_text("FROM scratch\n")
    (source / "main.py").write_text("print(1)\n")
    (source / "data" / "large").write_text("x" * 1000)
    return source


def context(source: Path, **build: str) -> BuildContext:
    return BuildContext.find(ImageBuild.model_validate(build), source)


def names(found: BuildContext) -> list[str]:
    packed = io.BytesIO()
    found.pack(packed)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as tar:
        return tar.getnames()


def test_a_context_is_named_by_its_content_and_not_by_time_or_place(source: Path) -> None:
    before = context(source).digest()
    (source / "main.py").touch()
    (source / "foundations_job_parameters.json").write_text('{"lr": 0.1}')
    assert context(source.rename(source.parent / "other")).digest() == before
    (source.parent / "other" / "main.py").write_text("print(2)\n")
    assert context(source.parent / "other").digest() != before


def test_what_dockerignore_names_is_not_seen_except_for_the_dockerfile(source: Path) -> None:
    (source / ".dockerignore").write_text("# large\ndata\n*.py\n!main.py\nDockerfile\n")
    (source / "other.py").touch()
    assert names(context(source)) == [".dockerignore", "Dockerfile", "main.py"]
    before = context(source).digest()
    (source / "data" / "large").write_text("y")
    (source / "other.py").write_text("y")
    assert context(source).digest() == before


def test_a_dockerfile_outside_its_context_goes_along(source: Path) -> None:
    found = context(source, context="data")
    assert names(found) == ["large", found.name]


def test_a_link_is_packed_as_a_link_and_leads_nowhere(source: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (source / "link").symlink_to("../secret")
    packed = io.BytesIO()
    context(source).pack(packed)
    assert b"secret" not in packed.getvalue().replace(b"../secret", b"")
    (source / "Dockerfile").unlink()
    (source / "Dockerfile").symlink_to("../secret")
    with pytest.raises(StartRefusedError, match="'Dockerfile' goes through a link"):
        context(source)
    (source / "out").symlink_to("..")
    with pytest.raises(StartRefusedError, match="'out/job_source' goes through a link"):
        context(source, context="out/job_source")


def test_what_was_not_submitted_is_named_with_what_to_look_at(source: Path) -> None:
    with pytest.raises(StartRefusedError, match=r"no file 'docker/Dockerfile'.*foundationsignore"):
        context(source, dockerfile="docker/Dockerfile")
    with pytest.raises(StartRefusedError, match="no directory 'none'"):
        context(source, context="none")


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", "a\0b"])
def test_a_path_out_of_the_project_is_refused_at_submit(path: str) -> None:
    with pytest.raises(ValueError, match=r"inside the project|other control characters"):
        ImageBuild(dockerfile=path)
