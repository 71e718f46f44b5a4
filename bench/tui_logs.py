"""Logs in the control center on a real terminal: 50,000 lines a second, and one of 1 GB."""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import measure, rig
from bench.measure import Figure, Peer, Plan
from bench.terminal import Terminal, atlas, peer
from bench.tui_peer import READY
from foundations.client import Client
from foundations.models import FINAL_STATES, JobSpec, Submission

CPU_PERCENT, KEY_P95_MS, OPEN_MS = 35.0, 40.0, 200.0
LINES_A_SECOND = 50_000
PEER_LINES = 20_000
"""So few the stock log opens: of 1 GB it would not be through within the hour."""
_SPARE_SECONDS = 6
"""So much longer lines come than is looked on."""
_LAST = "the last line, written at "
_WRITTEN = re.compile(rf"{_LAST}(\d+\.\d+)")
_NUMBER = re.compile(r"(\d{9}) epoch 3")
_LINE = "{:09d} epoch 3 loss 0.123456 accuracy 0.987654 learning rate 0.001 images a second 1234 x"
_PEER_ROW, _OUR_ROW = 3, 5
"""Rows of the screen that the cursor is moved to, below the first job of the table."""
_PROGRAM = f'''
import sys, time
count, rate = int(sys.argv[1]), float(sys.argv[2])
began, sent, line = time.monotonic(), 0, "{_LINE}\\n"
while sent < count:
    due = min(count, int((time.monotonic() - began) * rate), sent + 50000)
    sys.stdout.write("".join([line.format(number) for number in range(sent, due)]))
    sys.stdout.flush()
    sent = due
    time.sleep(0.005)
print("{_LAST}" + repr(time.time()), flush=True)
'''
_BIG_PROGRAM = f'''
import sys, time
block = ("{_LINE}\\n".format(0) * 12000).encode()
for _ in range(int(sys.argv[1]) // len(block)):
    sys.stdout.buffer.write(block)
sys.stdout.flush()
print("{_LAST}" + repr(time.time()), flush=True)
'''


@dataclass(frozen=True)
class Course:
    """What a stream of lines cost one app."""

    percent: float
    keys_ms: list[float]
    lines_a_second: float
    """How fast the pane went on."""


def log_figures(server: rig.Server, plan: Plan) -> list[Figure]:
    """Measure a log that comes fast, then a large one."""
    seconds = plan.count(10, 4)
    with rig.workspace() as root:
        program = _written(root / "lines" / "main.py", _PROGRAM)
        measure.say(f"tui: {LINES_A_SECOND:,} lines a second …")
        digest = rig.upload(server.client, program.parent, root / "lines.tar.gz")
        ours, behind, lost = _our_stream(server, digest, seconds)
        measure.say(f"tui: {LINES_A_SECOND:,} lines a second, into the stock log …")
        stock = _stock_stream(program, seconds)
        big = _written(root / "big" / "main.py", _BIG_PROGRAM)
        digest = rig.upload(server.client, big.parent, root / "big.tar.gz")
        opened = _open_figure(server, digest, plan, root)
    rate = f"log at {LINES_A_SECOND:,} lines/s"
    keys = Peer("RichLog", stock.keys_ms)
    return [
        Figure(
            f"tui: {rate}, processor of the app",
            [ours.percent],
            unit="%",
            target=CPU_PERCENT,
            peer=Peer("RichLog", [stock.percent]),
        ),
        Figure(
            f"tui: {rate}, key to the cursor's row",
            ours.keys_ms,
            target=KEY_P95_MS,
            by_p95=True,
            peer=keys,
        ),
        Figure(
            f"tui: {rate}, last line written to shown",
            [behind],
        ),
        Figure(
            f"tui: {rate}, lines that the pane goes through",
            [ours.lines_a_second],
            unit="1/s",
            at_least=True,
            peer=Peer("RichLog", [stock.lines_a_second]),
        ),
        Figure(f"tui: {rate}, lines lost or out of order", [lost], unit="1", target=0.0),
        opened,
    ]


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def _submit(client: Client, digest: str, *words: str) -> str:
    spec = JobSpec(project="bench", entrypoint=(sys.executable, "-S", "main.py", *words))
    return client.submit(Submission(spec=spec, bundle=digest)).job_id


# -- many lines


def _our_stream(server: rig.Server, digest: str, seconds: int) -> tuple[Course, float, float]:
    count = LINES_A_SECOND * (seconds + _SPARE_SECONDS)
    with atlas(server.home) as shown:
        shown.settle()
        shown.press("1")
        shown.settle()
        at = shown.press("g")
        job_id = _submit(server.client, digest, str(count), str(LINES_A_SECOND))
        shown.until_shown(job_id[:8], since=at)
        at = shown.press("g")  # the cursor stays on the job that it was on
        shown.until_shown("epoch 3 loss", since=at)
        course = _stream(shown, seconds, _OUR_ROW)
        behind = _behind_ms(shown)
    return course, behind, _lost(server.client, job_id, count)


def _lost(client: Client, job_id: str, count: int) -> float:
    """How many of the lines are not where they should be in the log that is kept."""
    wanted, lost, rest = 0, 0, b""
    for piece in client.logs(job_id, follow=True):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            lost += wanted < count and line != _LINE.format(wanted).encode()
            wanted += 1
    return float(lost + abs(count + 1 - wanted))


def _stock_stream(program: Path, seconds: int) -> Course:
    count = str(LINES_A_SECOND * (seconds + _SPARE_SECONDS))
    command = [sys.executable, "-S", str(program), count, str(LINES_A_SECOND)]
    with peer("log", *command) as shown:
        shown.until_shown("epoch 3 loss", since=shown.began)
        return _stream(shown, seconds, _PEER_ROW)


def _stream(shown: Terminal, seconds: int, row: int) -> Course:
    """Move the cursor to and fro while lines come."""
    pauses = random.Random(1)
    keys: list[float] = []
    first = _newest(shown)
    began, before = time.perf_counter(), shown.cpu_seconds
    while time.perf_counter() - began < seconds:
        for key in "jk":
            at = shown.press(key)
            keys.append(shown.until_painted(row, since=at))
        shown.read_for(pauses.uniform(0.1, 0.3))
    elapsed = time.perf_counter() - began
    percent = (shown.cpu_seconds - before) / elapsed * 100
    return Course(percent, keys, (_newest(shown) - first) / elapsed)


def _newest(shown: Terminal) -> int:
    """The number of the newest line on the screen."""
    shown.press("")
    found: list[str] = []
    while not found:
        shown.read(1.0)
        found = _NUMBER.findall(shown.text)
    return max(int(one) for one in found)


def _behind_ms(shown: Terminal) -> float:
    """From when the last line was written to when it is on the screen."""
    shown.until_shown(_LAST, since=0.0)
    at = time.time()
    shown.read_for(0.05)
    found = _WRITTEN.search(shown.text)
    if found is None:
        raise RuntimeError("the last line is not whole on the screen")
    return (at - float(found[1])) * 1000


# -- a large log


def _open_figure(server: rig.Server, digest: str, plan: Plan, root: Path) -> Figure:
    size = plan.count(1_000_000_000, 100_000_000)
    measure.say(f"tui: a log of {size / 1e6:.0f} MB …")
    job_id = _submit(server.client, digest, str(size))
    rig.until(lambda: server.client.job(job_id).state in FINAL_STATES)
    server.wait_archived(job_id)
    opened = []
    for _ in range(plan.count(6, 3)):
        with atlas(server.home) as shown:
            shown.settle()
            at = shown.press("12")  # the jobs screen may be there already, and paint nothing
            shown.until_shown(job_id[:8], since=at)
            shown.settle()
            shown.press("g")
            shown.settle()
            at = shown.press("l")
            opened.append(shown.until_shown(_LAST, since=at))
    lines = "".join(f"{line}\n" for line in _numbered(PEER_LINES))
    path = _written(root / "stock" / "log", f"{lines}{_LAST}0.0\n")
    with peer("file", str(path)) as shown:
        shown.until_shown(READY, since=shown.began)
        shown.settle()
        at = shown.press("l")
        stock = shown.until_shown(_LAST, since=at)
    what = f"tui: log of {size / 1e6:.0f} MB, key to its last line"
    return Figure(
        what, opened, target=OPEN_MS, peer=Peer(f"RichLog, {len(lines) / 1e6:.1f} MB", [stock])
    )


def _numbered(count: int) -> Iterator[str]:
    return (_LINE.format(number) for number in range(count))
