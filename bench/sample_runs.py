"""Invents jobs as a lab would have them: what they ran, how they ended, what they measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from foundations.models import JobSpec, JobState

METRICS = ("loss", "val_loss", "acc", "val_acc")
PROJECTS = ("digits", "cats", "translation", "forecast", "ranking", "speech", "segments", "drafts")
USERS = ("ada", "alan", "barbara", "edsger", "grace")

_STATES = {
    JobState.COMPLETED: 78,
    JobState.FAILED: 14,
    JobState.STOPPED: 6,
    JobState.LOST: 1,
    JobState.PRUNED: 1,
}
_FAILURES = {
    1: "The command ended with exit code 1.",
    137: "The job used more memory than it asked for (exit code 137).",
    139: "The command was ended by signal 11.",
}
_IMAGES = (None, None, "pytorch/pytorch:2.4.0", "lab/train:12", "lab/train:13")
_SCRIPTS = ("main.py", "train.py", "finetune.py", "eval.py")
_OPTIMISERS = ("adam", "adamw", "sgd", "lion")
_NOTES = ("Best so far.", "Loss **diverges** after the warm-up.", "Repeat with another seed.")
_LONGEST_MS = 20 * 3_600_000
_NOISES = 4096


@dataclass(frozen=True, slots=True)
class Run:
    """One job that has ended."""

    job_id: str
    state: JobState
    spec: JobSpec
    exit_code: int | None
    reason: str | None
    wait_ms: int
    """From the submission to the start."""
    work_ms: int
    """From the start to the end."""
    tags: dict[str, str]
    note: str | None
    has_model: bool
    """Whether it saved the artifact `model`."""
    skill: float
    """Where its accuracy tends to, 0 to 1."""


class Inventor:
    """Makes runs and curves; the same ones, in the same order of calls, for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._noise = [self._random.gauss(0, 0.02) for _ in range(_NOISES)] * 2

    def run(self, number: int) -> Run:
        """Invent a job.

        Args:
            number: a job's place in the order of submission; it goes into the command.
        """
        draw = self._random
        state = draw.choices([*_STATES], weights=[*_STATES.values()])[0]
        exit_code = self._exit_code(state)
        is_failed = state is JobState.FAILED
        return Run(
            job_id=self._job_id(),
            state=state,
            spec=self._spec(number),
            exit_code=exit_code,
            reason=_FAILURES[exit_code] if is_failed and exit_code is not None else None,
            wait_ms=draw.randrange(50, 60_000),
            work_ms=min(_LONGEST_MS, round(draw.lognormvariate(13, 1.5))),
            tags=self._tags(),
            note=draw.choice(_NOTES) if draw.random() < 0.02 else None,
            has_model=state is JobState.COMPLETED and draw.random() < 0.5,
            skill=draw.betavariate(8, 2),
        )

    def curve(self, metric: str, *, skill: float, points: int) -> list[float]:
        """Invent the points of one of `METRICS`: it learns fast at first, then slowly."""
        start = self._random.randrange(_NOISES)
        noise = self._repeated(start, points)
        pace = 4 / max(points, 1)
        exp = math.exp
        if metric.endswith("acc"):
            return [skill * (1 - exp(-pace * place)) + one for place, one in enumerate(noise)]
        floor = 1.2 - skill
        return [floor + 2 * exp(-pace * place) + one for place, one in enumerate(noise)]

    def digest(self) -> str:
        """Invent the digest of a bundle."""
        return f"sha256:{self._random.getrandbits(256):064x}"

    def size_bytes(self) -> int:
        """Invent the size of a file."""
        return round(self._random.lognormvariate(11, 2))

    def _repeated(self, start: int, count: int) -> Sequence[float]:
        noise = self._noise if count <= _NOISES else self._noise * (1 + count // _NOISES)
        return noise[start : start + count]

    def _job_id(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def _exit_code(self, state: JobState) -> int | None:
        if state is JobState.COMPLETED:
            return 0
        return None if state is JobState.LOST else self._random.choice([*_FAILURES])

    def _spec(self, number: int) -> JobSpec:
        draw = self._random
        weights = range(len(PROJECTS), 0, -1)
        parameters: dict[str, Any] = {
            "lr": float(f"{10 ** draw.uniform(-5, -1):.3g}"),
            "batch_size": draw.choice((16, 32, 64, 128)),
            "optimizer": draw.choice(_OPTIMISERS),
            "layers": draw.randint(2, 24),
            "seed": draw.randrange(10_000),
        }
        # Without validation: it would take most of the time.
        return JobSpec.model_construct(
            project=draw.choices(PROJECTS, weights=weights)[0],
            command=(draw.choice(_SCRIPTS), "--run", str(number)),
            params=parameters,
            num_gpus=draw.choice((0, 0, 1, 2)),
            image=draw.choice(_IMAGES),
            user=draw.choice(USERS),
        )

    def _tags(self) -> dict[str, str]:
        draw = self._random
        tags = {"stage": draw.choice(("draft", "candidate", "final"))}
        if draw.random() < 0.01:
            tags["best"] = ""
        return tags
