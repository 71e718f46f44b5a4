"""How the command line is put together: late imports, and one place that turns errors into text."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import click

from foundations.cli.entry import INTERRUPTED
from foundations.cli.other_words import OF_OTHER_PROGRAMS
from foundations.errors import AtlasError, NotAuthorised
from foundations.text.terminal import clean

JOB_NOT_COMPLETED = 3
"""Exit code when the command worked and the job itself did not complete."""
SCHEDULER_ASKED = "foundations.scheduler"
"""Where the context of a command has the name of the config whose scheduler it asked."""


class CommandFailed(click.ClickException):
    """Ends a command with `Error: …` on standard error and exit code 1."""

    def format_message(self) -> str:
        """Return the text, safe for a terminal."""
        return clean(self.message)


class LateGroup(click.Group):
    """A group that loads a command only when it is run or asked for its help."""

    def __init__(self, *args: Any, late: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        """Take commands by name: where each is (`module:name`), and its short help."""
        super().__init__(*args, **kwargs)
        self._late = late

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in self._late:
            return None
        module, _, name = self._late[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments, or say which one was probably meant."""
        name = args[0]
        if name not in self._late and not name.startswith("-") and not ctx.resilient_parsing:
            meant = OF_OTHER_PROGRAMS.get(name) or _nearest(name, self._late)
            ctx.fail(f"No such command '{name}'.{_guess(meant)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in self._late.items()])


class RootGroup(LateGroup):
    """The top of the command line, where every error arrives."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with `--debug` errors pass through with their traceback."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(INTERRUPTED)
        except AtlasError as error:
            if ctx.params.get("debug"):
                raise
            raise CommandFailed("\n".join((told(error), *_way_in(ctx, error)))) from error
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads any more
        except OSError as error:
            if ctx.params.get("debug"):
                raise
            raise CommandFailed(_explain(error)) from error


class VerbGroup(click.Group):
    """What stands behind a verb; who leaves the noun out is told which ones there are."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments, or say what stands behind the verb."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            from foundations.configs import DEFAULT_NAME

            known = {noun: f"{ctx.info_name} {noun}" for noun in self.list_commands(ctx)}
            listed = ", ".join(f"'{words}'" for words in known.values())
            fault = f"'{name}' is {'not' if len(known) == 1 else 'none of'} {listed}."
            # The scheduler's name comes next, so it is a noun left out, and no noun misspelt.
            near = None if name == DEFAULT_NAME else _nearest(name, known)
            ctx.fail(fault + _guess(known[near] if near else None))
        return super().resolve_command(ctx, args)


class NounGroup(click.Group):
    """A verb's group that takes a missing noun for its only one: `stop SCHEDULER ID`."""

    def __init__(self, *args: Any, default_noun: str, **kwargs: Any) -> None:
        """Run `default_noun` when the first argument is no noun."""
        super().__init__(*args, **kwargs)
        self._default_noun = default_noun

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments, the default one when they name none."""
        if args and args[0] not in self.commands:
            args = [self._default_noun, *args]
        return super().resolve_command(ctx, args)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def _guess(meant: str | None) -> str:
    return f" Did you mean '{meant}'?" if meant else ""


def told(error: AtlasError) -> str:
    """The text of an error for a person: its message, and a line for each of its notes."""
    return "\n".join((error.message, *notes_of(error)))


def notes_of(error: AtlasError) -> tuple[str, ...]:
    """What an error says beside its message, such as what to do."""
    return tuple(getattr(error, "__notes__", ()))


def _way_in(ctx: click.Context, error: AtlasError) -> tuple[str, ...]:
    """How to sign in at the scheduler that was asked, which does not know its own name here."""
    name = ctx.meta.get(SCHEDULER_ASKED)
    if name is None or not isinstance(error, NotAuthorised):
        return ()
    return (f"To sign in: foundations login {name}",)


def _explain(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what
