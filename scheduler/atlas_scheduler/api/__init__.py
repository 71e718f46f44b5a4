"""The HTTP API: requests become calls of the service, and what it answers becomes JSON."""

from collections.abc import Iterator

from foundations.models import Request


def _below(kind: type[Request]) -> Iterator[type[Request]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


for _model in _below(Request):
    # Clients leave this until they make a request; FastAPI wants it done before it sees the routes.
    _model.model_config["defer_build"] = False
    _model.model_rebuild()

from atlas_scheduler.api.application import create_app, end_followers  # noqa: E402 - see above
from atlas_scheduler.api.doors import Door  # noqa: E402 - see above

__all__ = ["Door", "create_app", "end_followers"]
