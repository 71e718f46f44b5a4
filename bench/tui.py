"""The control center on a real terminal with a full store, next to stock widgets of Textual."""

from __future__ import annotations

from dataclasses import dataclass

from bench import measure, rig
from bench.measure import Figure, Peer, Plan, Result, differences
from bench.sample_jobs import Amount
from bench.search import make_store
from bench.terminal import ROWS, Terminal, atlas, peer
from bench.tui_logs import log_figures
from bench.tui_peer import FIRST_FILTERED, FIRST_ROW, READY
from foundations.home import Home
from foundations.models import JobView

PAINT_MS, LIVE_MS = 250.0, 400.0
KEY_MS, KEY_P95_MS, FILTER_MS = 15.0, 40.0, 150.0
MEMORY_MIB, MOVE_BYTES, IDLE_PERCENT, IDLE_BYTES = 150.0, 1_000.0, 0.6, 0.0
LIVE = "● scheduler"
"""Stands at the top once the scheduler has answered."""
FILTER = "project:ranking"
"""What about a tenth of the jobs are."""
IDLE_SECONDS = 10.0
_STEPS = 20
"""So many rows the cursor goes down before the table scrolls."""
FULL = Amount(jobs=100_000, points=400_000)
SMALL = Amount(jobs=10_000, points=40_000)


def run(plan: Plan) -> Result:
    """Measure the table and the log, each with the stock widget right after it."""
    amount = SMALL if plan.quick else FULL

    def furnish(home: Home) -> None:
        measure.say(f"tui: making {amount.jobs:,} jobs …")
        make_store(home, amount)

    with rig.server({"engine": "process"}, furnish=furnish) as server:
        figures = [
            *_paint_figures(server, plan),
            *_table_figures(server, plan, amount.jobs),
            *log_figures(server, plan),
        ]
    note = (
        f"tui: {amount.jobs:,} jobs; a terminal of 120x40 in true colours. `paint` is from the "
        "start of the process until the last view is shown, `live` until the scheduler has "
        "answered; own work is less that of a Textual app of one line, in pairs. The stock table "
        "has its rows made up in its own memory and asks nobody; the app asks the scheduler."
    )
    return Result(figures, [note])


# -- first paint


def _paint_figures(server: rig.Server, plan: Plan) -> list[Figure]:
    measure.say("tui: first paint …")
    rounds = plan.count(8, 3)
    newest = server.client.jobs(limit=1).jobs[0]
    ended = server.client.jobs(limit=1, filter="sort:-finished").jobs[0]
    found = []
    for screen, key, job in (("dashboard", "1", ended), ("jobs", "2", newest)):
        _leave_on(server, key, job)
        bare, ours, live = [], [], []
        bare_cpu, our_cpu = [], []
        for _ in range(rounds):
            with peer("bare") as shown:
                bare.append(shown.until_shown(READY, since=shown.began))
                bare_cpu.append(1000 * shown.cpu_seconds)
            with atlas(server.home) as shown:
                ours.append(shown.until_shown(job.job_id[:8], since=shown.began))
                our_cpu.append(1000 * shown.cpu_seconds)
                live.append(shown.until_shown(LIVE, since=shown.began))
        beside, processor = Peer("bare Textual", bare), Peer("bare Textual", bare_cpu)
        found += [
            Figure(f"tui: paint of {screen}, own work", differences(ours, bare), target=PAINT_MS),
            Figure(f"tui: paint of {screen}, the whole", ours, peer=beside),
            Figure(f"tui: paint of {screen}, processor", our_cpu, peer=processor),
            Figure(f"tui: {screen} live, own work", differences(live, bare), target=LIVE_MS),
            Figure(f"tui: {screen} live, the whole", live, peer=beside),
        ]
    return found


def _leave_on(server: rig.Server, key: str, job: JobView) -> None:
    """Let the session that is restored next time be one of a screen."""
    with atlas(server.home) as shown:
        shown.settle()
        shown.press("21" if key == "1" else "12")
        shown.until_shown(job.job_id[:8], since=shown.began)
        shown.settle()
        shown.quit()


# -- the table


@dataclass(frozen=True)
class Course:
    """What one table took."""

    first_ms: list[float]
    keys_ms: list[float]
    move_bytes: list[float]
    scroll_bytes: list[float]
    filter_ms: list[float]
    memory_mib: float
    idle_percent: float
    idle_bytes: float


def _table_figures(server: rig.Server, plan: Plan, count: int) -> list[Figure]:
    measure.say("tui: the table …")
    ours = _our_table(server, plan)
    measure.say("tui: the stock table …")
    stock = _stock_table(plan, count)

    def figure(
        what: str, name: str, unit: str, target: float | None, *, by_p95: bool = False
    ) -> Figure:
        mine, theirs = (
            value if isinstance(value, list) else [value]
            for value in (getattr(ours, name), getattr(stock, name))
        )
        beside = Peer("DataTable", theirs) if any(theirs) else None
        return Figure(f"tui: {what}", mine, unit=unit, target=target, by_p95=by_p95, peer=beside)

    first = Peer("DataTable", stock.first_ms)
    return [
        Figure("tui: all rows there, from the start of the process", ours.first_ms, peer=first),
        figure("cursor key to first byte", "keys_ms", "ms", KEY_MS),
        figure("cursor key to first byte", "keys_ms", "ms", KEY_P95_MS, by_p95=True),
        figure("cursor move on the wire", "move_bytes", "B", MOVE_BYTES),
        figure("cursor move that scrolls, on the wire", "scroll_bytes", "B", None),
        figure("filter to a tenth", "filter_ms", "ms", FILTER_MS),
        figure("resident memory after all that", "memory_mib", "MiB", MEMORY_MIB),
        figure(f"idle for {IDLE_SECONDS:.0f} s, processor", "idle_percent", "%", IDLE_PERCENT),
        figure(f"idle for {IDLE_SECONDS:.0f} s, written", "idle_bytes", "B/s", IDLE_BYTES),
    ]


def _our_table(server: rig.Server, plan: Plan) -> Course:
    tenth = server.client.jobs(limit=1, filter=FILTER).jobs[0].job_id[:8]
    newest = server.client.jobs(limit=1).jobs[0].job_id[:8]
    with atlas(server.home) as shown:  # the last session was left on the jobs screen
        shown.until_shown(newest, since=shown.began)
        first = shown.until_shown(LIVE, since=shown.began)
        shown.settle()
        keys, moved, scrolled = _moves(shown, plan.count(150, 60))
        filtered = []
        for _ in range(plan.count(10, 4)):
            shown.press("g")
            shown.settle()
            shown.press("/")
            shown.settle()
            at = shown.press(f"{FILTER}\r")
            filtered.append(_until_filtered(shown, tenth, at))
            shown.settle()
            shown.press("\x1b")
            shown.settle()
        shown.press("G")
        shown.settle()
        percent, written = _idle(shown)
        return Course([first], keys, moved, scrolled, filtered, shown.memory_mib, percent, written)


def _until_filtered(shown: Terminal, job: str, at: float) -> float:
    """Wait for the caption's count and for the first row."""
    shown.until_shown(f"jobs  {FILTER}", since=at)
    return shown.until_shown(job, since=at)


def _stock_table(plan: Plan, count: int) -> Course:
    with peer("table", str(count)) as shown:
        first = shown.until_shown(FIRST_ROW, since=shown.began)
        shown.settle()
        keys, moved, scrolled = _moves(shown, plan.count(150, 60))
        at = shown.press("f")
        filtered = shown.until_shown(FIRST_FILTERED, since=at)
        shown.settle()
        percent, written = _idle(shown)
        return Course(
            [first], keys, moved, scrolled, [filtered], shown.memory_mib, percent, written
        )


def _moves(shown: Terminal, count: int) -> tuple[list[float], list[float], list[float]]:
    """Move the cursor down, step by step: milliseconds, bytes, and bytes where it scrolls."""
    times: list[float] = []
    sizes: list[float] = []
    for _ in range(count):
        times.append(shown.first_byte("j"))
        shown.read_for(0.06)
        sizes.append(float(len(shown.written)))
    return times, sizes[:_STEPS], sizes[ROWS:]


def _idle(shown: Terminal) -> tuple[float, float]:
    """Look on while nothing happens: percent of a core, bytes a second."""
    shown.read_for(2.0)
    before, written = shown.cpu_seconds, shown.written_bytes
    shown.read_for(IDLE_SECONDS)
    percent = (shown.cpu_seconds - before) / IDLE_SECONDS * 100
    return percent, (shown.written_bytes - written) / IDLE_SECONDS
