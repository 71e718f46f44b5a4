"""Install a job's requirements.txt into an environment on top of the running interpreter's.

Where the scheduler has an environment ready for the same requirements, the job's own one lies on
top of that instead, and nothing is installed.
"""

import glob
import importlib.util
import os
import shutil
import site
import subprocess
import sys
import venv
from typing import Dict, List, MutableMapping, Optional

FILE_NAME = "requirements.txt"
READY = "ATLAS_ENVIRONMENT"
"""Variable with the place of an environment in which the requirements are installed."""

ALSO = "ATLAS_ALSO_INSTALL"
"""Variable with requirements, separated by spaces, that come to those of the file."""


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


def also(environment: MutableMapping[str, str]) -> List[str]:
    """List what is to be installed though no file asks for it."""
    return environment.get(ALSO, "").split()


def install(path: Optional[str], environment: MutableMapping[str, str]) -> str:
    """Make the job's environment and install a requirements file into it.

    What pip says goes to standard output and error as it comes.

    Args:
        path: the requirements file; paths in it are relative to its directory. None when only
            what `also` lists is to be installed.
        environment: the job's environment variables; changed so that programs of the new
            environment are found first.

    Returns:
        The path of the new environment's interpreter.

    Raises:
        InstallError: it did not work; the reason has been printed.
    """
    directory = _own_directory(environment)
    try:
        _make_environment(directory)
    except (OSError, subprocess.CalledProcessError) as error:
        raise _cannot_make(directory, error) from error
    python = os.path.join(directory, "bin", "python")
    _run_pip(python, path, environment)
    _enter(directory, [], environment)
    return python


def use_ready(ready: str, environment: MutableMapping[str, str]) -> str:
    """Make the job's environment on top of one that is ready, which is not written to.

    Args:
        ready: the one in which the requirements are installed.
        environment: the job's environment variables; changed so that programs of both
            environments are found first.

    Returns:
        The path of the new environment's interpreter.

    Raises:
        InstallError: it did not work; the reason has been printed.
    """
    directory = _own_directory(environment)
    try:
        _copy_empty(ready, directory)
    except OSError as error:
        raise _cannot_make(directory, error) from error
    _enter(directory, [ready], environment)
    return os.path.join(directory, "bin", "python")


def site_packages(directory: str) -> str:
    """Name the directory of an environment that holds its packages."""
    (packages,) = glob.glob(os.path.join(glob.escape(directory), "lib", "*", "site-packages"))
    return packages


def lay_over(packages: str, others: List[str]) -> None:
    """Let an environment that has its packages in `packages` see those in `others` behind them."""
    with open(os.path.join(packages, "atlas_base.pth"), "w", encoding="ascii") as file:
        # addsitedir also reads the .pth files in there, of packages installed as editable.
        file.writelines("import site; site.addsitedir({})\n".format(ascii(each)) for each in others)


def own_packages() -> List[str]:
    """List where the running interpreter has its packages."""
    own = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        own.append(site.getusersitepackages())
    return [directory for directory in own if os.path.isdir(directory)]


def _own_directory(environment: MutableMapping[str, str]) -> str:
    return os.path.join(environment.get("ATLAS_JOB_DIR") or os.getcwd(), "environment")


def _cannot_make(directory: str, error: Exception) -> InstallError:
    sys.stderr.write("Cannot make an environment in {}: {}\n".format(directory, error))
    return InstallError(1)


def _enter(directory: str, below: List[str], environment: MutableMapping[str, str]) -> None:
    environment["VIRTUAL_ENV"] = directory
    programs = [os.path.join(each, "bin") for each in [directory, *below]]
    environment["PATH"] = os.pathsep.join([*programs, environment.get("PATH", os.defpath)])


def _copy_empty(ready: str, directory: str) -> None:
    """Make an environment of the same interpreter that holds nothing and sees what is ready."""
    shutil.rmtree(directory, ignore_errors=True)  # half of one that an earlier attempt left
    below = site_packages(ready)
    packages = os.path.join(directory, os.path.relpath(below, ready))
    os.makedirs(packages)
    os.mkdir(os.path.join(directory, "bin"))
    os.symlink("lib", os.path.join(directory, "lib64"))
    shutil.copyfile(os.path.join(ready, "pyvenv.cfg"), os.path.join(directory, "pyvenv.cfg"))
    for name in os.listdir(os.path.join(ready, "bin")):
        program = os.path.join(ready, "bin", name)
        if name.startswith("python") and os.path.islink(program):
            os.symlink(os.readlink(program), os.path.join(directory, "bin", name))
    lay_over(packages, [below])


def _make_environment(directory: str) -> None:
    """Make an empty environment that also sees the running interpreter's own packages."""
    has_pip = importlib.util.find_spec("pip") is not None
    if not has_pip and importlib.util.find_spec("ensurepip") is None:
        raise OSError("{} has no pip".format(sys.executable))
    # An earlier attempt of the job may have left half of one there.
    venv.EnvBuilder(clear=True, symlinks=True, with_pip=not has_pip).create(directory)
    lay_over(site_packages(directory), own_packages())


def _run_pip(python: str, path: Optional[str], environment: MutableMapping[str, str]) -> None:
    # Isolated, because a file of the job (queue.py, types.py, ...) must not shadow what pip needs.
    command = [python, "-I", "-u", "-m", "pip", "install", "--no-input"]
    command += ["--disable-pip-version-check"]
    command += [*([] if path is None else ["-r", path]), "--", *also(environment)]
    pip = subprocess.run(
        command,
        cwd=None if path is None else os.path.dirname(path),
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
