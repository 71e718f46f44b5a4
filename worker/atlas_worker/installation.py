"""Build an environment out of a requirements file with uv, for this and many other jobs.

    python -m atlas_worker.installation UV ENVIRONMENT WHEELS REQUIREMENTS [PACKAGE...]

REQUIREMENTS is a file, or a directory with a slash at its end when only PACKAGEs are wanted.

    exit 0   ENVIRONMENT is complete, with what is in it in `atlas-environment.json`
    exit 1   the requirements cannot be installed; uv's output says why
    exit 3   uv does not run here

It lies on top of the running interpreter: what that has already is not installed again. Nothing in
it depends on where it lies. When standard input ends, the caller is gone, and so is this.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Dict, List

ABOUT = "atlas-environment.json"
CANNOT_RUN = 3
_MISLEADING = (
    *("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"),
    *("UV_PROJECT", "UV_WORKING_DIR", "UV_CONFIG_FILE", "UV_NO_CACHE"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT"),
)
"""Variables, some usual in images, that would have uv install elsewhere."""


def main(arguments: List[str]) -> int:
    """Build the environment that the arguments describe; return the exit status."""
    uv, directory, wheels, path, *also = arguments
    from atlas_worker import pip_settings, requirements, shadows, surroundings

    environment = pip_settings.for_uv(os.environ)
    environment.update(UV_CACHE_DIR=wheels, UV_PYTHON_DOWNLOADS="never", UV_LINK_MODE="copy")
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # pip asks every index
    for name in _MISLEADING:
        environment.pop(name, None)
    # Paths in the file are relative to where it lies.
    os.chdir(os.path.dirname(path))
    common = ["--no-config", "--quiet", "--python"]
    made = _run([uv, "venv", *common, sys.executable, "--relocatable", directory], environment)
    if made != 0:
        return made
    packages = requirements.site_packages(directory)
    requirements.lay_over(packages, requirements.own_packages())
    shadows.cast(packages, requirements.own_packages())
    python = os.path.join(directory, "bin", "python")
    command = [uv, "pip", "install", "--no-config", "--no-progress", "--python", python]
    file_name = os.path.basename(path)
    wanted = [*(["-r", file_name] if file_name else []), "--", *also]
    command += pip_settings.options_for_uv(os.environ)
    installed = _run([*command, "--compile-bytecode", *wanted], environment)
    if installed != 0:
        return installed
    shadows.lift(packages)
    _describe(directory, surroundings.packages([packages]))
    return 0


def _run(command: List[str], environment: Dict[str, str]) -> int:
    try:
        status = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    except OSError as error:
        sys.stdout.write("{} does not run here: {}\n".format(command[0], error.strerror))
        return CANNOT_RUN
    # 127: its loader is there and a library is not.
    return CANNOT_RUN if status == 127 else min(1, abs(status))


def _describe(directory: str, packages: Dict[str, str]) -> None:
    names = sorted(packages)
    about = {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "packages": ["{}=={}".format(name, packages[name]) for name in names],
    }
    with open(os.path.join(directory, ABOUT), "w", encoding="ascii") as file:
        json.dump(about, file)
    if names:
        listed = " ".join("{}-{}".format(name, packages[name]) for name in names)
        sys.stdout.write("Successfully installed {}\n".format(listed))
    else:
        sys.stdout.write("All requirements are satisfied already.\n")


def _end_with_caller() -> None:
    while os.read(0, 4096):
        continue
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if os.environ.pop("ATLAS_END_WITH_CALLER", ""):
        threading.Thread(target=_end_with_caller, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
