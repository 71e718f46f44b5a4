"""Invents jobs: what they were told, how they went, what they measured. The same at every time."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from foundations.models import JobState

SEED = 20_200_101
MONTH_MS = 30 * 24 * 3600 * 1000
_USERS = ("ada", "grace", "edsger", "barbara")
_OUTCOMES = (
    *[JobState.COMPLETED] * 84,
    *[JobState.FAILED] * 9,
    *[JobState.STOPPED] * 4,
    *[JobState.PRUNED] * 2,
    JobState.LOST,
)
_ERRORS = (
    "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "ValueError: loss is nan at step 412",
    "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'",
    "KeyError: 'labels'",
)


@dataclass(frozen=True)
class Model:
    """What a project trains."""

    project: str
    architectures: tuple[str, ...]
    best: float
    """The accuracy that its best run comes near to."""


MODELS = (
    Model("digits", ("mlp", "lenet", "resnet18"), 0.994),
    Model("cats-vs-dogs", ("resnet18", "resnet50", "vit-small"), 0.971),
    Model("speech-small", ("conformer", "lstm"), 0.912),
    Model("ads-ranking", ("wide-deep", "dcn"), 0.803),
)


@dataclass(frozen=True)
class Point:
    """What was measured after an epoch."""

    epoch: int
    train_loss: float
    val_loss: float
    val_acc: float


@dataclass(frozen=True)
class Run:
    """One job that has ended."""

    job_id: str
    project: str
    user: str
    command: tuple[str, ...]
    params: dict[str, Any]
    tags: dict[str, str]
    num_gpus: int
    variant: int
    """Which of the project's two sources it ran."""
    state: JobState
    error: str | None
    submitted_at_ms: int
    waited_ms: int
    took_ms: int
    points: tuple[Point, ...]

    @property
    def started_at_ms(self) -> int:
        """When it began to run."""
        return self.submitted_at_ms + self.waited_ms

    @property
    def finished_at_ms(self) -> int:
        """When it ended."""
        return self.started_at_ms + self.took_ms


def invent(count: int, *, now_ms: int) -> Iterator[Run]:
    """Invent jobs of the last month, the oldest first."""
    chance = random.Random(SEED)  # noqa: S311 - a seed makes it the same at every time
    for number in range(count):
        yield _run(chance, number, count, now_ms)


def _run(chance: random.Random, number: int, count: int, now_ms: int) -> Run:
    model = chance.choices(MODELS, weights=(5, 4, 3, 2))[0]
    architecture = chance.choice(model.architectures)
    params = {
        "lr": float(f"{10 ** chance.uniform(-4.5, -1):.2g}"),
        "batch_size": chance.choice((32, 64, 128, 256)),
        "optimizer": chance.choice(("adam", "adamw", "sgd")),
        "depth": chance.randint(2, 8),
        "epochs": chance.choice((20, 30, 50)),
        "seed": chance.randint(0, 9),
    }
    state = chance.choice(_OUTCOMES)
    points = tuple(_curve(chance, model, params, state))
    took_ms = max(len(points), 1) * chance.randint(8_000, 180_000)
    before_ms = MONTH_MS * (count - number) // count
    waited_ms = chance.randint(300, 900_000)
    return Run(
        job_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        project=model.project,
        user=chance.choice(_USERS),
        command=("main.py", "--arch", architecture),
        params=params,
        tags=_tags(chance, number, points, model),
        num_gpus=chance.choice((0, 0, 1, 1, 2)),
        variant=int(chance.random() > 0.6),
        state=state,
        error=chance.choice(_ERRORS) if state is JobState.FAILED else None,
        submitted_at_ms=min(now_ms - before_ms, now_ms - took_ms - waited_ms - 1_000),
        waited_ms=waited_ms,
        took_ms=took_ms,
        points=points,
    )


def _curve(
    chance: random.Random, model: Model, params: dict[str, Any], state: JobState
) -> Iterator[Point]:
    """Curves that fall and rise as those of real runs, the better the better the rate fits."""
    epochs = params["epochs"]
    if state is not JobState.COMPLETED:
        epochs = chance.randint(0, epochs - 1)
    fit = math.exp(-((math.log10(params["lr"]) + 2.7) ** 2) / 1.5)
    top = model.best * (0.72 + 0.28 * fit)
    for epoch in range(epochs):
        share = (epoch + 1) / params["epochs"]
        learnt = 1 - math.exp(-4.5 * share)
        loss = 2.4 * (1 - learnt * (0.5 + 0.48 * fit)) + abs(chance.gauss(0, 0.03))
        late = max(0.0, share - 0.7) * (1 - fit) * 0.8
        accuracy = top * (0.25 + 0.75 * learnt) + chance.gauss(0, 0.006)
        yield Point(epoch, loss, loss * 1.1 + late, min(accuracy, 0.999))


def _tags(
    chance: random.Random, number: int, points: tuple[Point, ...], model: Model
) -> dict[str, str]:
    tags = {}
    if number % 9 == 0:
        tags["sweep"] = f"lr-{number // 90}"
    if points and points[-1].val_acc > model.best * 0.985:
        tags["best"] = ""
    if chance.random() < 0.03:
        tags["baseline"] = ""
    return tags
