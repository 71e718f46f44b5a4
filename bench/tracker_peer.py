"""Runs in the Python of another tracker, and tells what it measured as JSON on the last line.

usage: tracker_peer.py NAME RUNS CALLS PAGES, in an empty directory that the tracker may fill.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS = 10
"""Points of each metric of a run."""
METRICS = ("loss", "val_loss", "acc", "val_acc")
PAGE = 100
FOUND = "val_acc"
LEAST = 0.9
OPTIMISERS = ("adam", "adamw", "sgd", "lion")
Sample = list[float]


def main() -> None:
    """Measure one tracker."""
    name, runs, calls, pages = sys.argv[1], *map(int, sys.argv[2:])
    found = TRACKERS[name](runs, calls, pages)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def timed(call: Callable[[], object], times: int) -> Sample:
    """How long each of some calls takes, in seconds."""
    taken: Sample = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return taken


def measure_mlflow(runs: int, calls: int, pages: int) -> dict[str, Any]:
    """MLflow on a SQLite file, without a server."""
    mlflow = importlib.import_module("mlflow")
    entities = importlib.import_module("mlflow.entities")
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("bench")
    with mlflow.start_run():
        steps = iter(range(calls))
        logged = timed(lambda: mlflow.log_metric("loss", 0.5, step=next(steps)), calls)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("bench").experiment_id
    for values, optimiser in invented(runs):
        run_id = client.create_run(experiment).info.run_id
        points = [
            entities.Metric(metric, value, 0, step)
            for metric, curve in values.items()
            for step, value in enumerate(curve)
        ]
        client.log_batch(run_id, metrics=points, params=[entities.Param("optimizer", optimiser)])
        client.set_terminated(run_id)

    def page() -> int:
        wanted = f"metrics.{FOUND} > {LEAST} and params.optimizer = 'adam'"
        order = [f"metrics.{FOUND} DESC"]
        return len(client.search_runs([experiment], wanted, order_by=order, max_results=PAGE))

    return {"log": logged, "page": timed(page, pages), "found": page()}


def measure_trackio(runs: int, calls: int, pages: int) -> dict[str, Any]:
    """Trackio on its local SQLite files, without a dashboard."""
    os.environ["TRACKIO_DIR"] = str(Path.cwd() / "trackio")
    trackio = importlib.import_module("trackio")
    storage = importlib.import_module("trackio.sqlite_storage").SQLiteStorage
    trackio.init(project="bench", name="loop")
    began = time.perf_counter()
    logged = timed(lambda: trackio.log({"loss": 0.5}), calls)
    trackio.finish()
    whole = (time.perf_counter() - began) / calls
    for number, (values, optimiser) in enumerate(invented(runs)):
        rows = [
            dict(zip(values, point, strict=True)) for point in zip(*values.values(), strict=True)
        ]
        storage.bulk_log("bench", f"run-{number}", rows, config={"optimizer": optimiser})

    def page() -> int:
        return len(storage.query_project("bench", _TRACKIO_PAGE)["rows"])

    return {"log": logged, "written": [whole], "page": timed(page, pages), "found": page()}


def invented(runs: int) -> list[tuple[dict[str, list[float]], str]]:
    """Curves and an optimiser for each run."""
    draw = random.Random(1)
    return [
        (
            {
                metric: [draw.random() * (1 - math.exp(-step)) for step in range(1, POINTS + 1)]
                for metric in METRICS
            },
            draw.choice(OPTIMISERS),
        )
        for _ in range(runs)
    ]


_TRACKIO_PAGE = f"""
SELECT last.run_id, last.run_name, CAST(last.metrics AS TEXT), CAST(configs.config AS TEXT)
FROM metrics AS last JOIN configs USING (run_id)
WHERE last.id = (SELECT max(id) FROM metrics AS one WHERE one.run_id = last.run_id)
    AND json_extract(CAST(last.metrics AS TEXT), '$.{FOUND}') > {LEAST}
    AND json_extract(CAST(configs.config AS TEXT), '$.optimizer') = 'adam'
ORDER BY json_extract(CAST(last.metrics AS TEXT), '$.{FOUND}') DESC LIMIT {PAGE}
"""
TRACKERS = {"mlflow": measure_mlflow, "trackio": measure_trackio}

if __name__ == "__main__":
    main()
