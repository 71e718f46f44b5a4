"""The HTTP API: requests become calls of the service, and what it answers becomes JSON."""

from foundations.models import Request

for _model in Request.__subclasses__():
    # Clients leave this until they make a request; FastAPI wants it done before it sees the routes.
    _model.model_config["defer_build"] = False
    _model.model_rebuild()

from atlas_scheduler.api.application import create_app, end_followers  # noqa: E402 - see above
from atlas_scheduler.api.doors import Door  # noqa: E402 - see above

__all__ = ["Door", "create_app", "end_followers"]
