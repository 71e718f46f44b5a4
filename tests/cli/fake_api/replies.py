"""What a route is, and how it answers with a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

Route = tuple[str, str, Callable[..., httpx.Response]]
"""Method, pattern of the path, and what answers."""


def json_of(model: Any, *, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=model.model_dump(mode="json"))


def json_list(models: list[Any]) -> httpx.Response:
    return httpx.Response(200, json=[model.model_dump(mode="json") for model in models])
