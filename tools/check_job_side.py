"""Check that what runs inside a job needs nothing but Python 3.8 and its standard library.

Those files are mounted into images that Atlas did not make. They are parsed as Python 3.8; at
import time they may load only the standard library and each other; and where a Python 3.8 is
installed, a small job is run with it.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = (ROOT / "sdk", ROOT / "worker")
OWN_PACKAGES = frozenset({"foundations", "atlas_worker"})
JOB_SIDE_OF_FOUNDATIONS = (
    *("__init__.py", "tracking.py", "parameters.py", "artifact_files.py", "recorder.py"),
    *("local_run.py", "local_run_dir.py", "local_machine.py", "process_exit.py"),
    *("job_secrets.py", "bundles/__init__.py", "bundles/holes.py"),
)
NEWER_THAN_3_8 = frozenset({"graphlib", "zoneinfo", "tomllib", "annotationlib", "compression"})
STANDARD_LIBRARY = frozenset(sys.stdlib_module_names) - NEWER_THAN_3_8

LOAD_ALL = """
import importlib, sys
sys.path[:0] = {paths!r}
for name in {modules!r}:
    importlib.import_module(name)
"""
SMALL_JOB = """
import foundations
foundations.log_param("rate", 0.1)
foundations.log_metric("loss", 0.5)
foundations.set_tag("kind", "small")
"""
RECORDED_EVENTS = ["environment", "param", "metric", "tag"]


def job_side_files() -> list[Path]:
    """List the files that are mounted into a job."""
    foundations = ROOT / "sdk" / "foundations"
    named = [foundations / name for name in JOB_SIDE_OF_FOUNDATIONS]
    worker = sorted((ROOT / "worker" / "atlas_worker").rglob("*.py"))
    return [path for path in named if path.exists()] + worker


def module_name(path: Path) -> str:
    """Name the module that a file below one of the source roots holds."""
    source_root = next(root for root in SOURCE_ROOTS if path.is_relative_to(root))
    parts = path.relative_to(source_root).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(tree: ast.Module, package: str) -> Iterator[tuple[int, str, bool]]:
    """Yield line, absolute module name and whether the import happens while the file is loaded."""
    pending: list[tuple[ast.AST, bool]] = [(tree, True)]
    while pending:
        node, at_load = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending.extend((child, at_load) for child in node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, package)
            yield node.lineno, origin, at_load
            names = (f"{origin}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, name, at_load) for name in names if is_own_module(name))
        at_load = at_load and not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        pending.extend((child, at_load) for child in ast.iter_child_nodes(node))


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Name the module that a from-import takes from, relative dots resolved."""
    if node.level == 0:
        return node.module or ""
    base = package.split(".")
    kept = base[: len(base) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def is_own_module(name: str) -> bool:
    """Tell whether a dotted name is a module of this repository, not something inside one."""
    paths = [root.joinpath(*name.split(".")) for root in SOURCE_ROOTS]
    return any(path.is_dir() or path.with_suffix(".py").exists() for path in paths)


def faults(path: Path, job_side: frozenset[str]) -> Iterator[str]:
    """Yield one line for each thing in a file that a bare Python 3.8 would not accept."""
    place = path.relative_to(ROOT)
    try:
        tree = ast.parse(path.read_bytes(), str(place), feature_version=(3, 8))
    except SyntaxError as error:
        yield f"{place}:{error.lineno}: not Python 3.8: {error.msg}"
        return
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for line, imported, at_load in sorted(imports(tree, package)):
        top = imported.partition(".")[0]
        if top in OWN_PACKAGES:
            if at_load and imported not in job_side:
                yield f"{place}:{line}: loads {imported}, which is not job-side code"
        elif top not in STANDARD_LIBRARY:
            yield f"{place}:{line}: imports {imported}, not in Python 3.8's standard library"


def find_python_3_8() -> str | None:
    """Find an interpreter of that version, on the path or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in (shutil.which("python3.8"), *pyenv.glob("versions/3.8.*/bin/python3.8")):
        # A shim on the path may answer only that the version is not selected.
        if candidate and subprocess.run([candidate, "-V"], capture_output=True).returncode == 0:
            return str(candidate)
    return None


def run_all(python: str, files: list[Path]) -> Iterator[str]:
    """Load every file and run a small job with a real Python 3.8, without any site directory."""
    # No bytecode: its files would be an older Python's, in the source tree.
    bare = [python, "-S", "-B", "-W", "error"]
    modules = [module_name(path) for path in files if path.name != "__main__.py"]
    load_all = LOAD_ALL.format(paths=[str(root) for root in SOURCE_ROOTS], modules=modules)
    with tempfile.TemporaryDirectory() as directory:
        job = Path(directory)
        (job / "main.py").write_text(SMALL_JOB)
        (job / "records").mkdir()
        events = job / "records" / "events.jsonl"
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(map(str, SOURCE_ROOTS)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "FOUNDATIONS_JOB_ID": "small-job",
            "ATLAS_JOB_DIR": str(job),
            "ATLAS_EVENTS": str(events),
            "ATLAS_ARTIFACTS": str(job / "artifacts"),
        }
        for command in ([*bare, "-I", "-c", load_all], [*bare, "-m", "atlas_worker", "main.py"]):
            run = subprocess.run(
                command, cwd=job, env=environment, capture_output=True, text=True, timeout=60
            )
            if run.returncode != 0:
                yield f"with {python}:\n{run.stdout}{run.stderr}"
                return
        lines = events.read_text().splitlines() if events.exists() else []
        recorded = [json.loads(line)["event"] for line in lines]
        if recorded != RECORDED_EVENTS:
            yield f"with {python}: a job recorded {recorded}, not {RECORDED_EVENTS}"


def main() -> None:
    """Exit with the faults found, if any."""
    files = job_side_files()
    job_side = frozenset(module_name(path) for path in files)
    found = [fault for path in files for fault in faults(path, job_side)]
    python = find_python_3_8()
    if python and not found:
        found.extend(run_all(python, files))
    if found:
        sys.exit("\n".join(found))
    ran = f"run with {python}" if python else "no Python 3.8 here to run them with"
    sys.stdout.write(f"{len(files)} job-side files are fit for Python 3.8 ({ran})\n")


if __name__ == "__main__":
    main()
