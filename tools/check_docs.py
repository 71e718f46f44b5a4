"""Fails when the documentation lacks something that exists, or links to nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import BaseModel

import foundations
from atlas_scheduler.__main__ import cli as server_cli
from atlas_scheduler.api import create_app
from atlas_scheduler.settings import ServerSettings
from atlas_tui.command import main as atlas_cli
from atlas_tui.settings_file import SettingsFile
from foundations.cli.__main__ import cli as foundations_cli
from foundations.errors import SCHEDULER_ERRORS
from foundations.job_config import JobConfig
from tools import keys_table

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
MODULE = re.compile(r"`([\w/]+\.py)`")


def commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group that help shows, with its full name."""
    if not isinstance(group, click.Group):
        yield " ".join(path), group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield from commands(command, (*path, name))


def missing_from_cli_page(page: str) -> Iterator[str]:
    """Commands and long options that `docs/cli.md` does not name."""
    for program, group in (("foundations", foundations_cli), ("atlas-server", server_cli)):
        for name, command in commands(group, (program,)):
            if name not in page:
                yield f"docs/cli.md: `{name}`"
            for option in command.params:
                names = [one for one in option.opts if one.startswith("--")]
                hidden = isinstance(option, click.Option) and option.hidden
                if names and not hidden and not any(one in page for one in names):
                    yield f"docs/cli.md: {names[0]} of `{name}`"


def settings(model: type[BaseModel]) -> Iterator[str]:
    """Every key of a config file, sections included."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from settings(kind)


def dead_links(path: Path) -> Iterator[str]:
    """Relative links of a page whose file or heading is not there."""
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        linked = path.parent / target if target else path
        is_there = linked.exists()
        if is_there and anchor and linked.suffix == ".md":
            is_there = anchor[1:] in anchors(linked.read_text(encoding="utf-8"))
        if not is_there:
            yield f"{path.relative_to(ROOT)}: link to {target}{anchor}"


def anchors(page: str) -> set[str]:
    """What the headings of a page are called in links."""
    return {
        re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")
        for heading in HEADING.findall(page)
    }


def unknown_modules(page: str) -> Iterator[str]:
    """Modules that `ARCHITECTURE.md` names and that are not there."""
    modules = [
        "/" + path.relative_to(ROOT).as_posix()
        for folder in ("sdk", "scheduler", "atlas_tui", "worker", "tests", "tools")
        for path in (ROOT / folder).rglob("*.py")
    ]
    for name in sorted(set(MODULE.findall(page))):
        if not any(module.endswith(f"/{name}") for module in modules):
            yield f"ARCHITECTURE.md: `{name}`"


def missing_from_configuration_page(page: str) -> Iterator[str]:
    """Keys of config files that `docs/configuration.md` does not name."""
    for model in (JobConfig, ServerSettings, SettingsFile):
        for key in settings(model):
            if f"`{key}`" not in page:
                yield f"docs/configuration.md: {key} of {model.__name__}"


def missing_from_tui_page(page: str) -> Iterator[str]:
    """Options of `atlas` that `docs/tui.md` does not name, and keys that it has of old."""
    for option in atlas_cli.params:
        names = [one for one in option.opts if one.startswith("--")]
        if names and not any(f"`{one}" in page for one in names):
            yield f"docs/tui.md: {names[0]}"
    if keys_table.renew(page) != page:
        yield "docs/tui.md: the keys as they are; run python tools/keys_table.py"


def missing_from_api_page(page: str) -> Iterator[str]:
    """Routes and error codes that `docs/api.md` does not name."""
    routes = create_app(None).openapi()["paths"]  # type: ignore[arg-type]  # only described
    for name in (*routes, *SCHEDULER_ERRORS):
        if f"`{name}`" not in page:
            yield f"docs/api.md: {name}"


def missing_from_sdk_page(page: str) -> Iterator[str]:
    """Public names that `docs/sdk.md` does not have."""
    for name in foundations.__all__:
        if f"`{name}" not in page and not name.startswith("__"):
            yield f"docs/sdk.md: {name}"


def problems() -> Iterator[str]:
    """Everything that is wrong, a line each."""
    docs = ROOT / "docs"
    yield from missing_from_cli_page((docs / "cli.md").read_text(encoding="utf-8"))
    yield from missing_from_sdk_page((docs / "sdk.md").read_text(encoding="utf-8"))
    yield from missing_from_configuration_page(
        (docs / "configuration.md").read_text(encoding="utf-8")
    )
    yield from missing_from_tui_page((docs / "tui.md").read_text(encoding="utf-8"))
    yield from missing_from_api_page((docs / "api.md").read_text(encoding="utf-8"))
    yield from unknown_modules((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    for folder in (ROOT, docs, ROOT / "bench"):
        for path in folder.glob("*.md"):
            yield from dead_links(path)


def main() -> None:
    """Print the problems; exits 1 when there are any."""
    found = list(problems())
    for problem in found:
        sys.stdout.write(f"missing in {problem}\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
