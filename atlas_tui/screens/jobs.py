"""Every job there is: a table with any columns, filtered and sorted by the scheduler."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from atlas_tui.actions import Selection
from atlas_tui.board import Tidings
from atlas_tui.columns import DEFAULT, Column, column, columns
from atlas_tui.filter_words import Vocabulary, columns_known, trouble
from atlas_tui.job_listing import SORTABLE, Listing
from atlas_tui.job_window import JobWindow
from atlas_tui.keyboard import ASKING
from atlas_tui.keys import bindings
from atlas_tui.messages import Choice, Listed, Said
from atlas_tui.screens.kept_filters import KeptFilters
from atlas_tui.widgets.filter_bar import FilterBar
from atlas_tui.widgets.job_table import JobTable
from atlas_tui.widgets.list_caption import ListCaption
from atlas_tui.widgets.project_list import ProjectList
from foundations.errors import AtlasError, InvalidRequest

if TYPE_CHECKING:
    from foundations.models import JobPage

PROJECTS_FROM_WIDTH = 100
"""In a narrower terminal the table needs all of the width."""


class JobsScreen(KeptFilters):
    """A table of jobs, with projects at its side and a filter above."""

    NAME = "jobs"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("jobs")]
    AUTO_FOCUS = "JobTable"

    def compose_body(self) -> ComposeResult:
        """Lay out projects, filter and table."""
        session = self.atlas.session
        self._vocabulary = Vocabulary()
        self._listing = self._good = Listing(session.filter, session.project, session.sort)
        with Horizontal():
            yield ProjectList(palette=self.atlas.palette)
            with Vertical():
                yield ListCaption()
                yield FilterBar(self._vocabulary)
                yield JobTable(
                    self.as_seen_last(self._window()),
                    _columns(session.columns or self.atlas.settings.columns),
                    palette=self.atlas.palette,
                    sparks=self.atlas.sparks,
                    marked=self.board.marked,
                    empty="No job fits. Esc clears the filter.",
                )

    def on_mount(self) -> None:
        """Show what the last session showed."""
        session = self.atlas.session
        self._fit_projects()
        self.query_one(ProjectList).choose(session.project)
        self.query_one(FilterBar).recent = list(session.recent_filters)
        self._caption()
        self._bring_projects()

    def on_resize(self) -> None:
        """Show the projects where there is room for them, as long as nobody has said."""
        self._fit_projects()

    def _fit_projects(self) -> None:
        wanted = self.atlas.session.show_projects
        has_room = self.size.width >= PROJECTS_FROM_WIDTH
        self.query_one(ProjectList).display = has_room if wanted is None else wanted

    def arrive(self) -> None:
        """Show what another screen wants to be shown, and the marks."""
        wanted, self.board.wanted_filter = self.board.wanted_filter, None
        if wanted is not None:
            self.query_one(ProjectList).choose(None)
            self._list(Listing(filter=wanted))
        super().arrive()

    # -- the list

    def _window(self) -> JobWindow:
        return JobWindow(partial(self._fetch, self._listing))

    async def _fetch(self, listing: Listing, offset: int, limit: int) -> JobPage:
        client = await self.atlas.reached()
        page = await client.jobs(
            project=listing.project, filter=listing.query, offset=offset, limit=limit
        )
        self._vocabulary.learn(page.jobs)
        return page

    def _list(self, listing: Listing) -> None:
        """Show another list."""
        if listing == self._listing:
            return
        self._listing = listing
        self.table.show(self._window())

    def _caption(self) -> None:
        self.table.sort = self._good.order
        self.query_one(ListCaption).show(self._good, self.table.known_total)

    @on(JobTable.Arrived)
    def _arrived(self, event: JobTable.Arrived) -> None:
        if event.is_latest:
            self._good = listing = self._listing
            self.query_one(FilterBar).show_trouble(None)
            session = self.atlas.session
            session.filter, session.project = listing.filter, listing.project
            session.sort = listing.sort
        self._caption()

    @on(JobTable.Troubled)
    def _refused(self, event: JobTable.Troubled) -> None:
        event.prevent_default()
        bar = self.query_one(FilterBar)
        is_refused = isinstance(event.error, InvalidRequest)
        if is_refused and bar.has_class("open"):
            bar.show_trouble(trouble(event.error.message))
            return
        self.say(Said(event.error.message, "bad"))
        if is_refused and self._listing != self._good:
            self._listing = self._good  # what is shown goes on being that
        elif is_refused:
            # What the session before has left cannot be used any more.
            self._list(Listing(project=self._good.project))

    def listed(self) -> Listed:
        """The whole list, also what is not on the screen."""
        return Listed(self._good.project, self._good.query)

    def selection(self) -> Selection:
        """What an action would act on now, with what the list is narrowed down to."""
        listing = self._good
        return replace(super().selection(), project=listing.project, filter=listing.filter or None)

    def take(self, tidings: Tidings) -> None:
        """Ask anew for what is shown."""
        if tidings.change_lists:
            self.table.expire()
            self._bring_projects()
        elif any(job.job_id in tidings.recorded for job in self.table.shown()):
            self.table.expire()

    @work(exclusive=True, group="projects")
    async def _bring_projects(self) -> None:
        if not self.query_one(ProjectList).display:
            return
        try:
            found = await (await self.atlas.reached()).projects()
        except AtlasError:
            return  # the table asks the same scheduler, and tells of it
        self.query_one(ProjectList).show(found)
        self._vocabulary.learn_projects(one.name for one in found)

    # -- filter

    def action_filter(self) -> None:
        """Let the user type a filter."""
        self.query_one(FilterBar).open(self._listing.filter)

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        self._list(replace(self._listing, filter=event.filter))

    @on(FilterBar.Left)
    def _filter_left(self, event: FilterBar.Left) -> None:
        bar = self.query_one(FilterBar)
        if not bar.has_trouble:
            self._list(replace(self._listing, filter=event.filter))
        elif event.is_meant:
            self.say(Said("This filter cannot be used: change it, or Esc gives it up.", "bad"))
            return
        else:
            self._listing = self._good
        self.say(Said(""))
        self.atlas.session.recent_filters = tuple(bar.recent)
        bar.close()
        self.table.focus()

    def clear_one(self) -> bool:
        """Clear the filter, then the project, then the marks."""
        if self._listing.filter:
            self._list(replace(self._listing, filter=""))
            return True
        if self._listing.project is not None:
            self._choose_project(None)
            return True
        return super().clear_one()

    # -- order and columns

    @on(JobTable.SortAsked)
    def _sort_asked(self, event: JobTable.SortAsked) -> None:
        self._sort(event.column)

    def _sort(self, name: str) -> None:
        try:
            self._list(self._listing.sorted_by(name))
        except ValueError as error:
            self.say(Said(f"{error}".capitalize(), "bad"))

    @work(group=ASKING, exclusive=True)
    async def action_sort(self) -> None:
        """Choose the column that orders the list."""
        recorded = columns_known(self.table.every_here())
        here = [one.name for one in self.table.columns if one.name in SORTABLE]
        names = dict.fromkeys([*here, *recorded, *SORTABLE])
        picked = await self.atlas.choose("Order by", [Choice(name, name) for name in names])
        if picked is not None:
            self._sort(picked)

    def action_reverse(self) -> None:
        """Turn the order around."""
        self._list(self._listing.reversed())

    @work(group=ASKING, exclusive=True)
    async def action_columns(self) -> None:
        """Choose the columns."""
        from atlas_tui.screens.columns_dialog import ColumnsDialog

        chosen = [one.name for one in self.table.columns]
        dialog = ColumnsDialog(chosen, columns_known(self.table.every_here()))
        names: tuple[str, ...] | None = await self.app.push_screen_wait(dialog)
        if names is not None:
            self.atlas.session.columns = names
            self.table.set_columns(_columns(names))

    # -- projects

    def action_projects(self) -> None:
        """Show the projects and go there, or hide them."""
        projects = self.query_one(ProjectList)
        projects.display = not projects.display
        self.atlas.session.show_projects = projects.display
        if projects.display:
            self._bring_projects()
            projects.focus()
        else:
            self.table.focus()

    @on(ProjectList.Chosen)
    def _project_chosen(self, event: ProjectList.Chosen) -> None:
        self._choose_project(event.project)
        self.table.focus()

    def _choose_project(self, project: str | None) -> None:
        self.query_one(ProjectList).choose(project)
        self._list(replace(self._listing, project=project))


def _columns(names: tuple[str, ...]) -> list[Column]:
    """The columns of a session, as far as they are still known."""
    found = []
    for name in names:
        try:
            found.append(column(name))
        except ValueError:
            continue
    return found or columns(DEFAULT)
