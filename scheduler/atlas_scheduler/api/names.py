"""Lets the last part of a path be any text: `{key:name}` takes slashes and line breaks too."""

from __future__ import annotations

from typing import ClassVar

from starlette.convertors import PathConvertor, register_url_convertor


class _Name(PathConvertor):
    # The pattern of `path` stops at a line break.
    regex: ClassVar[str] = r"[\s\S]*"


def accept_any_name() -> None:
    """Make `name` known to routes; to be called before they are declared."""
    register_url_convertor("name", _Name())
