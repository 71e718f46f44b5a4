"""Which of `submit`'s words are its own options, and which belong to the script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click

from foundations.cli.scheduler_argument import default_scheduler, is_scheduler

OWN_ARGUMENTS = 2
"""SCHEDULER and JOB_DIR; what comes after them is the command."""
_STREAM = "--stream-job-logs"
_STREAM_OR_NOT = {"true": _STREAM, "false": "--no-stream-job-logs"}


class SubmitCommand(click.Command):
    """A command whose options end where the script begins."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line; words after the script are taken as they are."""
        takes_value = {
            name: not option.is_flag
            for option in self.get_params(ctx)
            if isinstance(option, click.Option)
            for name in (*option.opts, *option.secondary_opts)
        }
        words = separate_command(args, takes_value=takes_value, is_directory=is_job_dir)
        return super().parse_args(ctx, words)


def is_job_dir(word: str, others: Iterable[str]) -> bool:
    """Tell whether SCHEDULER was left out before this word: it is a directory's, and no config's.

    `./NAME` is always a directory.
    """
    looks_like_path = "/" in word or word in (".", "..")
    if not looks_like_path and not Path(word).is_dir():
        return False
    return not is_scheduler(word, others)


def separate_command(
    args: list[str],
    *,
    takes_value: Mapping[str, bool],
    is_directory: Callable[[str, Iterable[str]], bool],
) -> list[str]:
    """Put `--` before the command, so that its options are left alone.

    Args:
        args: the words after `submit`.
        takes_value: the known options, and whether the next word is their value.
        is_directory: whether the first word, which the others follow, is JOB_DIR already: then the
            default scheduler is put before it.
    """
    words = deque(args)
    own: list[str] = []
    positional = 0
    while words:
        word = words.popleft()
        if word == "--":
            return [*own, "--", *words]
        if word.startswith("-") and word != "-":
            own += _option(word, words, takes_value)
            continue
        if positional == 0 and is_directory(word, words):
            own.append(default_scheduler())
            positional = 1
        if positional == OWN_ARGUMENTS:
            return [*own, "--", word, *words]
        own.append(word)
        positional += 1
    return own


def _option(word: str, words: deque[str], takes_value: Mapping[str, bool]) -> list[str]:
    """Take an option's value from the words, if it has one."""
    name, separator, value = word.partition("=")
    if name == _STREAM:
        return [_stream_option(value if separator else None, words)]
    if not separator and takes_value.get(word, False) and words:
        return [word, words.popleft()]
    return [word]


def _stream_option(value: str | None, words: deque[str]) -> str:
    """Read the original's `--stream-job-logs True` as well as the plain flag."""
    if value is None and words and words[0].lower() in _STREAM_OR_NOT:
        value = words.popleft()
    if value is None:
        return _STREAM
    if value.lower() not in _STREAM_OR_NOT:
        raise click.UsageError(f"{_STREAM} is True or False, not {value}.")
    return _STREAM_OR_NOT[value.lower()]
