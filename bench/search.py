"""Figure 7: pages of jobs and a metric's course, out of a full store, over the server's socket."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

from atlas_scheduler.clock import now_ms
from atlas_scheduler.store import schema
from bench import measure, rig
from bench.measure import Figure, Plan, Result, timed
from bench.sample_jobs import Amount, fill
from foundations import calls
from foundations.client import Client
from foundations.home import Home

PAGE = 100
PAGES_DEEP = 5
"""So many pages are read one after the other: the first, and those that its cursors lead to."""
TARGET_MS = 30.0
COLUMNS = 200
"""Stretches that a chart asks for."""
FULL = Amount(jobs=100_000, points=5_000_000, longest=100_000)
SMALL = Amount(jobs=10_000, points=500_000, longest=100_000)

FILTERS = (
    "",
    "status:failed",
    "project:digits",
    "project:drafts status:failed",
    "metric.val_acc > 0.9 and param.lr < 1e-3 sort:-metric.val_acc",
    "status:failed or (metric.val_acc > 0.9 and param.lr < 1e-3) sort:-metric.val_acc",
    "metric.val_acc > 0.8 sort:param.lr",
    "tag:best",
    "tag:best sort:-metric.val_acc",
    "tag.stage = final sort:-metric.val_acc",
    "since:2d",
    "since:2d sort:-metric.val_acc",
    "user:ada",
    "user:ada sort:-metric.val_acc",
    "image ~ ^lab/ exit_code = 137",
    "command ~ ^finetune",
    'reason ~ "signal 11"',
    "param.optimizer ~ ^adam",
    "param.optimizer ~ ^adam sort:metric.val_loss",
    "command:99999",
    "sort:user",
    "sort:-finished",
    "sort:-duration",
    "sort:duration",
    "sort:metric.val_loss",
    "duration > 2h sort:-duration",
    "finished > 1d sort:-finished",
    "status:failed sort:-finished",
    "has:artifact.model",
)


def run(plan: Plan) -> Result:
    """Read each list several times, page after page, from a real server."""
    amount = SMALL if plan.quick else FULL
    rounds = plan.count(8, 3)

    def furnish(home: Home) -> None:
        measure.say(f"search: making {amount.jobs:,} jobs and {amount.points:,} points …")
        make_store(home, amount)

    with rig.server({"engine": "process"}, furnish=furnish) as server:
        client = server.client
        order = [*FILTERS] * rounds
        random.Random(1).shuffle(order)
        taken: dict[str, list[float]] = {text: [] for text in FILTERS}
        for text in FILTERS:
            _read(client, text, [])
        for text in order:
            _read(client, text, taken[text])
        newest = client.jobs(limit=1).jobs[0].job_id
        figures = [
            Figure(f"search: `{text}`", samples, target=TARGET_MS, by_p95=True)
            for text, samples in taken.items()
        ]
        figures.append(_course(client, newest, plan))
    size = f"{amount.jobs:,} jobs and {amount.points:,} points"
    note = (
        f"search: {size}; a sample is one page of {PAGE} jobs of the first {PAGES_DEEP}, or one "
        "course, from the request over the Unix socket to the decoded JSON."
    )
    return Result(figures, [note])


def make_store(home: Home, amount: Amount) -> None:
    """Make a scheduler's database that is full."""
    schema.prepare(home.database)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = OFF")  # whoever loses this database makes it again
        fill(conn, amount, now_ms=now_ms())


def _read(client: Client, text: str, samples: list[float]) -> None:
    cursor = None
    for _ in range(PAGES_DEEP):
        with timed(samples):
            page = client.json(calls.jobs.jobs(filter=text, limit=PAGE, cursor=cursor))
        cursor = page.get("next_cursor")
        if cursor is None:
            return


def _course(client: Client, job_id: str, plan: Plan) -> Figure:
    samples: list[float] = []
    for _ in range(plan.count(40, 10)):
        with timed(samples):
            found = client.json(calls.records.metric(job_id, "loss", points=COLUMNS))
    what = f"series of {found['count']:,} points, decimated for {COLUMNS} columns"
    return Figure(f"search: {what}", samples, target=TARGET_MS, by_p95=True)
