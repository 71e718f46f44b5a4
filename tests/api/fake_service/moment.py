"""When everything happens in the service in memory."""

from __future__ import annotations

from datetime import UTC, datetime

MOMENT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
