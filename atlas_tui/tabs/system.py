"""System: what the job took of the machine, over the time."""

from __future__ import annotations

from atlas_tui.curves import XAxis
from atlas_tui.tabs.metrics import MetricsTab


class SystemTab(MetricsTab):
    """CPU, memory, disk, network and GPU as charts."""

    NAME = "system"
    TITLE = "System"
    KEY = "S"
    SYSTEM = True
    AXIS = XAxis.TIME
    EMPTY = "No samples of the machine."
