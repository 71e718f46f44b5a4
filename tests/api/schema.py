"""Checks answers against the OpenAPI document: the part of JSON Schema that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN = {
    "$ref", "type", "properties", "required", "additionalProperties", "patternProperties",
    "propertyNames", "items", "anyOf", "enum", "const", "format", "pattern", "minLength",
    "maxLength", "minItems", "maxItems", "minimum", "exclusiveMinimum", "maximum",
    "title", "description", "default", "maxProperties",
}  # fmt: skip


class Contract:
    """The OpenAPI document of an application."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._routes = [
            (re.compile(re.sub(r"\{(\w+)\}", _part_of_path, path)), item)
            for path, item in document["paths"].items()
        ]

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return every operation by its id."""
        return {
            operation["operationId"]: operation
            for item in self._document["paths"].values()
            for operation in item.values()
        }

    def routes(self) -> list[tuple[str, str, str]]:
        """Return every operation: its id, its method, and its path below the API's own.

        Of one that lies elsewhere it is the whole URL.
        """
        return [
            (operation["operationId"], method.upper(), _below_the_api(path))
            for path, item in self._document["paths"].items()
            for method, operation in item.items()
        ]

    def operation_id(self, request: httpx.Request) -> str | None:
        """Return the id of the operation that a request asks for; None when there is none."""
        operation = self._operation(request)
        return None if operation is None else str(operation["operationId"])

    def check(self, answer: httpx.Response) -> None:
        """Assert that an answer (whose body is read) is one that the document allows."""
        operation = self._operation(answer.request)
        if operation is None:
            assert answer.status_code in (401, 403, 404, 405, 413)
            self._check_error(answer)
            return
        responses = operation["responses"]
        described = responses.get(str(answer.status_code), responses["default"])
        content = described.get("content", {})
        if answer.request.method == "HEAD" or answer.status_code == 204:
            assert answer.content == b""
            return
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in content, f"{kind} is not in {list(content)}"
        if kind == "application/json":
            problems = list(self.problems(answer.json(), content[kind]["schema"], "answer"))
            assert problems == []

    def problems(self, value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
        """Yield where `value` is not what `schema` says."""
        unknown = schema.keys() - _KNOWN
        assert not unknown, f"this checker does not know {unknown}"
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            yield from self.problems(value, self._document["components"]["schemas"][name], at)
            return
        if "anyOf" in schema:
            if all(list(self.problems(value, one, at)) for one in schema["anyOf"]):
                yield f"{at}: {value!r} fits nothing of {schema['anyOf']}"
            return
        if "type" in schema and not _is(value, schema["type"]):
            yield f"{at}: {value!r} is no {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is not in {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{at}: {value!r} is not {schema['const']!r}"
        yield from self._parts(value, schema, at)

    def _parts(self, value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
        if isinstance(value, dict):
            yield from self._members(value, schema, at)
        elif isinstance(value, list):
            for index, one in enumerate(value):
                yield from self.problems(one, schema.get("items", {}), f"{at}[{index}]")
        elif isinstance(value, str):
            yield from _text_problems(value, schema, at)
        elif isinstance(value, int | float):
            least, most = schema.get("minimum", value), schema.get("maximum", value)
            if not least <= value <= most:
                yield f"{at}: {value!r} is not from {least} to {most}"

    def _members(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
        if len(value) > schema.get("maxProperties", len(value)):
            yield f"{at}: {len(value)} members are more than {schema['maxProperties']}"
        yield from (f"{at}: no {name}" for name in schema.get("required", []) if name not in value)
        for name, one in value.items():
            yield from self.problems(name, schema.get("propertyNames", {}), f"{at}.{name}")
            inner = schema.get("properties", {}).get(name)
            for pattern, found in schema.get("patternProperties", {}).items():
                inner = found if inner is None and re.search(pattern, name) else inner
            inner = schema.get("additionalProperties", True) if inner is None else inner
            if inner is False:
                yield f"{at}: unknown {name}"
            elif inner is not True:
                yield from self.problems(one, inner, f"{at}.{name}")

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        for pattern, item in self._routes:
            if pattern.fullmatch(request.url.path) and request.method.lower() in item:
                found: dict[str, Any] = item[request.method.lower()]
                return found
        return None

    def _check_error(self, answer: httpx.Response) -> None:
        schema = {"$ref": "#/components/schemas/WireError"}
        assert list(self.problems(answer.json(), schema, "answer")) == []


def _below_the_api(path: str) -> str:
    below = path.removeprefix("/api/v1")
    return below if below != path else f"http://atlas{path}"


def _is(value: Any, kind: str) -> bool:
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[kind])


def _text_problems(value: str, schema: dict[str, Any], at: str) -> Iterator[str]:
    if schema.get("format") == "date-time" and not datetime.fromisoformat(value).tzinfo:
        yield f"{at}: {value!r} has no time zone"
    if not re.search(schema.get("pattern", ""), value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"


def _part_of_path(parameter: re.Match[str]) -> str:
    return r"[\s\S]+" if parameter[1] in ("key", "name", "path") else "[^/]+"
