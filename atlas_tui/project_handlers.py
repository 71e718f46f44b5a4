"""What is set about projects: what they are about, what they keep, how many of their jobs run."""

from __future__ import annotations

from collections.abc import Callable

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.handlers import Desk, performs
from atlas_tui.messages import Choice, Prompt, Said
from foundations.models import ProjectView, RetentionRule, RetentionView
from foundations.text.quantities import counted

_ALL, _DEFAULT = "all", "default"
_FORM = "write such as: last 100 and 30 days; or all, or default"
MOST_RUNNING = 10_000


@performs("describe_project")
async def describe_project(desk: Desk, selection: Selection) -> None:
    """Say what a project is about."""
    project = await _pick(desk, selection, lambda one: one.description.partition("\n")[0])
    if project is None:
        return
    # A line cannot hold more than one; a long description is written on the command line.
    if "\n" in project.description.strip():
        command = _command(desk, "describe_project", project, TEXT="-")
        desk.say(Said("It has several lines, which a line here would lose.", "bad", command))
        return
    text = await desk.ask(
        Prompt(f"What project {project.name} is about", project.description.strip(), "Markdown")
    )
    if text is not None:
        await desk.client.describe_project(project.name, text.strip())
        command = _command(desk, "describe_project", project, TEXT=text.strip())
        desk.say(Said(f"Described project {project.name}", "good", command))


@performs("retention")
async def retention(desk: Desk, selection: Selection) -> None:
    """Set what a project keeps of its jobs."""
    project = await _pick(desk, selection, lambda one: f"keeps {kept(one.retention)}")
    if project is None:
        return
    rule = project.retention
    own = "" if rule is None or rule.set_by != "project" else rule_text(rule)
    typed = await desk.ask(
        Prompt(
            f"What project {project.name} keeps of its jobs",
            own,
            "last 100, 30 days, last 100 and 30 days, all, default",
            "A job goes when no part keeps it; default is what server.yaml says.",
            _no_rule,
        )
    )
    if not typed:
        return
    wanted = read_rule(typed)
    changed = await desk.client.set_retention(project.name, wanted)
    command = BY_NAME["retention"].command(
        scheduler=desk.board.scheduler, words={"PROJECT": project.name}
    )
    command = command.replace("--keep-last N", " ".join(_options(wanted)))
    desk.say(Said(f"Project {project.name} keeps {kept(changed.retention)}", "good", command))


@performs("limit_project")
async def limit_project(desk: Desk, selection: Selection) -> None:
    """Set how many jobs of a project run at once."""
    settings = await desk.client.queue_settings()
    limits = settings.project_limits
    project = await _pick(desk, selection, lambda one: _limit(limits.get(one.name)))
    if project is None:
        return
    typed = await desk.ask(
        Prompt(
            f"Jobs of project {project.name} that may run at once",
            str(limits.get(project.name, "")),
            hint="0 takes the limit away.",
            problem=_no_limit,
        )
    )
    if typed:
        await desk.client.set_queue_settings(project_limits={project.name: int(typed)})
        command = _command(desk, "limit_project", project, NUMBER=typed)
        said = f"Project {project.name}: {_limit(int(typed) or None)}"
        desk.say(Said(said, "good", command))


def read_rule(text: str) -> RetentionRule | None:
    """Read `last 100`, `30 days`, both with `and` between them, `all`; or `default`, as None.

    Raises:
        ValueError: it is none of these; the text says what is.
    """
    try:
        return _rule(text)
    except ValueError as error:
        raise ValueError(_FORM) from error


def _rule(text: str) -> RetentionRule | None:
    words = text.replace(",", " ").lower().split()
    if words == [_DEFAULT]:
        return None
    if words == [_ALL]:
        return RetentionRule()
    keep_last, keep_days = None, None
    rest = [word for word in words if word != "and"]
    while rest:
        match rest[:2]:
            case ["last", number] if keep_last is None:
                keep_last = int(number)
            case [number, "day" | "days"] if keep_days is None:
                keep_days = float(number)
            case _:
                raise ValueError(text)
        rest = rest[2:]
    if keep_last is None and keep_days is None:
        raise ValueError(text)
    return RetentionRule(keep_last=keep_last, keep_days=keep_days)


def rule_text(rule: RetentionView | RetentionRule) -> str:
    """A rule as `read_rule` reads it back."""
    parts = [] if rule.keep_last is None else [f"last {rule.keep_last}"]
    if rule.keep_days is not None:
        parts.append(f"{rule.keep_days:g} days")
    return " and ".join(parts) or _ALL


def kept(rule: RetentionView | None) -> str:
    """Say what a project keeps of its jobs."""
    if rule is None:
        return _ALL
    by = " (server.yaml)" if rule.set_by == "server.yaml" else ""
    return f"{rule_text(rule)}{by}"


async def _pick(
    desk: Desk, selection: Selection, note: Callable[[ProjectView], str]
) -> ProjectView | None:
    """Ask for a project, the one that the list or the chosen job is of first."""
    found = await desk.client.projects()
    first = [selection.project, *(job.project for job in selection.jobs)]
    found.sort(key=lambda one: first.index(one.name) if one.name in first else len(first))
    if not found:
        desk.say(Said("There is no project yet.", "bad"))
        return None
    choices = [Choice(one.name, one.name, f"{counted(one.jobs)}, {note(one)}") for one in found]
    picked = await desk.choose("Project", choices)
    return next((one for one in found if one.name == picked), None)


def _command(desk: Desk, name: str, project: ProjectView, **words: str) -> str:
    return BY_NAME[name].command(
        scheduler=desk.board.scheduler, words={"PROJECT": project.name, **words}
    )


def _options(rule: RetentionRule | None) -> list[str]:
    if rule is None:
        return ["--default"]
    words = [] if rule.keep_last is None else ["--keep-last", str(rule.keep_last)]
    words += [] if rule.keep_days is None else ["--keep-days", f"{rule.keep_days:g}"]
    return words or ["--keep-all"]


def _limit(count: int | None) -> str:
    return "no limit of its own" if count is None else f"at most {count} run at once"


def _no_rule(text: str) -> str | None:
    if not text.strip():
        return None
    try:
        read_rule(text)
    except ValueError as error:
        return str(error)
    return None


def _no_limit(text: str) -> str | None:
    if not text.strip() or (text.isdecimal() and int(text) <= MOST_RUNNING):
        return None
    return f"a number from 0 to {MOST_RUNNING}"
