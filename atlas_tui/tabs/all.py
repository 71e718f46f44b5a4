"""Which tabs the screen about one job has, in their order."""

from __future__ import annotations

from atlas_tui.tabs.artifacts import ArtifactsTab
from atlas_tui.tabs.files import FilesTab
from atlas_tui.tabs.logs import LogsTab
from atlas_tui.tabs.metrics import MetricsTab
from atlas_tui.tabs.notes import NotesTab
from atlas_tui.tabs.overview import OverviewTab
from atlas_tui.tabs.parameters import ParametersTab
from atlas_tui.tabs.system import SystemTab
from atlas_tui.tabs.tab import JobTab

TABS: tuple[type[JobTab], ...] = (
    OverviewTab,
    LogsTab,
    MetricsTab,
    ParametersTab,
    ArtifactsTab,
    FilesTab,
    SystemTab,
    NotesTab,
)
