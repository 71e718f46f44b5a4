"""Files: what the job got and what it made of that, and how its source differs from another's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from atlas_tui.action_table import BY_NAME
from atlas_tui.diff_lines import CHANGE_SIGNS, file_diff_lines
from atlas_tui.file_tree import Entry, tree
from atlas_tui.keyboard import ASKING
from atlas_tui.messages import Choice, Prompt
from atlas_tui.row_layout import fit
from atlas_tui.tabs.preview_pane import PreviewPane
from atlas_tui.tabs.saving import Item, save_item
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.row_list import Drawing, RowList
from foundations.errors import AtlasError
from foundations.models import FileDiff, FileView, JobDetail, SourceDiff
from foundations.text.quantities import counted, size

_SIZE_WIDTH = 9
_TYPED = "typed"
Row = Entry | FileDiff


class FilesTab(JobTab):
    """A tree of files or, after `v`, a list of those that differ."""

    NAME = "files"
    TITLE = "Files"
    KEY = "F"

    def compose(self) -> ComposeResult:
        """Lay out tree and preview."""
        self._files: Sequence[FileView] = ()
        self._left_out = 0
        self._diff: SourceDiff | None = None
        self._shut: set[str] = set()
        self._text = ""
        self._asked: tuple[str, str, bool] | None = None
        with Horizontal():
            self._list = RowList[Row](
                Drawing(lambda one: one.path, _draw), empty="", classes="side"
            )
            yield self._list
            yield PreviewPane(palette=self.palette)

    def show(self, detail: JobDetail) -> None:
        """Ask for the files, when they may not be those of the last time."""
        asked = (detail.job_id, detail.state, detail.archived)
        if self._asked is not None and self._asked[0] != detail.job_id:
            self._files, self._diff, self._left_out = (), None, 0
            self._narrow()
        if self._asked != asked:
            self._asked = asked
            self._bring(detail.job_id)

    def find(self, text: str) -> bool:
        """Show only files with a text in their path."""
        self._text = text
        self._narrow()
        return True

    def perform(self, name: str) -> bool:
        """Save the file under the cursor, compare with another job, or come closer to a picture."""
        if name == "file":
            self._save()
        elif name == "source_diff":
            self._compare()
        else:
            return self.query_one(PreviewPane).perform(name)
        return True

    def clear_one(self) -> bool:
        """Go back from the differences to the files."""
        if self._diff is None:
            return False
        self._diff = None
        self._narrow()
        return True

    @work(exclusive=True, group="files")
    async def _bring(self, job_id: str) -> None:
        try:
            found = await self.client.files(job_id)
        except AtlasError as error:
            self._asked = None
            self._list.empty = "The files cannot be listed."
            self.say(error.message, bad=True)
            self._narrow()
            return
        self._files, self._left_out = found.files, found.left_out
        self._list.empty = "No files."
        if found.left_out:
            self.say(f"{found.left_out} more files are not listed.")
        self._narrow()

    def _narrow(self) -> None:
        wanted = self._text.casefold()
        if self._diff is not None:
            self._list.show([one for one in self._diff.files if wanted in one.path.casefold()])
        else:
            self._list.show(tree(self._files, self._shut, self._text))
        self._preview()

    @on(RowList.Highlighted)
    def _preview(self) -> None:
        row, job = self._list.row, self.job
        pane = self.query_one(PreviewPane)
        if row is None or job is None:
            pane.show_lines((), ())
        elif isinstance(row, FileDiff):
            other = "" if self._diff is None else self._diff.other_id
            pane.show_lines((job.job_id, other, row.path), file_diff_lines(row))
        elif row.file is None:
            text = f" {counted(row.files, 'file')}, {size(row.size_bytes)}"
            pane.show_lines((job.job_id, row.path, text), [Text(text, Style(dim=True))])
        else:
            key = (job.job_id, row.path, str(row.file.size_bytes), str(job.archived))
            path = row.path
            pane.preview(key, path, lambda: self.client.file(job.job_id, path))

    @on(RowList.Opened)
    def _opened(self) -> None:
        row = self._list.row
        if isinstance(row, Entry) and row.file is None:
            self._shut ^= {row.path}
            self._narrow()
        else:
            self.query_one(PreviewPane).focus()

    @work(group="save")
    async def _save(self) -> None:
        row, job = self._list.row, self.job
        if not isinstance(row, Entry) or row.file is None or job is None:
            self.say("Put the cursor on a file to save it.", bad=True)
            return
        path = row.path
        command = BY_NAME["file"].command(
            scheduler=self.job_screen.board.scheduler, ids=[job.job_id[:8]]
        )
        item = Item(
            path,
            row.size_bytes,
            lambda: self.client.file(job.job_id, path),
            command.replace("PATH", shlex.quote(path)),
        )
        await save_item(self, item)

    @work(group=ASKING, exclusive=True)
    async def _compare(self) -> None:
        job = self.job
        other = None if job is None else await self._other(job)
        if job is None or not other:
            return
        try:
            found = await self.client.source_diff(other, job.job_id)
        except AtlasError as error:
            self.say(error.message, bad=True)
            return
        scheduler = shlex.quote(self.job_screen.board.scheduler)
        command = f"foundations diff jobs {scheduler} {found.job_id[:8]} {job.job_id[:8]} --source"
        if not found.files:
            self.say("Both jobs were submitted with the same files.", command=command)
            return
        self._diff = found
        more = f", {found.left_out} more are not listed" if found.left_out else ""
        count = counted(len(found.files), "file")
        self.say(f"{count} differ from {found.job_id[:8]}{more}. Esc goes back.", command=command)
        self._narrow()
        self._list.focus()

    async def _other(self, job: JobDetail) -> str | None:
        """Ask which job to compare with: a marked one, the one it repeats, or any by its id."""
        marked = self.job_screen.board.marked
        choices = [
            Choice(job_id, job_id[:8], " ".join(one.command))
            for job_id, one in marked.items()
            if job_id != job.job_id
        ]
        if job.spec.rerun_of and job.spec.rerun_of not in marked:
            choices.insert(0, Choice(job.spec.rerun_of, job.spec.rerun_of[:8], "it repeats this"))
        if choices:
            choices.append(Choice(_TYPED, "Another job", "by its id"))
            picked = await self.atlas.choose("Compare the source with", choices)
            if picked != _TYPED:
                return picked
        typed = await self.atlas.ask(
            Prompt("Compare the source with job", placeholder="its id or the beginning of it")
        )
        return typed.strip() if typed else None


def _draw(row: Row, width: int) -> Text:
    if isinstance(row, FileDiff):
        colour = {"added": "green", "removed": "red"}.get(row.change)
        tone = Style(color=colour, bold=True)
        return Text.assemble(
            (f" {CHANGE_SIGNS[row.change]} ", tone), fit(row.path, max(width - 3, 8))
        )
    sign, style = "  ", Style()
    if row.file is None:
        sign, style = ("- " if row.is_open else "+ "), Style(bold=True)
    elif row.file.kind == "changed":
        sign, style = (
            ("A " if row.is_new else "M "),
            Style(color="green" if row.is_new else "yellow"),
        )
    room = max(width - 2 * row.depth - 3 - _SIZE_WIDTH - 1, 8)
    name = row.name + ("/" if row.file is None else "")
    return Text.assemble(
        " " + "  " * row.depth,
        (sign, style),
        (fit(name, room), style),
        (fit(size(row.size_bytes), _SIZE_WIDTH, right=True), Style(dim=True)),
    )
