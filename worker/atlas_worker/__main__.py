"""Install the job's requirements, then become its command: the standard entry point.

    python -m atlas_worker [COMMAND...]        ends as `python COMMAND...`

Signals and the exit code are the command's own, because this process is replaced by it.
"""

import os
import sys
from typing import List


def main(command: List[str]) -> int:
    """Replace this process by `python COMMAND...`; return an exit status only if that fails."""
    # `-m` puts the job's directory first: a file of the job must not shadow a module needed here.
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    from atlas_worker import requirements, secret_variables, surroundings

    python = sys.executable
    environment = dict(os.environ)
    path = requirements.find(environment)
    if path is None and not requirements.also(environment):
        sys.stdout.write("No user requirements found.\n")
        sys.stdout.flush()
    else:
        try:
            ready = environment.get(requirements.READY)
            if ready:
                python = requirements.use_ready(ready, environment)
            else:
                python = requirements.install(path, environment)
        except requirements.InstallError as error:
            sys.stderr.write("{}\n".format(error))
            return error.exit_code
    surroundings.record(python, environment)
    secret_variables.export(environment)
    os.execve(python, [python, *command], environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
