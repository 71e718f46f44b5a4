"""Builds environments with plain processes, on an interpreter of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from atlas_scheduler.engine.build_variables import in_key, seen
from atlas_scheduler.engine.environments import (
    MODULE,
    Build,
    Order,
    interpreter_of,
)
from atlas_scheduler.engine.interpreter import choose_python, surroundings
from atlas_scheduler.engine.launch import Places, job_environment
from atlas_scheduler.engine.port import Launch
from atlas_scheduler.engine.requirements import read_requirements
from atlas_scheduler.engine.uv import uv_program
from foundations.home import Home

_LOOK = (
    "import json, site, sys; own = site.getsitepackages(); "
    "own += [site.getusersitepackages()] if site.ENABLE_USER_SITE else []; "
    "print(json.dumps([sys.version, sys.base_prefix, own]))"
)
_LOOK_SECONDS = 30.0
_DECIDES = ("PYTHONNOUSERSITE", "PYTHONUSERBASE", "HOME", "PATH")
"""Variables that decide where an interpreter has its packages."""
_FIRST_DIRECTORY = 2
"""Where the directories begin in what `_LOOK` says, after version and prefix."""
_NAMED = (".dist-info", ".egg-info", ".pth", ".egg-link")
"""What shows in a directory which packages are there."""


class ProcessBuilder:
    """Builds for the process engine. Everything here blocks."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._looks: dict[tuple[object, ...], tuple[str, ...]] = {}

    def order(self, launch: Launch) -> Order | None:
        """Say which environment a job wants; None when nothing is to be installed for it."""
        python = choose_python(launch.python)
        if launch.entrypoint is not None:
            named = interpreter_of(launch.entrypoint)
            if named is None or not Path(named).is_absolute():
                return None
            python = named
        places = self._places(launch)
        variables = job_environment(launch, places, defaults=surroundings(python))
        requirements = read_requirements(launch, places, variables)
        if requirements is None or uv_program() is None:
            return None
        looks = self._look(python, variables)
        if looks is None:
            return None  # the job will show what is wrong with it
        given = seen(launch.environment, named=requirements.variables)
        return Order(
            requirements,
            base=python,
            ground=("process", python, *looks, *in_key(given)),
            python=(python, "-m", MODULE),
            variables=given,
            present=tuple(_packages(looks[_FIRST_DIRECTORY:])),
        )

    def run(self, build: Build) -> tuple[Callable[[], int], Callable[[], None]]:
        """Prepare a build in a process group of its own, which ends with this process."""
        running = _Running(build, self._environment(build))
        return running.run, running.abort

    def _places(self, launch: Launch) -> Places:
        return Places(
            job_dir=str(launch.job_dir),
            library_dir=str(launch.library_dir),
            foundations_home=str(self._home.root),
        )

    def _environment(self, build: Build) -> dict[str, str]:
        launch = build.launch
        defaults = surroundings(build.order.python[0])
        seeing = replace(launch, environment=build.order.variables, gpus=())
        variables = job_environment(seeing, self._places(launch), defaults=defaults)
        variables |= build.order.requirements.uv_settings
        return {**variables, "TMPDIR": str(build.place / "tmp"), "ATLAS_END_WITH_CALLER": "1"}

    def _look(self, python: str, variables: Mapping[str, str]) -> tuple[str, ...] | None:
        """Describe an interpreter and where it has its packages; None when it does not run."""
        try:
            program = Path(python).resolve(strict=True).stat()
        except OSError:
            return None
        settings = Path(python).parent.parent / "pyvenv.cfg"
        changed_ns = settings.stat().st_mtime_ns if settings.is_file() else 0
        chosen = tuple(variables.get(name) for name in _DECIDES)
        known = (python, program.st_ino, program.st_mtime_ns, changed_ns, *chosen)
        if known not in self._looks:
            looked = _ask(python, variables)
            if looked is None:
                return None
            self._looks[known] = looked
        return self._looks[known]


class _Running:
    """One build under way."""

    def __init__(self, build: Build, environment: Mapping[str, str]) -> None:
        self._build = build
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._is_aborted = False

    def run(self) -> int:
        """Build. Returns the exit code."""
        build = self._build
        requirements = build.order.requirements
        source = build.place / "source"
        arguments = (build.place / "environment", build.wheels)
        command = [*build.order.python, str(uv_program()), *map(str, arguments)]
        with subprocess.Popen(
            [*command, f"{source}/{requirements.place}", *requirements.also],
            cwd=build.launch.library_dir,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as self._process:
            if self._is_aborted:
                self.abort()
            assert self._process.stdout is not None
            for line in self._process.stdout:
                build.tell(line.rstrip("\n"))
            return self._process.wait()

    def abort(self) -> None:
        """End it, from any thread."""
        self._is_aborted = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _ask(python: str, variables: Mapping[str, str]) -> tuple[str, ...] | None:
    environment = {name: value for name, value in variables.items() if name != "PYTHONPATH"}
    run = partial(subprocess.run, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    try:
        done = run([python, "-c", _LOOK], cwd="/", env=environment, timeout=_LOOK_SECONDS)
        version, prefix, directories = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return (version, prefix, *directories)


def _packages(directories: Iterable[str]) -> list[str]:
    """Name the packages in some directories."""
    found: list[str] = []
    for directory in directories:
        with suppress(OSError):
            names = (path.name for path in Path(directory).iterdir())
            found += sorted(name for name in names if name.endswith(_NAMED))
    return found
