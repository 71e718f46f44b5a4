"""Which images a Dockerfile builds on: they are got as the images of jobs are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_ESCAPE = re.compile(r"^#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:[-+])([^{}]*))?\})")
_COPY_FROM = re.compile(r"--from=(\S+)")
_SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class Bases:
    """The images that a Dockerfile names."""

    names: tuple[str, ...] = ()
    """Each once, in the order in which they are named."""
    last: str | None = None
    """What the stage that is built stands on; None is nothing."""


def read_bases(text: str, *, args: Mapping[str, str], target: str | None) -> Bases:
    """Read the images that a build needs. What is wrong with the file, Docker tells better.

    Args:
        text: the Dockerfile.
        args: values of its `ARG`s.
        target: the stage that is built; None is the last.
    """
    reader = _Reader(args)
    for word, rest in _instructions(text):
        if word == "FROM" and reader.knows(target):
            break
        reader.read(word, rest)
    return Bases(tuple(reader.names), reader.last)


class _Reader:
    """What is known after some of a Dockerfile's instructions."""

    def __init__(self, args: Mapping[str, str]) -> None:
        self.names: dict[str, None] = {}
        self.last: str | None = None
        self._args = args
        self._defaults: dict[str, str] = {}
        self._stages: dict[str, str | None] = {}
        """What each stage stands on, by its number and its name."""
        self._count = 0

    def knows(self, stage: str | None) -> bool:
        """Whether a stage has begun already."""
        return stage is not None and stage.lower() in self._stages

    def read(self, word: str, rest: str) -> None:
        """Take the next instruction."""
        if word == "ARG" and not self._count:
            self._read_arg(rest)
        elif word == "FROM":
            self._read_from(rest)
        elif word == "COPY":
            for image in _COPY_FROM.findall(rest):
                self._note(image)

    def _read_arg(self, rest: str) -> None:
        name, given, value = rest.partition("=")
        if given or name in self._args:
            default = _replaced(_unquoted(value), self._defaults)
            self._defaults[name] = self._args.get(name, default)

    def _read_from(self, rest: str) -> None:
        image, stage = _from(_replaced(rest, self._defaults))
        self.last = self._note(image)
        self._stages[str(self._count)] = self.last
        if stage is not None:
            self._stages[stage.lower()] = self.last
        self._count += 1

    def _note(self, image: str) -> str | None:
        """Note what is built on; return the image that it comes to."""
        if image.lower() in self._stages:
            return self._stages[image.lower()]
        if image in ("", _SCRATCH) or "$" in image:
            return None
        self.names[image] = None
        return image


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Give each instruction and what follows it, lines that go on joined, comments left out."""
    for line in _joined(text.splitlines()):
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), rest.strip()


def _joined(lines: Iterable[str]) -> Iterator[str]:
    escape, is_start, held = "\\", True, ""
    for line in lines:
        directive = _ESCAPE.match(line) if is_start else None
        if directive is not None:
            escape = directive[1]
        is_start = is_start and line.lstrip().startswith("#")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        line = line.rstrip()
        if line.endswith(escape):
            held += line[:-1] + " "
            continue
        yield (held + line).replace("\t", " ")
        held = ""
    if held.strip():
        yield held


def _from(rest: str) -> tuple[str, str | None]:
    words = [word for word in rest.split() if not word.startswith("--")]
    match words:
        case [image, keyword, stage] if keyword.lower() == "as":
            return image, stage
        case [image, *_]:
            return image, None
    return "", None


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _replaced(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        plain, name, operator, word = found.groups()
        known = values.get(plain or name, "")
        if operator == ":-":
            return known or word
        if operator == ":+":
            return word if known else ""
        return known

    return _VARIABLE.sub(value, text)
