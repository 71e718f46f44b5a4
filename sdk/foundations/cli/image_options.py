"""Options of `submit` about the image that a job runs in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from foundations.cli.submit_values import split_pair

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--image", help="Docker image in place of the standard worker."),
    click.option(
        "--build", metavar="DOCKERFILE", help="Build the image from this file of JOB_DIR."
    ),
    click.option(
        "--build-context", metavar="DIR", help="What the Dockerfile copies from. Default: JOB_DIR."
    ),
    click.option("--build-target", metavar="STAGE", help="The stage of the Dockerfile to build."),
    click.option(
        "--build-arg",
        "build_args",
        multiple=True,
        metavar="NAME=VALUE",
        help="One ARG of the Dockerfile.",
    ),
    click.option(
        "--pull",
        type=click.Choice(["always", "missing", "never"]),
        help="When to ask a registry for the image. Default: when it is missing.",
    ),
)


def image_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_build(
    dockerfile: str | None, *, context: str | None, target: str | None, args: tuple[str, ...]
) -> dict[str, Any] | None:
    """Say what is asked for of a build; None when nothing is.

    Raises:
        BadParameter: an argument is not NAME=VALUE.
    """
    pairs = dict(split_pair(pair, option="--build-arg") for pair in args)
    asked = {"dockerfile": dockerfile, "context": context, "target": target, "args": pairs or None}
    given = {name: value for name, value in asked.items() if value is not None}
    return given or None
