"""Put secrets into the environment of the job's program, where that was asked for.

The container's own settings, which others can look at, have their names only.
"""

from __future__ import annotations

import os

# Loading the real typing module would take a tenth of a start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import MutableMapping

NAMES = "ATLAS_SECRET_VARIABLES"
DIRECTORY = "ATLAS_SECRETS"


def export(environment: MutableMapping[str, str]) -> None:
    """Add the secrets that an environment asks for to it."""
    names = environment.pop(NAMES, "")
    for name in filter(None, names.split(",")):
        with open(os.path.join(environment[DIRECTORY], name), encoding="utf-8") as file:
            environment[name] = file.read()
