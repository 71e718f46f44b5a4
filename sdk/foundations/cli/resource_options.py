"""The options that say what of the machine a job gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from foundations.cli.submit_values import GPU_COUNT

F = TypeVar("F", bound=Callable[..., Any])


class _Gigabytes(click.ParamType[float]):
    """A number of GB (10^9 bytes), without a unit."""

    name = "gb"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it, or tell what it should look like."""
        try:
            return float(value)
        except ValueError:
            self.fail(f"write a number of GB, such as 16 or 0.5, not {value!r}.", param, ctx)


_GIGABYTES = _Gigabytes()


def resource_options(function: F) -> F:
    """Offer them; they are given by the names that they have in a job's spec."""
    options = [
        click.option("--num-gpus", type=GPU_COUNT, help="GPUs for the job alone, or 0.25 of one."),
        click.option("--ram", "ram_gb", type=_GIGABYTES, help="Memory limit in GB."),
        click.option("--cpus", type=float, help="Processors."),
        click.option("--shm", "shm_gb", type=_GIGABYTES, help="Size of /dev/shm in GB."),
    ]
    for option in reversed(options):
        function = option(function)
    return function
