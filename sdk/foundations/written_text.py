"""What stands as words in a `job.config.yaml`, as written: `1.10`, which YAML reads as 1.1."""

from __future__ import annotations

from typing import Any

from foundations.yaml_source import YamlSource


def with_written_text(source: YamlSource) -> dict[str, Any]:
    """Copy what the file says, with variables, tags and words of commands as they are written."""
    data: dict[str, Any] = dict(source.data)
    _keep_written(source, data, ("tags",))
    if isinstance(data.get("worker"), dict):
        data["worker"] = dict(data["worker"])
        _keep_written(source, data["worker"], ("worker", "environment"))
        _keep_build_args(source, data["worker"])
        for key in ("command", "args"):
            _keep_written_words(source, data["worker"], ("worker", key))
    return data


def _keep_build_args(source: YamlSource, worker: dict[str, Any]) -> None:
    image = worker.get("image")
    build = image.get("build") if isinstance(image, dict) else None
    if isinstance(image, dict) and isinstance(build, dict):
        kept = dict(build)
        _keep_written(source, kept, ("worker", "image", "build", "args"))
        worker["image"] = {**image, "build": kept}


def _keep_written(source: YamlSource, section: dict[str, Any], location: tuple[str, ...]) -> None:
    values = section.get(location[-1])
    if isinstance(values, dict):
        section[location[-1]] = {
            key: source.raw.get((*location, str(key)), value) if value is not None else None
            for key, value in values.items()
        }


def _keep_written_words(
    source: YamlSource, section: dict[str, Any], location: tuple[str, ...]
) -> None:
    words = section.get(location[-1])
    if isinstance(words, list):
        section[location[-1]] = [
            source.raw.get((*location, str(place)), word) if word is not None else None
            for place, word in enumerate(words)
        ]
