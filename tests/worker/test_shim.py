"""The shim owns one job's process: one run at most, and its end is always on record."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.disks import mounted_disk
from tests.worker.interpreters import INTERPRETERS, ROOT

SHIM = ROOT / "worker" / "atlas_worker" / "shim.py"
DEADLINE_SECONDS = 30
EVERY_BYTE = bytes(range(256)) * 3


class Attempt:
    """One attempt to start: its spec, its private files, and the shim that it makes."""

    def __init__(self, directory: Path) -> None:
        self.private = directory / "private"
        self.private.mkdir()
        self.cwd = directory / "cwd"
        self.cwd.mkdir()
        self.log = directory / "job.log"
        self.python = sys.executable

    def specify(self, *argv: str, **other: Any) -> list[str]:
        """Write the spec; return the command that starts the shim with it."""
        spec: dict[str, Any] = {
            "argv": argv,
            "env": {"PATH": os.environ["PATH"]},
            "cwd": str(self.cwd),
            "log": str(self.log),
            "private_dir": str(self.private),
        }
        path = self.private / "spec.json"
        path.write_text(json.dumps({**spec, **other}))
        return [self.python, "-I", "-S", "-B", "-X", "utf8", str(SHIM), str(path)]

    def start(self, *argv: str, **other: Any) -> None:
        """Start a job, and see that the call says so."""
        ended = self.call(self.specify(*argv, **other))
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")

    def call(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, timeout=DEADLINE_SECONDS)

    def wait(self) -> dict[str, Any]:
        """Wait until the shim has let go of its lock; return the record of the job's end."""
        with (self.private / "shim.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        return self.exited()

    def run(self, *argv: str, **other: Any) -> dict[str, Any]:
        self.start(*argv, **other)
        return self.wait()

    def is_owned(self) -> bool:
        """Tell whether a shim holds the lock."""
        with (self.private / "shim.lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def started(self) -> dict[str, Any]:
        return dict(json.loads((self.private / "started.json").read_text()))

    def exited(self) -> dict[str, Any]:
        return dict(json.loads((self.private / "exit.json").read_text()))

    def wait_for_log(self, text: bytes) -> None:
        """Wait until the job has said something."""
        wait_until(lambda: self.log.exists() and text in self.log.read_bytes())


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(params=INTERPRETERS)
def attempt(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Attempt]:
    made = Attempt(tmp_path)
    made.python = request.param
    yield made
    if (made.private / "started.json").exists() and made.is_owned():
        os.killpg(made.started()["pgid"], signal.SIGKILL)
        made.wait()


def test_the_job_runs_with_exactly_what_the_spec_says(attempt: Attempt) -> None:
    program = (
        "import os, sys; sys.stdout.flush(); "
        "print(sys.argv[1:], dict(os.environ), os.getcwd(), sys.stdin.read())"
    )
    argv = ["", "two words", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "half \udcff"]
    environment = {"LC_ALL": "C.UTF-8", "X": "a=b\n\N{SNOWMAN}"}
    attempt.start(sys.executable, "-I", "-S", "-c", program, *argv, env=environment)
    ended = attempt.wait()

    assert ended["exit_code"] == 0
    said = attempt.log.read_text(encoding="utf-8")
    assert said == f"{argv} {environment} {attempt.cwd} \n"


def test_the_log_has_every_byte_in_order(attempt: Attempt) -> None:
    attempt.log.write_bytes(b"what Atlas said\n")
    program = f"import os\nfor byte in {EVERY_BYTE!r}: os.write(1 + byte % 2, bytes([byte]))\n"
    attempt.run(sys.executable, "-I", "-S", "-c", program)

    assert attempt.log.read_bytes() == b"what Atlas said\n" + EVERY_BYTE


@pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
def test_the_exit_code_is_kept(attempt: Attempt, code: int) -> None:
    before_ms = time.time_ns() // 1_000_000
    ended = attempt.run("sh", "-c", f"exit {code}")

    at_ms = ended.pop("at_ms")
    assert ended == {"exit_code": code, "signal": None, "error": None}
    assert before_ms <= attempt.started()["at_ms"] <= at_ms <= time.time_ns() // 1_000_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_is_kept(attempt: Attempt, number: signal.Signals) -> None:
    ended = attempt.run("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")

    assert (ended["exit_code"], ended["signal"]) == (128 + number, number)


def test_the_job_is_stopped_through_its_group(attempt: Attempt) -> None:
    attempt.start("sh", "-c", "sleep 1000 & echo ready; wait")
    attempt.wait_for_log(b"ready")
    started = attempt.started()
    assert os.getpgid(started["pid"]) == started["pid"] == started["pgid"]
    assert os.getpgid(started["shim_pid"]) != started["pgid"]
    os.killpg(started["pgid"], signal.SIGTERM)

    assert attempt.wait()["exit_code"] == 143


def test_a_job_that_handles_the_signal_chooses_its_exit_code(attempt: Attempt) -> None:
    attempt.start("sh", "-c", "trap 'echo saving; exit 9' TERM; echo ready; sleep 1000 & wait")
    attempt.wait_for_log(b"ready")
    os.killpg(attempt.started()["pgid"], signal.SIGTERM)

    ended = attempt.wait()
    assert (ended["exit_code"], ended["signal"]) == (9, None)
    assert attempt.log.read_bytes() == b"ready\nsaving\n"


def test_the_job_can_be_told_from_another_process_with_its_number(attempt: Attempt) -> None:
    attempt.start("sh", "-c", "sleep 1000")
    started = attempt.started()

    stat = Path(f"/proc/{started['pid']}/stat").read_text().rpartition(")")[2].split()
    assert started["start_ticks"] == int(stat[19])
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert started["boot_id"] == boot_id


def test_the_job_survives_the_death_of_who_started_it(attempt: Attempt) -> None:
    """The starter and its whole session are killed, as by a crash of the server."""
    command = attempt.specify("sh", "-c", "echo begun; cat go; echo done; exit 5")
    os.mkfifo(attempt.cwd / "go")
    program = (
        f"import subprocess, time; subprocess.run({command!r}); print('up', flush=True); "
        "time.sleep(1000)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        attempt.wait_for_log(b"begun")
        os.killpg(starter.pid, signal.SIGKILL)
    assert attempt.is_owned()
    (attempt.cwd / "go").write_bytes(b"after the crash\n")

    assert attempt.wait()["exit_code"] == 5
    assert attempt.log.read_bytes() == b"begun\nafter the crash\ndone\n"


def test_the_job_is_owned_also_when_the_call_is_killed_on_the_way(attempt: Attempt) -> None:
    command = attempt.specify("sh", "-c", "echo said; exit 5")
    os.mkfifo(attempt.log)  # keeps the start from its end until someone reads
    with subprocess.Popen(command) as call:
        wait_until(lambda: (attempt.private / "started.json").exists())
        call.kill()
    assert attempt.log.read_bytes() == b"said\n"

    assert attempt.wait()["exit_code"] == 5


def test_started_many_times_at_once_it_runs_once(attempt: Attempt) -> None:
    command = attempt.specify("sh", "-c", "echo ran >>count; read line <go")
    os.mkfifo(attempt.cwd / "go")
    calls = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(8)]
    answers = [(call.communicate()[1], call.returncode) for call in calls]
    (attempt.cwd / "go").write_text("\n")
    attempt.wait()

    assert answers == [(b"", 0)] * 8
    assert (attempt.cwd / "count").read_text() == "ran\n"


def test_a_start_after_the_end_does_nothing(attempt: Attempt) -> None:
    command = attempt.specify("sh", "-c", "echo ran >>count")
    attempt.call(command)
    first = attempt.wait()
    again = attempt.call(command)

    assert (again.returncode, again.stderr) == (0, b"")
    assert attempt.wait() == first
    assert (attempt.cwd / "count").read_text() == "ran\n"


def test_a_start_after_the_death_of_the_shim_does_nothing(attempt: Attempt) -> None:
    command = attempt.specify("sh", "-c", "echo ran >>count; echo ready; sleep 1000")
    attempt.call(command)
    attempt.wait_for_log(b"ready")
    started = attempt.started()
    os.kill(started["shim_pid"], signal.SIGKILL)
    wait_until(lambda: not attempt.is_owned())
    again = attempt.call(command)

    assert again.returncode == 0
    assert not attempt.is_owned()
    assert not (attempt.private / "exit.json").exists()
    assert is_alive(started["pid"]), "how the job ended is not known, because it has not"
    os.killpg(started["pgid"], signal.SIGKILL)
    assert (attempt.cwd / "count").read_text() == "ran\n"


def test_the_lock_tells_from_the_return_of_the_call_to_the_end(attempt: Attempt) -> None:
    attempt.start("sh", "-c", "sleep 1000")
    assert attempt.is_owned()
    os.killpg(attempt.started()["pgid"], signal.SIGKILL)
    attempt.wait()

    assert not attempt.is_owned()


def test_someone_who_only_looks_at_the_lock_does_not_prevent_a_start(attempt: Attempt) -> None:
    command = attempt.specify("true")
    path = attempt.private / "shim.lock"
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        call = subprocess.Popen(command)
        wait_until(lambda: path in open_files(call.pid))
    assert call.wait(DEADLINE_SECONDS) == 0

    assert attempt.wait()["exit_code"] == 0


def open_files(pid: int) -> list[Path]:
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            found.append(file.readlink())
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_shim_outlives_a_signal_of_its_own(attempt: Attempt, number: signal.Signals) -> None:
    os.mkfifo(attempt.cwd / "go")
    attempt.start("sh", "-c", "read line <go; exit 4")
    os.kill(attempt.started()["shim_pid"], number)
    (attempt.cwd / "go").write_text("\n")

    assert attempt.wait()["exit_code"] == 4


def test_nothing_of_a_job_outlives_it(attempt: Attempt) -> None:
    """Neither a background process nor a daemon in a session of its own."""
    (attempt.cwd / "daemon.py").write_text(
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "open('daemon', 'w').write(str(os.getpid()))\n"
        "os.rename('daemon', 'daemon.pid')\n"
        "while True: time.sleep(1000)\n"
    )
    script = (
        "sleep 1000 & echo $! >background.pid\n"
        f"{sys.executable} -I -S daemon.py\n"
        "while [ ! -e daemon.pid ]; do :; done\n"
        "exit 6"
    )
    ended = attempt.run("sh", "-c", script)

    assert ended["exit_code"] == 6
    pids = [int((attempt.cwd / f"{name}.pid").read_text()) for name in ("background", "daemon")]
    assert [pid for pid in pids if is_alive(pid)] == []


def test_orphans_that_end_before_the_job_are_not_kept_as_zombies(attempt: Attempt) -> None:
    script = "(sh -c 'echo $$ >orphan.pid' &); echo ready; read line <go"
    os.mkfifo(attempt.cwd / "go")
    attempt.start("sh", "-c", script)
    wait_until(lambda: (attempt.cwd / "orphan.pid").exists())
    wait_until(lambda: (attempt.cwd / "orphan.pid").read_text())
    orphan = int((attempt.cwd / "orphan.pid").read_text())
    wait_until(lambda: not Path(f"/proc/{orphan}").exists())
    (attempt.cwd / "go").write_text("\n")

    assert attempt.wait()["exit_code"] == 0


def test_nothing_that_the_starter_had_open_stays_open(attempt: Attempt) -> None:
    command = attempt.specify("sh", "-c", "ls /proc/self/fd | wc -l; sleep 1000")
    reader, writer = os.pipe()
    subprocess.run(command, pass_fds=[writer], check=True, capture_output=True)
    os.close(writer)

    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"", "the job or its shim would still hold the other end"
    attempt.wait_for_log(b"\n")
    # 0, 1, 2 and the one that lists them
    assert attempt.log.read_bytes().strip() == b"4"


def test_no_signal_is_ignored_or_blocked_in_the_job(attempt: Attempt) -> None:
    command = attempt.specify("grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status")
    program = (
        "import signal, subprocess, sys\n"
        "for each in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1):\n"
        "    signal.signal(each, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])\n"
        f"sys.exit(subprocess.call({command!r}))\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    attempt.wait()

    none = b"0" * 16
    assert attempt.log.read_bytes() == b"SigBlk:\t" + none + b"\nSigIgn:\t" + none + b"\n"


def test_limits_are_set_for_the_job(attempt: Attempt) -> None:
    attempt.run("sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c", rlimits={"NOFILE": 77, "CORE": 0})

    assert attempt.log.read_text() == "77\n77\n0\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 77


CANNOT_START = [
    ({"argv": ["no-such-program"]}, 127, "cannot start 'no-such-program': No such file"),
    ({"argv": ["/no/such/program"]}, 127, "cannot start '/no/such/program': No such file"),
    ({"argv": ["/"]}, 126, "cannot start '/': Permission denied"),
    ({"argv": ["nul\0"]}, 126, "embedded null"),
    ({"argv": ["true", 3]}, 126, "not int"),
    ({"cwd": "/no/such/folder"}, 127, "No such file or directory (/no/such/folder)"),
    (
        {"log": "/no/such/folder/job.log"},
        127,
        "No such file or directory (/no/such/folder/job.log)",
    ),
    ({"rlimits": {"NO_SUCH": 1}}, 126, "there is no limit RLIMIT_NO_SUCH"),
    ({"argv": ["x" * 5000]}, 126, "File name too long"),
]


@pytest.mark.parametrize(("wrong", "code", "text"), CANNOT_START)
def test_a_program_that_cannot_be_started_leaves_the_reason(
    attempt: Attempt, wrong: dict[str, Any], code: int, text: str
) -> None:
    attempt.start("true", **wrong)

    ended = attempt.exited()
    assert (ended["exit_code"], ended["signal"]) == (code, None)
    assert text in ended["error"] or len(ended["error"]) == 1000
    attempt.wait()


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"argv": []}, "argv is empty"),
        ({"argv": "true"}, "argv is not a list"),
        ({"env": None}, "env is not a dict"),
        ({"private_dir": "/no/such/folder"}, "private_dir is not a directory"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused(
    attempt: Attempt, wrong: dict[str, Any], text: str
) -> None:
    ended = attempt.call(attempt.specify("true", **wrong))

    assert ended.returncode == 2
    assert text in ended.stderr.decode()
    assert {path.name for path in attempt.private.iterdir()} == {"spec.json"}


@pytest.mark.parametrize("content", [None, "", "[]", "{"])
def test_a_spec_that_cannot_be_read_is_refused(attempt: Attempt, content: str | None) -> None:
    command = attempt.specify("true")
    path = attempt.private / "spec.json"
    path.unlink() if content is None else path.write_text(content)
    ended = attempt.call(command)

    assert ended.returncode == 2
    assert b"cannot use the spec" in ended.stderr


def test_a_start_that_cannot_be_recorded_does_not_happen_and_may_be_repeated(
    attempt: Attempt,
) -> None:
    command = attempt.specify("sh", "-c", "echo ran >>count")
    in_the_way = attempt.private / "started.json.part"
    in_the_way.mkdir()
    refused = attempt.call(command)

    assert refused.returncode == 1
    assert b"Is a directory" in refused.stderr
    assert not (attempt.cwd / "count").exists()
    in_the_way.rmdir()
    assert attempt.call(command).returncode == 0
    assert attempt.wait()["exit_code"] == 0
    assert (attempt.cwd / "count").read_text() == "ran\n"


def test_how_a_job_ended_is_kept_on_a_disk_that_it_filled_to_the_last_byte(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted_disk(disk, size_mib=1):
        attempt = Attempt(disk)
        fill = f"""
import os, sys
with open({str(disk / "data")!r}, "wb", buffering=0) as file:
    try:
        while True:
            file.write(os.urandom(4096))
    except OSError:
        sys.exit(7)
"""
        end = attempt.run(sys.executable, "-c", fill)
        assert end["exit_code"] == 7
        with pytest.raises(OSError, match="No space left"):
            (disk / "more").write_bytes(b"x" * 8192)


def test_the_shim_is_also_a_module(attempt: Attempt) -> None:
    command = attempt.specify("sh", "-c", "exit 8")
    environment = {"PYTHONPATH": str(ROOT / "worker"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [attempt.python, "-m", "atlas_worker.shim", command[-1]], env=environment, check=True
    )

    assert attempt.wait()["exit_code"] == 8
