"""The parameters that a job is given: the file they lie in, and nested ones made flat."""

from __future__ import annotations

import os
from collections.abc import Mapping

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Tuple

PARAMETERS_FILE = "foundations_job_parameters.json"


def parameters_text() -> str:
    """Read `PARAMETERS_FILE` in the current directory, else at the top of the job's work dir.

    Returns:
        Nothing when there is no such file.
    """
    folders = [""]
    if os.environ.get("ATLAS_JOB_DIR"):
        folders.append(os.path.join(os.environ["ATLAS_JOB_DIR"], "job_source"))
    for folder in folders:
        try:
            with open(os.path.join(folder, PARAMETERS_FILE), encoding="utf-8-sig") as file:
                return file.read()
        except FileNotFoundError:
            continue
    return ""


def flatten_parameters(parameters: Mapping[str, Any]) -> Dict[str, Any]:
    """Flatten nested parameters: `{"layers": [{"n": 5}]}` becomes `{"layers_0_n": 5}`.

    An empty dict or list becomes None.
    """
    return dict(each_parameter(parameters))


def each_parameter(parameters: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    """Go through what `flatten_parameters` returns; of names that come twice the last counts."""
    for key, value in parameters.items():
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
        if not isinstance(value, Mapping):
            yield key, value
        elif not value:
            yield key, None
        else:
            for nested_key, nested in each_parameter(value):
                yield "{}_{}".format(key, nested_key), nested
