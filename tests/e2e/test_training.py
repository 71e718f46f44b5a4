"""A training script as others write them, taken as it is."""

from __future__ import annotations

import json

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

TRAIN = r'''
    """Logistic regression by stochastic gradient descent, with nothing but the standard library."""
    import argparse
    import csv
    import json
    import math
    import os
    import random
    import sys

    import foundations


    def sigmoid(x):
        return 1 / (1 + math.exp(-max(-30, min(30, x))))


    def progress(done, total):
        bar = "#" * (20 * done // total)
        sys.stderr.write(f"\r{done / total:4.0%}|{bar:<20}| {done}/{total}")
        sys.stderr.flush()


    def save(weights, epoch):
        os.makedirs("checkpoints", exist_ok=True)
        name = f"epoch-{epoch:03d}.json"
        with open(os.path.join("checkpoints", name), "w") as file:
            json.dump(weights, file)
        link = os.path.join("checkpoints", "latest")
        if os.path.lexists(link):
            os.remove(link)
        os.symlink(name, link)


    def main():
        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, default=1)
        parser.add_argument("--learning-rate", type=float, default=0.1)
        parser.add_argument("--data", default="data/points.csv")
        options = parser.parse_args()
        foundations.log_params(vars(options))
        random.seed(3)
        with open(options.data) as file:
            rows = [[float(value) for value in row] for row in csv.reader(file)]
        weights = [0.0, 0.0, 0.0]
        step = 0
        for epoch in range(1, options.epochs + 1):
            random.shuffle(rows)
            right = 0
            for done, (x, y, label) in enumerate(rows, start=1):
                guess = sigmoid(weights[0] * x + weights[1] * y + weights[2])
                error = label - guess
                for place, value in enumerate((x, y, 1.0)):
                    weights[place] += options.learning_rate * error * value
                right += (guess > 0.5) == (label > 0.5)
                loss = -math.log(max(1e-9, guess if label > 0.5 else 1 - guess))
                foundations.log_metric("loss", loss, step=step)
                step += 1
                progress(done, len(rows))
            sys.stderr.write("\n")
            save(weights, epoch)
            foundations.log_metric("accuracy", right / len(rows), step=epoch)
            print(f"epoch {epoch}: accuracy {right / len(rows):.3f}")
        foundations.set_tag("model", "logistic")
        foundations.save_artifact(os.path.join("checkpoints", "latest"), key="model")


    if __name__ == "__main__":
        main()
    '''
ROWS = 500


def points() -> str:
    """Points on both sides of a line."""
    rows = []
    for number in range(ROWS):
        x, y = (number * 37 % 101) / 50 - 1, (number * 61 % 97) / 48 - 1
        rows.append(f"{x:.3f},{y:.3f},{int(x + y > 0)}")
    return "\n".join(rows) + "\n"


def test_a_training_run_is_kept_with_all_it_made(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "training",
        {"main.py": TRAIN, "data/points.csv": points()},
    )
    done = shared.cli(
        "submit", "scheduler", ".", "main.py", "--epochs", "4", "--learning-rate=0.5", cwd=project
    )
    (listed,) = (one for one in shared.listed() if one["project"] == "training")
    job = shared.wait(listed["job_id"])
    assert job.state == "completed", done
    assert job.parameters == {"epochs": 4, "learning_rate": 0.5, "data": "data/points.csv"}
    series = {one.name: one for one in job.metric_series}
    assert series["loss"].count == 4 * ROWS == 2000
    assert series["loss"].last_step == 1999
    assert series["accuracy"].count == 4
    assert job.metrics["accuracy"] == series["accuracy"].max
    assert float(series["accuracy"].max or 0) > 0.9
    assert job.tags == {"model": "logistic"}
    log = (shared.home.archive(job.job_id) / "job.log").read_bytes()
    assert log.count(b"\r") == 2000
    assert b"\r100%|####################| 500/500\n" in log
    assert b"epoch 4: accuracy" in log
    # The command streamed the very bytes.
    assert log.decode() in done.out

    archive = shared.get(job.job_id)
    made = archive / "changed" / "checkpoints"
    checkpoints = [f"epoch-00{number}.json" for number in range(1, 5)]
    assert sorted(path.name for path in made.iterdir()) == [*checkpoints, "latest"]
    assert (made / "latest").readlink().name == "epoch-004.json"
    (artifact,) = job.artifacts
    assert artifact.key == "model"
    kept = (archive / "artifacts" / artifact.path).read_text()
    assert kept == (made / "epoch-004.json").read_text()
    assert len(json.loads(kept)) == 3
    assert not (archive / "changed" / "data").exists()
    assert (archive / "source" / "data" / "points.csv").read_text() == points()
    assert not (project / "checkpoints").exists()


def test_the_last_value_of_each_metric_is_listed_and_huge_numbers_survive(
    shared: Scheduler,
) -> None:
    project = write_project(
        shared.root / "metrics",
        {
            "main.py": """\
                import foundations
                for value in (1, 2**70, 0.25):
                    foundations.log_metric("number", value)
                foundations.log_metric("nan", float("nan"))
                foundations.log_metric("text", "ein Wort: ü")
                foundations.log_metric("name:with:colons", 1)
                foundations.log_param("huge", 2**70)
                """
        },
    )
    job = shared.wait(shared.submit(project))
    assert job.state == "completed", shared.log(job.job_id)
    (listed,) = (one for one in shared.listed() if one["project"] == "metrics")
    assert listed["metrics"] == {
        "number": 0.25,
        "nan": "NaN",
        "text": "ein Wort: ü",
        "name:with:colons": 1,
    }
    assert listed["parameters"]["huge"] == 2**70
