"""System: what the job took of the machine, over the time."""

from __future__ import annotations

from collections.abc import Sequence

from atlas_tui.curves import XAxis
from atlas_tui.tabs.metrics import MetricsTab
from foundations.models import JobDetail, MetricSummary


class SystemTab(MetricsTab):
    """CPU, memory, disk, network and GPU as charts."""

    NAME = "system"
    TITLE = "System"
    KEY = "S"
    AXIS = XAxis.TIME
    EMPTY = "No samples of the machine. The first is taken a second after a job has started."

    def series(self, detail: JobDetail) -> Sequence[MetricSummary]:
        """What the scheduler measured."""
        return detail.system_series
