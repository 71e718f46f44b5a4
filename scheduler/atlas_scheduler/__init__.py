"""The scheduler: queue, engines, archive and HTTP API."""
