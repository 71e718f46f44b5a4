"""Become JupyterLab, reachable for who may act on the job: the command of a notebook's job.

    python -m atlas_worker.notebook [OPTIONS]         becomes JupyterLab, with options of its own
    python -m atlas_worker.notebook --where SECONDS   prints where it listens and its token, as
        JSON, once it answers; exit code 75 when it does not in that time

The token is made here, new for each start. It is in a file that only the job's user can read and in
the environment of JupyterLab, and nowhere else: not in the command, not in the log.
"""

import os
import sys
from typing import Dict, List

WHERE = "--where"
NOT_YET = 75
_FILE = "notebook.json"
_LOOK_SECONDS = 0.1
_START = "import sys; del sys.path[0]; from jupyterlab.labapp import main; sys.exit(main())"
"""Without the job's directory in the path, whose files must not shadow what JupyterLab needs."""


def main(arguments: List[str]) -> int:
    """Replace this process by JupyterLab, or say where that is; return the exit status."""
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    import importlib.util

    home = os.path.join(os.environ.get("ATLAS_JOB_DIR") or os.getcwd(), "home")
    if arguments[:1] == [WHERE]:
        return _say_where(os.path.join(home, _FILE), float(arguments[1]))
    if importlib.util.find_spec("jupyterlab") is None:
        sys.stderr.write(
            "JupyterLab is not installed here, and an entry point of the image's own installs "
            "nothing. Put jupyterlab into the image, or use the entry point "
            "`python -m atlas_worker`.\n"
        )
        return 1
    port, host = _free_port(), _host()
    environment = dict(os.environ)
    environment["JUPYTER_TOKEN"] = _note(os.path.join(home, _FILE), port)
    # The files in there tell the token too.
    environment["JUPYTER_RUNTIME_DIR"] = os.path.join(home, "jupyter-runtime")
    _find_extensions(environment)
    options = ["--no-browser", "--ip={}".format(host), "--port={}".format(port)]
    options += ["--ServerApp.port_retries=0", "--ServerApp.allow_remote_access=True"]
    options += ["--ServerApp.root_dir={}".format(os.getcwd())]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    command = [sys.executable, "-c", _START, *options, *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted


def _find_extensions(environment: Dict[str, str]) -> None:
    """Let Jupyter find what packages bring for it, also those of environments below this one.

    It looks in its own environment only, which is an empty one on top of those.
    """
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    prefixes = [os.path.dirname(os.path.dirname(os.path.dirname(path))) for path in packages]
    for name, below in (("JUPYTER_PATH", "share"), ("JUPYTER_CONFIG_PATH", "etc")):
        places = [os.path.join(prefix, below, "jupyter") for prefix in prefixes]
        found = [*filter(None, [environment.get(name)]), *filter(os.path.isdir, places)]
        environment[name] = os.pathsep.join(found)


def _note(path: str, port: int) -> str:
    """Make a token, and write down where it is valid, for the job's user only."""
    import json
    import secrets

    token = secrets.token_hex(16)  # more would break the URL in a terminal of 80 columns
    os.makedirs(os.path.dirname(path), exist_ok=True)
    partial = "{}.{}".format(path, os.getpid())
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with open(os.open(partial, flags, 0o600), "w", encoding="ascii") as file:
        json.dump({"pid": os.getpid(), "port": port, "token": token}, file)
    os.replace(partial, path)
    return token


def _say_where(path: str, seconds: float) -> int:
    import time

    deadline = time.monotonic() + seconds
    while not _said_where(path):
        if time.monotonic() >= deadline:
            return NOT_YET
        time.sleep(_LOOK_SECONDS)
    return 0


def _said_where(path: str) -> bool:
    import http.client
    import json

    try:
        with open(path, encoding="ascii") as file:
            noted: Dict[str, object] = json.load(file)
        port = int(str(noted["port"]))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/api")
        status = connection.getresponse().status
        connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return False
    if status == 200:
        sys.stdout.write(json.dumps({"port": port, "token": noted["token"]}) + "\n")
    return status == 200


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _host() -> str:
    """Choose where to listen: at all addresses only in a container with an address of its own."""
    import socket

    name = os.environ.get("FOUNDATIONS_JOB_ID", "")[:8]
    if os.environ.get("ATLAS_JOB_DIR") == "/job" and socket.gethostname() == name:
        try:
            socket.gethostbyname(name)
        except OSError:
            return "127.0.0.1"
        return "0.0.0.0"  # noqa: S104 - of the container
    return "127.0.0.1"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
