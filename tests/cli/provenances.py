"""What is known of where a job comes from, for tests that show it."""

from __future__ import annotations

from foundations.provenance import (
    Execution,
    GitState,
    GivenGpu,
    JobEnvironment,
    Origin,
    Provenance,
)

COMMIT = "5259619" + "0" * 33
IMAGE_ID = "sha256:" + "4" * 64
DIFF = "diff --git a/main.py b/main.py\n-1\n+2\n"

FULL = Provenance(
    origin=Origin(
        user="ada",
        host="laptop",
        directory="/home/ada/cats",
        client_version="0.1.0",
        git=GitState(
            commit=COMMIT,
            branch="main",
            remote="git@example.com:lab/cats.git",
            directory="models",
            dirty=True,
            diff=DIFF,
            untracked=tuple(f"new{number}.py" for number in range(10)),
            untracked_left_out=3,
        ),
    ),
    execution=Execution(
        attempt=1,
        engine="docker",
        engine_version="27.0",
        host="box",
        image="mine:1",
        image_id=IMAGE_ID,
        gpus=[GivenGpu(id="GPU-1", name="NVIDIA X")],
    ),
    environment=JobEnvironment(
        python="3.11.2", implementation="cpython", packages={"torch": "2.1", "numpy": "1.26"}
    ),
    seeds={"param.seed": 7},
)
