"""The HTTP API: requests become calls of the service, and what it answers becomes JSON."""

from atlas_scheduler.api.application import create_app, end_followers

__all__ = ["create_app", "end_followers"]
