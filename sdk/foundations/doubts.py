"""What of a submission will probably not do what was meant, said before the job runs."""

from __future__ import annotations

import re
from pathlib import Path

from foundations.job_config import FILE_NAME
from foundations.models import DEFAULT_COMMAND, JobSpec

_CODE_FOLLOWS = ("-c", "-m")
"""Last words of an entry point behind which no file is named."""
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_STANDARD = "The standard worker runs a command with Python"


def doubts(directory: Path, spec: JobSpec) -> tuple[str, ...]:
    """Return a sentence for each thing that looks like a mistake; none of them is certain."""
    found = (
        _misnamed_config(directory),
        _script_as_entrypoint(directory, spec),
        _missing_script(directory, spec),
        _shell_script(directory, spec),
    )
    return tuple(doubt for doubt in found if doubt is not None)


def _misnamed_config(directory: Path) -> str | None:
    """Name a file that was meant as the project's settings and is not read."""
    if (directory / FILE_NAME).exists():
        return None
    for name in ("job.config.yml", "job_config.yaml", "job-config.yaml", ".job.config.yaml"):
        if (directory / name).is_file():
            return f"'{name}' is not read: settings of a project stand in '{FILE_NAME}'. Rename it."
    return None


def _script_as_entrypoint(directory: Path, spec: JobSpec) -> str | None:
    """Name a script that was given where the program that runs it belongs."""
    program = spec.entrypoint[0] if spec.entrypoint else ""
    if not program or "/" in program or not _is_file(directory, spec, program):
        return None
    return (
        f"'{program}' is given as the entry point, the program that runs the command, and is "
        f"looked for in the PATH alone. A script of yours is the command itself: "
        f"foundations submit SCHEDULER JOB_DIR {program}"
    )


def _missing_script(directory: Path, spec: JobSpec) -> str | None:
    script = spec.command[0] if spec.command else ""
    if spec.entrypoint and spec.entrypoint[-1] in _CODE_FOLLOWS:
        return None
    if script.startswith("-") or _is_file(directory, spec, script):
        return None
    return (
        f"Hey, seems like your command '{script}' is not an existing file in your current "
        "directory. If you are using Atlas's advanced custom docker image functionality and know "
        f"what you are doing, you can ignore this message.{_other_program(spec, script)}"
    )


def _other_program(spec: JobSpec, word: str) -> str:
    """Tell who names a program where a script belongs how that is said."""
    if not _has_standard_worker(spec):
        return ""
    if spec.command == DEFAULT_COMMAND:
        return f" Where no command is given it is '{word}'."
    if word.endswith(".py"):
        return ""
    if _PYTHON.fullmatch(word):
        return f" {_STANDARD}: leave '{word}' away."
    return f" {_STANDARD}. Another program is given as the entry point, as in --entrypoint bash."


def _shell_script(directory: Path, spec: JobSpec) -> str | None:
    script = spec.command[0] if spec.command else ""
    if not (_has_standard_worker(spec) and script.endswith(".sh")):
        return None
    if not _is_file(directory, spec, script):
        return None
    return f"{_STANDARD}, and '{script}' is a shell script: give --entrypoint bash."


def _has_standard_worker(spec: JobSpec) -> bool:
    return spec.entrypoint is None and spec.image is None and spec.build is None


def _is_file(directory: Path, spec: JobSpec, name: str) -> bool:
    return (directory / (spec.working_dir or "") / name).is_file()
