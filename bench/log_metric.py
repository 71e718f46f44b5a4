"""Figure 6: what one recorded metric costs the training loop."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import foundations
from bench import rig
from bench.measure import Figure, Peer, Plan, Result

CALLS = 100_000
TARGET_MICROSECONDS = 15
_BATCH = 1000
"""Calls a sample; the clock is too coarse for one."""


def run(plan: Plan) -> Result:
    """Record in a tight loop, in turns with bare writes of the same line."""
    batches = plan.count(CALLS, CALLS // 5) // _BATCH
    recorded: list[float] = []
    buffered: list[float] = []
    appended: list[float] = []
    with rig.workspace() as root:
        events = root / "events.jsonl"
        os.environ["ATLAS_EVENTS"] = str(events)
        try:
            foundations.log_metric("loss", 0.5, step=0)
            line = events.read_text(encoding="ascii")
            raw = line.encode("ascii")
            descriptor = os.open(root / "raw", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            with (root / "bare").open("a", encoding="ascii") as bare:
                for _ in range(batches):
                    recorded.append(
                        _micros(lambda step: foundations.log_metric("loss", 0.5, step=step))
                    )
                    buffered.append(_micros(lambda _: bare.write(line)))
                    appended.append(_micros(lambda _: os.write(descriptor, raw)))
            os.close(descriptor)
            _check(events, lines=batches * _BATCH + 1)
        finally:
            del os.environ["ATLAS_EVENTS"]
    name = "log_metric: a call"
    return Result(
        [
            Figure(
                name,
                recorded,
                unit="µs",
                target=TARGET_MICROSECONDS,
                peer=Peer("file.write, buffered", buffered),
            ),
            Figure(name, recorded, unit="µs", peer=Peer("os.write, unbuffered", appended)),
        ]
    )


def microseconds_of_calls(batches: int) -> list[float]:
    """What a recorded point costs in this process, by batches."""
    with rig.workspace() as root:
        os.environ["ATLAS_EVENTS"] = str(root / "events.jsonl")
        try:
            return [
                _micros(lambda step: foundations.log_metric("loss", 0.5, step=step))
                for _ in range(batches)
            ]
        finally:
            del os.environ["ATLAS_EVENTS"]


def _micros(call: Callable[[int], object]) -> float:
    """Microseconds that a call takes, over a batch."""
    began = time.perf_counter()
    for step in range(_BATCH):
        call(step)
    return (time.perf_counter() - began) / _BATCH * 1e6


def _check(events: Path, *, lines: int) -> None:
    """Make sure that what was timed was also recorded."""
    texts = events.read_text(encoding="ascii").splitlines()
    if len(texts) != lines or json.loads(texts[-1])["step"] != _BATCH - 1:
        raise RuntimeError(f"{len(texts)} lines were recorded, {lines} were logged")
