"""Artifacts: what the job saved at the left, a preview at the right."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from atlas_tui.action_table import BY_NAME
from atlas_tui.row_layout import fit
from atlas_tui.tabs.preview_pane import PreviewPane
from atlas_tui.tabs.saving import Item, save_item
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.row_list import Drawing, RowList
from foundations.models import ArtifactView, JobDetail
from foundations.text.quantities import size

_SIZE_WIDTH = 9


class ArtifactsTab(JobTab):
    """A row for each artifact."""

    NAME = "artifacts"
    TITLE = "Artifacts"
    KEY = "i"

    def compose(self) -> ComposeResult:
        """Lay out list and preview."""
        self._rows: list[ArtifactView] = []
        self._text = ""
        with Horizontal():
            self._list = RowList[ArtifactView](
                Drawing(lambda one: one.key, _draw),
                empty="No artifacts. A job saves them with foundations.save_artifact.",
                classes="side",
            )
            yield self._list
            yield PreviewPane(palette=self.palette)

    def count(self, detail: JobDetail) -> int | None:
        """How many artifacts it has."""
        return len(detail.artifacts)

    def show(self, detail: JobDetail) -> None:
        """Show the artifacts."""
        self._rows = detail.artifacts
        self._narrow()

    def find(self, text: str) -> bool:
        """Show only artifacts with a text in key or path."""
        self._text = text.casefold()
        self._narrow()
        return True

    def perform(self, name: str) -> bool:
        """Save the artifact under the cursor, or come closer to the picture that it is."""
        if name == "artifact":
            self._save()
            return True
        return self.query_one(PreviewPane).perform(name)

    def _narrow(self) -> None:
        self._list.show(
            [one for one in self._rows if self._text in f"{one.key}\0{one.path}".casefold()]
        )
        self._preview()

    @on(RowList.Highlighted)
    def _preview(self) -> None:
        row, job = self._list.row, self.job
        pane = self.query_one(PreviewPane)
        if row is None or job is None:
            pane.show_lines((), ())
            return
        key = (job.job_id, row.key, row.saved_at.isoformat())
        pane.preview(key, row.path, lambda: self.client.artifact(job.job_id, row.key))

    @on(RowList.Opened)
    @work(group="save")
    async def _save(self) -> None:
        row, job = self._list.row, self.job
        if row is None or job is None:
            self.say("This job has no artifact to save.", bad=True)
            return
        command = BY_NAME["artifact"].command(
            scheduler=self.job_screen.board.scheduler, ids=[job.job_id[:8]]
        )
        item = Item(
            row.path,
            row.size_bytes,
            lambda: self.client.artifact(job.job_id, row.key),
            command.replace("KEY", row.key),
        )
        await save_item(self, item)


def _draw(one: ArtifactView, width: int) -> Text:
    room = max(width - _SIZE_WIDTH - 3, 8)
    name = one.key if one.key == one.path else f"{one.key}  {one.path}"
    return Text.assemble(
        f" {fit(name, room)} ",
        (fit(size(one.size_bytes), _SIZE_WIDTH, right=True), Style(dim=True)),
    )
