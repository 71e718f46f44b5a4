"""Submit machine-learning jobs and record what they do.

Names are resolved on first use (PEP 562), so that `import foundations` costs next to nothing and
works inside a job's container with the standard library of any Python from 3.8 on.
"""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False  # type checkers take it for true; importing it from typing costs more
if TYPE_CHECKING:
    from foundations.client import AsyncClient, Client
    from foundations.connection import connect, get_job
    from foundations.errors import AtlasError
    from foundations.job_schedule import JobSchedule, submit_schedule
    from foundations.job_secrets import secret
    from foundations.local_run import LocalRun, end_run, start_run
    from foundations.models import JobState
    from foundations.notebooks import notebook
    from foundations.parameters import flatten_parameters
    from foundations.project_table import get_metrics_for_all_jobs
    from foundations.scheduler_status import SchedulerStatus, schedulers
    from foundations.signing_in import login, logout
    from foundations.submission import submit
    from foundations.submitted_array import SubmittedArray, submit_array
    from foundations.submitted_job import SubmittedJob
    from foundations.tracking import (
        load_parameters,
        log_metric,
        log_param,
        log_params,
        save_artifact,
        set_tag,
        set_tensorboard_logdir,
        should_stop,
    )

__version__ = "0.1.0"

_HOME_OF = {
    # Inside a job: standard library only.
    "load_parameters": "tracking",
    "flatten_parameters": "parameters",
    "log_param": "tracking",
    "log_params": "tracking",
    "log_metric": "tracking",
    "save_artifact": "tracking",
    "set_tag": "tracking",
    "set_tensorboard_logdir": "tracking",
    "should_stop": "tracking",
    "secret": "job_secrets",
    "start_run": "local_run",
    "end_run": "local_run",
    "LocalRun": "local_run",
    # At the submitter's.
    "submit": "submission",
    "SubmittedJob": "submitted_job",
    "notebook": "notebooks",
    "submit_array": "submitted_array",
    "submit_schedule": "job_schedule",
    "JobSchedule": "job_schedule",
    "SubmittedArray": "submitted_array",
    "connect": "connection",
    "get_job": "connection",
    "get_metrics_for_all_jobs": "project_table",
    "schedulers": "scheduler_status",
    "SchedulerStatus": "scheduler_status",
    "login": "signing_in",
    "logout": "signing_in",
    "Client": "client",
    "AsyncClient": "client",
    "JobState": "models",
    "AtlasError": "errors",
}

_ANYWHERE = ("tracking", "parameters", "local_run", "job_secrets", "errors")
_OLDEST = (3, 11)
_NOT_HERE = (
    "`foundations.{}` needs the whole of Atlas, which this Python does not have ({}). Inside a job "
    "there is only what records, such as `foundations.log_metric`. Use it where jobs are "
    "submitted."
)

_INSTEAD = {
    "set_project_name": "A project is named by `project_name` in job.config.yaml, by `submit "
    "--project-name`, or in a program that nobody submitted by `foundations.start_run(project)`.",
    "set_job_resources": "What a job needs stands in job.config.yaml (`num_gpus`, `ram`), or is "
    "given to `foundations.submit`.",
    "set_environment": "`foundations.submit(scheduler_config=...)` says which scheduler.",
    "create_syncable_directory": "`foundations.save_artifact` keeps a file, and `foundations get "
    "artifact` or `SubmittedJob` fetches it.",
    "flatten_parameter_dictionary": "It is `foundations.flatten_parameters`.",
    "log": "`foundations.log_metric(key, value)` records one metric.",
    "log_metrics": "`foundations.log_metric(key, value)` records one.",
    "log_artifact": "`foundations.save_artifact(path)` keeps a file.",
    "init": "A run begins by itself with the first record, or by `foundations.start_run(project)`.",
    "finish": "A run ends with its program, or by `foundations.end_run()`.",
}
"""What stands for names that programs from elsewhere use."""

__all__ = [
    "AsyncClient",
    "AtlasError",
    "Client",
    "JobSchedule",
    "JobState",
    "LocalRun",
    "SchedulerStatus",
    "SubmittedArray",
    "SubmittedJob",
    "__version__",
    "connect",
    "end_run",
    "flatten_parameters",
    "get_job",
    "get_metrics_for_all_jobs",
    "load_parameters",
    "log_metric",
    "log_param",
    "log_params",
    "login",
    "logout",
    "notebook",
    "save_artifact",
    "schedulers",
    "secret",
    "set_tag",
    "set_tensorboard_logdir",
    "should_stop",
    "start_run",
    "submit",
    "submit_array",
    "submit_schedule",
]


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is None:
        raise _absent(name)
    if module not in _ANYWHERE and sys.version_info[:2] < _OLDEST:
        running = "it is Python {}.{}, and Atlas needs 3.11".format(*sys.version_info)
        raise ImportError(_NOT_HERE.format(name, running))
    try:
        found = importlib.import_module("foundations." + module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "foundations":
            raise
        missing = "there is no `{}`".format(error.name)
        raise ImportError(_NOT_HERE.format(name, missing)) from None
    value: object = getattr(found, name)
    globals()[name] = value
    return value


def _absent(name: str) -> AttributeError:
    text = "module 'foundations' has no attribute {!r}".format(name)
    advice = _INSTEAD.get(name)
    if advice is not None:
        return AttributeError("{}. {}".format(text, advice))
    error = AttributeError(text)
    # By these Python finds the name that was meant.
    error.name, error.obj = name, sys.modules[__name__]
    return error


def __dir__() -> list[str]:
    return sorted(__all__)
