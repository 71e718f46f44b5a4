"""What only some tabs of the screen about one job can do: passed on, or answered with which do."""

from __future__ import annotations

from abc import abstractmethod

from atlas_tui.messages import Said
from atlas_tui.screens.frame import Frame
from atlas_tui.tabs.tab import JobTab

_NO_PICTURE = "There is no chart or picture: Metrics (M), System (S), Artifacts (i), Files (F)."
_NOT_HERE = {
    "find": "This tab has no list; Metrics, Parameters, Artifacts and Files have.",
    "artifact": "Artifacts are saved on the tab Artifacts: press i.",
    "file": "Files are saved on the tab Files: press F.",
    "source_diff": "The source is compared on the tab Files: press F.",
    "zoom": "This tab has no list beside it; Metrics, Artifacts and Files have.",
    "zoom_in": _NO_PICTURE,
    "zoom_out": _NO_PICTURE,
}
_NO_CHART = "The tabs Metrics (M) and System (S) have charts."


class TabActions(Frame):
    """The actions of the table that a tab performs."""

    @property
    @abstractmethod
    def tab(self) -> JobTab:
        """The tab in front."""

    def action_artifact(self) -> None:
        """Save the artifact under the cursor."""
        self._pass_on("artifact")

    def action_file(self) -> None:
        """Save the file under the cursor."""
        self._pass_on("file")

    def action_source_diff(self) -> None:
        """Compare the source with that of another job."""
        self._pass_on("source_diff")

    def action_log_y(self) -> None:
        """Switch the logarithmic axis."""
        self._pass_on("log_y")

    def action_smooth(self) -> None:
        """Smooth more, or not at all."""
        self._pass_on("smooth")

    def action_x_axis(self) -> None:
        """Go on to another x axis."""
        self._pass_on("x_axis")

    def action_zoom_in(self) -> None:
        """Come closer."""
        self._pass_on("zoom_in")

    def action_zoom_out(self) -> None:
        """Go away."""
        self._pass_on("zoom_out")

    def action_zoom(self) -> None:
        """Give what is beside the list all the width, or the list its place again."""
        if not (self.tab.widen(on=True) or self.tab.widen(on=False)):
            self.refuse("zoom")

    def refuse(self, name: str) -> None:
        """Say which tabs have an action that the one in front has not."""
        self.say(Said(_NOT_HERE.get(name, _NO_CHART), "bad"))

    def _pass_on(self, name: str) -> None:
        if not self.tab.perform(name):
            self.refuse(name)
