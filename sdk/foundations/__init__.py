"""Submit machine-learning jobs and record what they do.

Names are resolved on first use (PEP 562), so that `import foundations` costs next to nothing and
works inside a job's container with the standard library of any Python from 3.8 on.
"""

import importlib
from typing import Any, List

__version__ = "0.1.0"

_HOME_OF = {
    # Inside a job: standard library only.
    "load_parameters": "tracking",
    "flatten_parameters": "tracking",
    "log_param": "tracking",
    "log_params": "tracking",
    "log_metric": "tracking",
    "save_artifact": "tracking",
    "set_tag": "tracking",
    "should_stop": "tracking",
    # At the submitter's.
    "submit": "submission",
    "SubmittedJob": "submission",
    "Client": "client",
    "AsyncClient": "client",
    "JobState": "models",
    "AtlasError": "errors",
}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError("module 'foundations' has no attribute {!r}".format(name))
    value = getattr(importlib.import_module("foundations." + module), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(__all__)
