"""Reads the values that `submit` takes as `KEY=VALUE` and from parameter files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click


class GpuCountType(click.ParamType[float]):
    """A whole number of GPUs, or below 1 a share of one."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it; the scheduler's own rules say which numbers there can be."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)
        is_share = 0 <= number <= 1
        if not is_share and not (number > 0 and number.is_integer()):
            self.fail(f"{value} is neither a whole number nor a share below 1", param, ctx)
        return int(number) if number == int(number) else number


GPU_COUNT = GpuCountType()


def split_pair(text: str, *, option: str) -> tuple[str, str]:
    """Split `KEY=VALUE`.

    Raises:
        BadParameter: there is no key or no `=`.
    """
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint=option)
    return key, value


def read_params(file: Path | None, pairs: Iterable[str]) -> dict[str, Any]:
    """Merge a parameter file with single parameters, which win.

    A value is read as JSON where it is JSON, else as text.

    Raises:
        BadParameter: a pair or the file is not as it must be.
        ConfigError: the file is no YAML or JSON.
    """
    params = {} if file is None else _read_file(file)
    for pair in pairs:
        key, value = split_pair(pair, option="--param")
        params[key] = _value(value)
    return params


def read_environment(pairs: Iterable[str]) -> dict[str, str]:
    """Read `NAME=VALUE`, or `NAME` alone for the value that the variable has here.

    Raises:
        BadParameter: a variable that is not set is to be passed on.
    """
    environment = {}
    for pair in pairs:
        if "=" in pair:
            name, value = split_pair(pair, option="--env")
        elif pair in os.environ:
            name, value = pair, os.environ[pair]
        else:
            raise click.BadParameter(
                f"{pair} is not set here; write NAME=VALUE", param_hint="--env"
            )
        environment[name] = value
    return environment


def read_tags(pairs: Iterable[str]) -> dict[str, str]:
    """Read `KEY=VALUE`, or `KEY` alone for a tag without a value."""
    return dict(split_pair(pair, option="--tag") if "=" in pair else (pair, "") for pair in pairs)


def _read_file(file: Path) -> dict[str, Any]:
    from foundations.yaml_source import read_yaml

    # JSON is YAML, except for the tabs that it may be indented with.
    if file.suffix == ".json":
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise click.BadParameter(f"{file}: {error}", param_hint="--params") from error
    else:
        data = read_yaml(file).data or {}
    if not isinstance(data, dict):
        raise click.BadParameter(f"{file} must hold names and values", param_hint="--params")
    return data


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(text: str) -> None:
    raise ValueError(text)
