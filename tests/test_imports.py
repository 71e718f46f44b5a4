"""What importing a package loads, in a fresh interpreter."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from foundations.home import Home

CORE = [
    "atlas_scheduler.core.access",
    "atlas_scheduler.core.bounds",
    "atlas_scheduler.core.capacity",
    "atlas_scheduler.core.dependencies",
    "atlas_scheduler.core.filters",
    "atlas_scheduler.core.filters.comparisons",
    "atlas_scheduler.core.filters.errors",
    "atlas_scheduler.core.filters.fields",
    "atlas_scheduler.core.filters.parser",
    "atlas_scheduler.core.filters.pattern",
    "atlas_scheduler.core.filters.pattern_syntax",
    "atlas_scheduler.core.filters.scanner",
    "atlas_scheduler.core.filters.terms",
    "atlas_scheduler.core.filters.values",
    "atlas_scheduler.core.forecast",
    "atlas_scheduler.core.job",
    "atlas_scheduler.core.lifecycle",
    "atlas_scheduler.core.line",
    "atlas_scheduler.core.listening",
    "atlas_scheduler.core.moves",
    "atlas_scheduler.core.offered_volumes",
    "atlas_scheduler.core.playing",
    "atlas_scheduler.core.queue",
    "atlas_scheduler.core.deadlines",
    "atlas_scheduler.core.events",
    "atlas_scheduler.core.limits",
    "atlas_scheduler.core.rates",
    "atlas_scheduler.core.reconcile",
    "atlas_scheduler.core.recurrence",
    "atlas_scheduler.core.requirement_files",
    "atlas_scheduler.core.reservation",
    "atlas_scheduler.core.resources",
    "atlas_scheduler.core.retention",
    "atlas_scheduler.core.seeds",
    "atlas_scheduler.core.shadow",
    "atlas_scheduler.core.time_index",
    "atlas_scheduler.core.times",
    "atlas_scheduler.core.turn_order",
    "atlas_scheduler.core.usage",
    "atlas_scheduler.core.waiting",
]
NOT_FOR_THE_CORE = [
    "asyncio",
    "sqlite3",
    "aiosqlite",
    "docker",
    "httpx",
    "fastapi",
    "random",
    "subprocess",
]

LOADED_BY = """
import importlib, json, sys
before = set(sys.modules)
for name in {names!r}:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""

# The models come first because pydantic may load what the core itself may not.
IMPORT_WITHOUT = """
import importlib, sys
import foundations.models
for name in {forbidden!r}:
    sys.modules[name] = None
for name in {names!r}:
    importlib.import_module(name)
"""


def run_python(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def third_party_loaded_by(*names: str) -> set[str]:
    loaded: list[str] = json.loads(run_python(LOADED_BY.format(names=names)))
    packages = {name.partition(".")[0] for name in loaded}
    return packages - sys.stdlib_module_names - {"foundations", "atlas_worker"}


def test_import_foundations_loads_no_third_party_module() -> None:
    assert third_party_loaded_by("foundations") == set()


def test_tables_are_offered_without_loading_what_makes_them() -> None:
    loaded = third_party_loaded_by("foundations.project_table")

    assert loaded.isdisjoint({"numpy", "pandas", "pyarrow"})


def test_the_check_notices_a_third_party_module() -> None:
    assert "pydantic" in third_party_loaded_by("foundations.models")


def test_the_config_of_ones_own_scheduler_is_read_without_the_yaml_library(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from foundations import configs
from foundations.home import Home
home = Home(sys.argv[1])
configs.ensure_default(home)
print(configs.load("scheduler", home=home).scheduler_url, "yaml" in sys.modules)
"""

    assert run_python(program, str(tmp_path)).split() == [
        f"unix://{Home(tmp_path).socket}",
        "False",
    ]


def test_states_and_values_are_worded_without_models_and_without_a_command_line() -> None:
    assert third_party_loaded_by("foundations.job_states", "foundations.cli.job_values") == set()


@pytest.mark.parametrize("module", ["foundations.tracking", "foundations.recorder"])
def test_recording_in_a_job_needs_only_the_standard_library(module: str) -> None:
    assert third_party_loaded_by(module) == set()


@pytest.mark.parametrize("module", CORE)
def test_the_core_needs_no_input_output_and_no_event_loop(module: str) -> None:
    run_python(IMPORT_WITHOUT.format(forbidden=NOT_FOR_THE_CORE, names=[module]))


def test_these_are_all_modules_of_the_core() -> None:
    spec = importlib.util.find_spec("atlas_scheduler.core")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (folder,) = spec.submodule_search_locations
    files = (path.relative_to(folder).with_suffix("") for path in Path(folder).rglob("*.py"))
    found = {".".join(path.parts).removesuffix(".__init__") for path in files} - {"__init__"}

    assert {f"atlas_scheduler.core.{name}" for name in found} == set(CORE)
