"""Record what a job does: parameters, metrics, tags, artifacts.

Outside a job the first of these calls begins a local run (`local_run.py`), so that a script records
the same however it is started. Where `FOUNDATIONS_COMMAND_LINE` is set to a true value they warn
once and do nothing. The records are lines of JSON in the file that `ATLAS_EVENTS` names, or in the
local run's directory (see docs/records.md).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping

from foundations.parameters import PARAMETERS_FILE, flatten_parameters, parameters_text
from foundations.recorder import (
    Recorder,
    clean,
    param_line,
    plain_scalar,
    quoted,
    record_line,
    scalar_text,
    warn,
    warn_once,
)

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, TypeVar, Union

    Record = TypeVar("Record", bound=Callable[..., None])

SYSTEM_PREFIX = "system/"  # as in `foundations.models`, which jobs cannot load

_recorders: Dict[str, Recorder] = {}


def _never_raising(record: Record) -> Record:
    """Make a warning of whatever goes wrong, so that no training ends because of its records."""

    def going_on(*args: Any, **named: Any) -> None:
        try:
            record(*args, **named)
        except Exception as error:  # what users hand over may raise anything when it is looked at
            text = "{} recorded nothing: {}: {}; the job goes on."
            kind = type(error).__name__
            warn_once(text.format(record.__name__, kind, error), about=(record, kind))

    going_on.__name__, going_on.__qualname__ = record.__name__, record.__qualname__
    going_on.__doc__, going_on.__module__ = record.__doc__, record.__module__
    going_on.__wrapped__ = record  # type: ignore[attr-defined]  # for help() and inspect
    return going_on  # type: ignore[return-value]  # it is called as the function is


def load_parameters(log_parameters: bool = True) -> Dict[str, Any]:
    """Load the parameters that the job was submitted with.

    Args:
        log_parameters: whether to record them too, flattened.

    Returns:
        The content of `foundations_job_parameters.json` in the current directory, else at the
        top of the job's work dir; empty when there is no such file or nothing in it.

    Raises:
        ValueError: the file is not a JSON object.
    """
    text = parameters_text()
    if not text.strip():
        return {}
    try:
        parameters = json.loads(text)
    except ValueError as error:
        raise ValueError("{} is not valid JSON: {}".format(PARAMETERS_FILE, error)) from error
    if not isinstance(parameters, dict):
        raise ValueError("{} must hold a JSON object".format(PARAMETERS_FILE))
    if log_parameters:
        log_params(parameters)
    return parameters


@_never_raising
def log_param(key: str, value: Any) -> None:
    """Record a parameter; the last value of a key counts.

    Args:
        key: its name.
        value: anything; what JSON has no form for is recorded as its text.
    """
    recorder = _recorder()
    if recorder is not None:
        recorder.append(param_line(key, value))


@_never_raising
def log_params(parameters: Mapping[str, Any]) -> None:
    """Record a dict of parameters, flattened as by `flatten_parameters`."""
    flat = flatten_parameters(parameters)
    recorder = _recorder() if flat else None
    if recorder is not None:
        recorder.append(b"".join(param_line(key, value) for key, value in flat.items()))


@_never_raising
def log_metric(key: str, value: Any, step: Optional[float] = None) -> None:
    """Record a value of a metric; each call adds to the metric's series.

    What cannot be recorded is told by a warning, and the program goes on: a value or a name of
    another kind, and names that begin with `system/`, which are kept for what Atlas measures.

    Args:
        key: the metric's name.
        value: a number, string or boolean, also of numpy, torch and the like, or a flat list of
            them, which is recorded element by element. NaN and infinities are kept.
        step: where in the training it belongs, such as the epoch; any order, repeats allowed.
            A value whose step is no finite number is recorded without it.
    """
    if not isinstance(key, str):
        # Users do what the type forbids.
        return warn_once("Invalid metric name `{}`".format(key))  # type: ignore[unreachable]
    values = value if isinstance(value, (list, tuple)) else (value,)
    try:
        texts = [scalar_text(each) for each in values]
    except TypeError:
        return warn_once(_invalid_metric(key, value), about=("metric", key, type(value)))
    place = "" if step is None else _step_field(key, step)
    recorder = _recorder()
    if recorder is None or not texts:
        return
    if key.startswith(SYSTEM_PREFIX):
        reason = "names that begin with `{}` are kept for what Atlas measures".format(SYSTEM_PREFIX)
        return warn_once("Metric `{}` is not recorded: {}.".format(key, reason))
    recorder.append(
        b"".join(record_line("metric", key, '"value":' + text + place) for text in texts)
    )


@_never_raising
def set_tag(key: str, value: str = "") -> None:
    """Tag the job; a tag that is there already gets the new value.

    A warning says so where this process set another value before.
    """
    recorder = _recorder()
    if recorder is None:
        return
    key, value = str(key), str(value)
    if recorder.tags.setdefault(key, value) != value:
        warn("Tag `{}` updated to `{}`".format(key, value))
        recorder.tags[key] = value
    recorder.append(record_line("tag", key, '"value":' + quoted(value)))


@_never_raising
def save_artifact(filepath: Union[str, os.PathLike[str]], key: Optional[str] = None) -> None:
    """Keep a copy of a file with the job, as the file is now.

    A file that is not there or cannot be kept is told by a warning, and the program goes on.

    Args:
        filepath: the file.
        key: the artifact's name; by default the file's own. Saving a key again replaces it.
    """
    source = os.fsdecode(filepath)
    name = os.path.basename(source)
    key = name if key is None else str(key)
    recorder = _recorder()
    if recorder is None:
        return
    root = os.environ.get("ATLAS_ARTIFACTS")
    if not root and not os.environ.get("ATLAS_EVENTS"):
        root = _local_path("artifacts")
    if not root:
        return warn_once("Cannot save artifacts: ATLAS_ARTIFACTS is not set.")
    from foundations import artifact_files  # what many jobs need not load

    path = artifact_files.place(root, key, name)
    try:
        artifact_files.check(source)
        size_bytes = artifact_files.copy(source, os.path.join(root, path), root, key=key)
    except OSError as error:
        reason = error.strerror or str(error)
        return warn('Cannot save artifact "{}": {}; the job goes on.'.format(key, reason))
    place = '"path":{},"size_bytes":{}'.format(quoted(path), size_bytes)
    recorder.append(record_line("artifact", key, place))


@_never_raising
def set_tensorboard_logdir(path: Union[str, os.PathLike[str]]) -> None:
    """Say where the job writes logs for TensorBoard; the last call counts.

    Of a local run they stay where they are.

    Args:
        path: a directory in the job's work dir, or in its artifacts. It may be made later. Logs
            elsewhere would not be kept: that is told by a warning, and the program goes on.
    """
    logdir = os.fsdecode(path)
    if not os.environ.get("ATLAS_EVENTS"):
        if _local_directory(begin=False) is not None:
            warn_once(
                "TensorBoard logs are not kept of a local run; they stay in {}.".format(logdir)
            )
        return
    recorder = _recorder()
    if recorder is None:
        return
    if not os.environ.get("ATLAS_JOB_DIR"):
        return warn_once("Cannot keep TensorBoard logs: ATLAS_JOB_DIR is not set.")
    kept = _kept_path(logdir)
    if kept is None:
        text = (
            "Invalid TensorBoard directory {!r}: it is not in the job's work dir {}, nor artifacts"
        )
        return warn_once(
            text.format(logdir, os.path.join(os.environ["ATLAS_JOB_DIR"], "job_source"))
        )
    recorder.append(
        '{{"event":"tensorboard","path":{},"at":{:.3f}}}\n'.format(
            json.dumps(kept), time.time()
        ).encode("ascii")
    )


def should_stop() -> bool:
    """Tell whether someone asked the job, or the local run, to end by itself."""
    job_dir = os.environ.get("ATLAS_JOB_DIR") or _local_directory(begin=False)
    return bool(job_dir) and os.path.exists(os.path.join(str(job_dir), "stop_requested"))


def _recorder() -> Optional[Recorder]:
    """Find where this process records to, and begin a local run outside a job.

    Returns:
        None, and a warning was written once, when nothing is to be recorded or can be.
    """
    path = os.environ.get("ATLAS_EVENTS") or _local_path("records", "events.jsonl")
    if not path:
        return None
    recorder = _recorders.get(path)
    if recorder is None:
        recorder = _recorders.setdefault(path, Recorder(path))
    return recorder


def _local_path(*names: str) -> Optional[str]:
    directory = _local_directory(begin=True)
    return None if directory is None else os.path.join(directory, *names)


def _local_directory(*, begin: bool) -> Optional[str]:
    from foundations import local_run  # what scheduled jobs need not load

    return local_run.directory(begin=begin)


def _step_field(key: str, step: Any) -> str:
    try:
        scalar = plain_scalar(step)
    except TypeError:
        scalar = ""
    if isinstance(scalar, (str, bool)) or scalar - scalar != 0:
        text = (
            "Invalid step {!r} of metric `{}`: it should be a finite number. Recorded without it."
        )
        warn_once(text.format(step, key), about=("step", key, type(step)))
        return ""
    return ',"step":' + repr(scalar)


def _invalid_metric(key: str, value: Any) -> str:
    shown = str(value)
    if len(shown) > 30:
        shown = shown[:30] + " ..."
    return (
        'Invalid metric with key="{}" of value={} with type {}. Value should be of type string or '
        "number, or a list of strings / numbers"
    ).format(key, shown, type(value))


def _kept_path(path: str) -> Optional[str]:
    """Find a place that is kept of the job, below the job's own directory; None for another."""
    job_dir = os.path.realpath(os.environ["ATLAS_JOB_DIR"])
    parts = os.path.relpath(os.path.realpath(path), job_dir).split(os.sep)
    if parts[0] not in ("job_source", "artifacts"):
        return None
    return clean("/".join(parts))
