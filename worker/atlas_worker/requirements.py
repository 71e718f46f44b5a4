"""Install a job's requirements.txt into an environment on top of the running interpreter's."""

import glob
import importlib.util
import os
import site
import subprocess
import sys
import venv
from typing import Dict, List, MutableMapping, Optional

FILE_NAME = "requirements.txt"


class InstallError(Exception):
    """The requirements could not be installed; the text is the last line of the job's log.

    Attributes:
        exit_code: what the job ends with.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(
            "Installing {} failed (exit code {}); the job was not started.".format(
                FILE_NAME, exit_code
            )
        )
        self.exit_code = exit_code


def find(environment: MutableMapping[str, str]) -> Optional[str]:
    """Find the file in the current directory, else at the top of the job's work dir.

    Returns:
        Its path; None when there is none, or it asks for nothing.
    """
    candidates = [os.path.abspath(FILE_NAME)]
    if environment.get("ATLAS_JOB_DIR"):
        candidates.append(os.path.join(environment["ATLAS_JOB_DIR"], "job_source", FILE_NAME))
    for path in candidates:
        if os.path.isfile(path):
            return path if _asks_for_something(path) else None
    return None


def _asks_for_something(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            lines = file.read().replace(b"\xef\xbb\xbf", b"").splitlines()
    except OSError:
        return True  # pip will say what is wrong with it
    return any(line.strip() and not line.strip().startswith(b"#") for line in lines)


def install(path: str, environment: MutableMapping[str, str]) -> str:
    """Make the job's environment and install a requirements file into it.

    What pip says goes to standard output and error as it comes.

    Args:
        path: the requirements file; paths in it are relative to its directory.
        environment: the job's environment variables; changed so that programs of the new
            environment are found first.

    Returns:
        The path of the new environment's interpreter.

    Raises:
        InstallError: it did not work; the reason has been printed.
    """
    parent = environment.get("ATLAS_JOB_DIR") or os.path.dirname(path)
    directory = os.path.join(parent, "environment")
    try:
        _make_environment(directory)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write("Cannot make an environment in {}: {}\n".format(directory, error))
        raise InstallError(1) from error
    python = os.path.join(directory, "bin", "python")
    _run_pip(python, path, environment)
    environment["VIRTUAL_ENV"] = directory
    environment["PATH"] = os.pathsep.join(
        [os.path.join(directory, "bin"), environment.get("PATH", os.defpath)]
    )
    return python


def _make_environment(directory: str) -> None:
    """Make an empty environment that also sees the running interpreter's own packages."""
    has_pip = importlib.util.find_spec("pip") is not None
    if not has_pip and importlib.util.find_spec("ensurepip") is None:
        raise OSError("{} has no pip".format(sys.executable))
    # An earlier attempt of the job may have left half of one there.
    venv.EnvBuilder(clear=True, symlinks=True, with_pip=not has_pip).create(directory)
    (packages,) = glob.glob(os.path.join(glob.escape(directory), "lib", "*", "site-packages"))
    with open(os.path.join(packages, "atlas_base.pth"), "w", encoding="ascii") as file:
        # addsitedir also reads the .pth files in there, of packages installed as editable.
        file.writelines(
            "import site; site.addsitedir({})\n".format(ascii(each)) for each in _own_packages()
        )


def _own_packages() -> List[str]:
    own = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        own.append(site.getusersitepackages())
    return [directory for directory in own if os.path.isdir(directory)]


def _run_pip(python: str, path: str, environment: MutableMapping[str, str]) -> None:
    # Isolated, because a file of the job (queue.py, types.py, ...) must not shadow what pip needs.
    command = [python, "-I", "-u", "-m", "pip", "install", "--no-input"]
    command += ["--disable-pip-version-check", "-r", path]
    pip = subprocess.run(
        command,
        cwd=os.path.dirname(path),
        env=_environment_of_pip(environment),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if pip.returncode != 0:
        raise InstallError(pip.returncode if pip.returncode > 0 else 128 - pip.returncode)


def _environment_of_pip(environment: MutableMapping[str, str]) -> Dict[str, str]:
    chosen = {**environment, "PIP_USER": "0"}
    home, job_dir = environment.get("HOME", ""), environment.get("ATLAS_JOB_DIR")
    if job_dir and home.startswith(job_dir) and "PIP_CACHE_DIR" not in environment:
        # Nobody will use that cache again, and it would keep every package a second time.
        chosen["PIP_NO_CACHE_DIR"] = "1"
    return chosen
