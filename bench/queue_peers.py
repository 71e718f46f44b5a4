"""Peers of the queue on one machine: task-spooler and Slurm, each set up for one measurement.

Both are Debian packages (`task-spooler`; `slurmctld`, `slurmd` and `slurm-client`). Where one is
missing or does not come up, there is no figure of it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.01
_SLURM_CONF = """\
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool-%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerParameters=batch_sched_delay=0,sched_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
NodeName=s1 NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs={slots} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def task_spooler_seconds(count: int, *, slots: int, root: Path) -> float | None:
    """How long task-spooler takes from the first submission of `true` to the end of the last."""
    program = shutil.which("tsp")
    if program is None:
        return None
    (root / "tsp").mkdir()
    environment = {
        **os.environ,
        "TS_SOCKET": str(root / "tsp.sock"),
        "TS_SLOTS": str(slots),
        "TS_MAXFINISHED": str(count),
        "TMPDIR": str(root / "tsp"),
    }

    def tsp(*words: str) -> str:
        done = subprocess.run(
            [program, *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    tsp()  # its server starts with the first call
    try:
        began = time.perf_counter()
        for _ in range(count):
            tsp("-n", "true")
        _until(lambda: tsp("-l").count("finished") >= count)
        return time.perf_counter() - began
    finally:
        tsp("-K")


def slurm_seconds(count: int, *, slots: int, root: Path) -> float | None:
    """How long Slurm takes from the submission of an array of `true` to the end of its last job."""
    programs = [_sbin(name) for name in ("slurmctld", "slurmd", "sbatch", "squeue", "sinfo")]
    if None in programs or os.getuid() != 0:
        return None
    try:
        with _slurm(root, slots=slots) as environment:
            began = time.perf_counter()
            words = ("--parsable", "-o", "/dev/null", f"--array=0-{count - 1}", "--wrap", "true")
            job_id = _ask(environment, "sbatch", *words).strip()
            _until(lambda: not _ask(environment, "squeue", "-h", "-j", job_id).strip())
            return time.perf_counter() - began
    except (subprocess.CalledProcessError, TimeoutError):
        return None


@contextmanager
def _slurm(root: Path, *, slots: int) -> Iterator[dict[str, str]]:
    """Run a controller and one node; gives the environment in which its commands find them."""
    own = root / "slurm"
    (own / "state").mkdir(parents=True)
    conf = own / "slurm.conf"
    controller_port, node_port = _free_ports(2)
    conf.write_text(
        _SLURM_CONF.format(
            host=socket.gethostname().partition(".")[0],
            root=own,
            slots=slots,
            controller_port=controller_port,
            node_port=node_port,
        )
    )
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    with ExitStack() as stack:
        for name, *words in (("slurmctld",), ("slurmd", "-N", "s1")):
            command = [str(_sbin(name)), "-D", "-f", str(conf), *words]
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        _until(lambda: "idle" in _ask(environment, "sinfo", "-h", "-o", "%T"))
        yield environment


def _ask(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def _sbin(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("a peer did not come to its end")
        time.sleep(_POLL_SECONDS)
