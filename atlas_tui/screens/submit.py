"""The form that submits a job: what to copy, what to run in it, and what it needs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from atlas_tui.directories import absolute, remembered
from atlas_tui.keyboard import ASKING
from atlas_tui.messages import Said
from atlas_tui.screens.directory_dialog import DirectoryDialog
from atlas_tui.submit_draft import (
    FIELDS,
    LABELS,
    SECTIONS,
    Draft,
    FieldProblem,
    defaults_of,
    hints_of,
)
from atlas_tui.submit_form import prepare, prepare_repeat, read_draft
from atlas_tui.submit_preview import describe_files, describe_outcome
from atlas_tui.submit_words import repeat_call, repeat_command, submit_call, submit_command
from atlas_tui.submitting import Progress, Sent, estimate, submit_directory, submit_repeat
from atlas_tui.widgets.bottom_lines import StatusLine
from atlas_tui.widgets.form_field import FormField
from foundations.bundles.bundle import Estimate
from foundations.configs import SchedulerConfig
from foundations.errors import AtlasError, BundleError, BundleRejected, TooLarge
from foundations.models import JobDetail
from foundations.text.quantities import size
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from atlas_tui.app import AtlasApp

TYPING_PAUSE_SECONDS = 0.3
PROGRESS_SECONDS = 0.2
_BEGIN = Text(
    "Type the directory that is to be copied, or press ^T to choose it.\n"
    "Then this shows what would be sent, and the same as a command and in Python.",
    "dim",
)
_WIDE = 110
"""From so many columns on the preview stands beside the form."""


class SubmitScreen(Screen[Sent | None]):
    """Shows while one types what would be sent, and what is wrong at the field that it is in."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "submit", "Submit"),
        Binding("ctrl+t", "pick", "Choose a directory"),
        Binding("escape", "leave", "Cancel"),
    ]

    def __init__(self, draft: Draft, *, repeats: JobDetail | None = None) -> None:
        super().__init__()
        self._draft = draft
        self._repeats = repeats
        self._estimate: Estimate | None = None
        self._estimated: str | None = None
        self._pause: Timer | None = None
        self._progress: Progress | None = None
        self._sending: Worker[None] | None = None

    @property
    def atlas(self) -> AtlasApp:
        """The app."""
        return cast("AtlasApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the form and what would come of it."""
        yield Static(self._title(), classes="form-title")
        with Horizontal(id="submit"):
            with VerticalScroll(id="form", can_focus=False):
                for name in FIELDS:
                    if name in SECTIONS:
                        yield Static(SECTIONS[name], classes="section")
                    value = getattr(self._draft, name)
                    yield FormField(name, LABELS[name], value, lines=name == "params")
            with VerticalScroll(id="preview", can_focus=False):
                yield Static(id="outcome")
        yield StatusLine()
        yield Static(
            Text(" ^O Submit   Tab Next field   ^T Choose a directory   Esc Cancel"),
            classes="form-keys",
        )

    def on_mount(self) -> None:
        """Show what the form means as it is."""
        if self._repeats is not None:
            self._hint(hints_of(self._repeats))
        self.set_interval(PROGRESS_SECONDS, self._show_progress)
        self.field("command" if self._repeats or self._draft.directory else "directory").enter()
        self._review()

    def on_resize(self) -> None:
        """Put the preview beside the form, or below it."""
        self.query_one("#submit").set_class(self.size.width < _WIDE, "narrow")

    def field(self, name: str) -> FormField:
        """One field of the form."""
        return self.query_one(f"#field-{name}", FormField)

    @property
    def draft(self) -> Draft:
        """What stands in the form now."""
        return Draft(**{name: self.field(name).text for name in FIELDS})

    @property
    def _is_repeat(self) -> bool:
        """Whether the files are those of an earlier job."""
        return self._repeats is not None and not self.field("directory").text.strip()

    def _title(self) -> Text:
        scheduler = clean(self.atlas.board.scheduler, one_line=True)
        if self._repeats is None:
            return Text(f" New job for {scheduler}")
        return Text(f" Job {self._repeats.job_id[:8]} again, for {scheduler}")

    # -- what would come of it

    @on(FormField.Changed)
    def _changed(self, event: FormField.Changed) -> None:
        self.field(event.name).complain(None)
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(TYPING_PAUSE_SECONDS, self._review)

    @on(FormField.Finished)
    def _finished(self) -> None:
        self.focus_next()

    @work(exclusive=True, group="review")
    async def _review(self) -> None:
        """Check the form, and show what it means."""
        draft = self.draft
        try:
            if not self._is_repeat:
                await self._learn_directory(draft)
            text = await asyncio.to_thread(self._describe, draft, is_repeat=self._is_repeat)
        except FieldProblem as problem:
            # An empty form is not wrong yet.
            if draft != Draft():
                self.field(problem.field).complain(problem.message)
            self.query_one("#outcome", Static).update(_BEGIN if draft == Draft() else "")
        else:
            for name in FIELDS:
                self.field(name).complain(None)
            self.query_one("#outcome", Static).update(text)

    async def _learn_directory(self, draft: Draft) -> None:
        """Show what the directory decides, and count what would be packed."""
        typed = draft.directory.strip()
        if typed == self._estimated or not typed:
            return
        directory = absolute(typed)
        if not await asyncio.to_thread(directory.is_dir):
            raise FieldProblem("directory", "there is no such directory")
        defaults = await asyncio.to_thread(defaults_of, directory, clones=self._repeats)
        self._hint(defaults)
        self._estimate = None
        try:
            self._estimate = await estimate(directory)
        except AtlasError as error:
            raise FieldProblem("directory", error.message) from error
        self._estimated = typed

    def _hint(self, draft: Draft) -> None:
        """Show faintly what empty fields mean."""
        for name in FIELDS:
            self.field(name).hint(getattr(draft, name))

    def _describe(self, draft: Draft, *, is_repeat: bool) -> Text:
        scheduler = self.atlas.board.scheduler
        if is_repeat and self._repeats is not None:
            job = self._repeats
            spec = prepare_repeat(draft, job)
            files = [f"those that job {job.job_id[:8]} ran ({size(job.bundle_size_bytes)} packed)"]
            hold = read_draft(draft).hold
            command = repeat_command(spec, job, scheduler=scheduler, hold=hold)
            return describe_outcome(files, spec, command, repeat_call(spec, job))
        prepared = prepare(draft, config=self._config(), clones=self._repeats)
        asked = read_draft(draft)
        return describe_outcome(
            [*describe_files(self._estimate), *prepared.warnings],
            prepared.spec,
            submit_command(draft, asked, scheduler=scheduler),
            submit_call(draft, asked, scheduler=scheduler),
            prepared.terms,
        )

    def _config(self) -> SchedulerConfig:
        return SchedulerConfig(self.atlas.board.scheduler, Path(), self.atlas.client.url)

    # -- the directory

    @work(group=ASKING, exclusive=True)
    async def action_pick(self) -> None:
        """Choose the directory from a list."""
        field = self.field("directory")
        dialog = DirectoryDialog(field.text, self.atlas.session.recent_directories)
        path: str | None = await self.app.push_screen_wait(dialog)
        if path is not None:
            field.text = path
            field.enter()

    # -- sending

    def action_submit(self) -> None:
        """Send the job."""
        if self._sending is None or self._sending.is_finished:
            self._sending = self._send()

    @work(group="send", exclusive=True)
    async def _send(self) -> None:
        draft = self.draft
        try:
            sent = await self._submitted(draft)
        except FieldProblem as problem:
            self.field(problem.field).complain(problem.message)
            self.field(problem.field).enter()
            label = LABELS[problem.field]
            self._say(Said(f"{label}: {problem.message.splitlines()[0]}", "bad"))
        except AtlasError as error:
            self._say(Said(error.message, "bad"))
            if isinstance(error, BundleError | BundleRejected | TooLarge):
                self.field("directory").complain(error.message)
        else:
            if draft.directory.strip():
                session = self.atlas.session
                path = str(absolute(draft.directory))
                session.recent_directories = remembered(path, session.recent_directories)
            self.dismiss(sent)
        finally:
            self._progress = None

    async def _submitted(self, draft: Draft) -> Sent:
        client = self.atlas.client
        if self._is_repeat and self._repeats is not None:
            spec = prepare_repeat(draft, self._repeats)
            self._progress = Progress("Queueing")
            return await submit_repeat(client, spec, self._repeats, hold=read_draft(draft).hold)
        clones = self._repeats
        prepared = await asyncio.to_thread(prepare, draft, config=self._config(), clones=clones)
        self._progress = Progress("Packing")
        size_bytes = self._estimate.size_bytes if self._estimate is not None else 0
        report = self._note_progress
        return await submit_directory(
            client, prepared, report=report, size_bytes=size_bytes, clones=clones
        )

    def _note_progress(self, progress: Progress) -> None:
        self._progress = progress

    def _show_progress(self) -> None:
        progress = self._progress
        if progress is not None:
            share = "" if progress.percent is None else f" {progress.percent} %"
            self._say(Said(f"{progress.step}…{share}  Esc gives up"))

    def action_leave(self) -> None:
        """Give up sending or, when nothing is being sent, leave the form."""
        if self._sending is not None and self._sending.is_running:
            self._sending.cancel()
            self._say(Said("Given up; nothing was submitted.", "bad"))
        else:
            self.dismiss(None)

    def _say(self, said: Said) -> None:
        self.query_one(StatusLine).say(said)
