"""Pretends to train a model: its curves look like those of a real one, and it takes a while."""

from __future__ import annotations

import csv
import math
import random
import sys
import time

import foundations

params = foundations.load_parameters()
epochs = int(params.get("epochs", 200))
rate = float(params.get("lr", 0.01))
pause_seconds = float(params.get("seconds_per_epoch", 1.0))
noise = random.Random(params.get("seed", 0))  # noqa: S311 - nothing secret

print(f"training with lr={rate:g} for {epochs} epochs")
rows = []
for epoch in range(epochs):
    share = (epoch + 1) / epochs
    loss = 2.3 * math.exp(-4 * share * min(1, rate * 50)) + 0.05 + noise.gauss(0, 0.02)
    accuracy = 1 - 0.9 * math.exp(-3.5 * share) + noise.gauss(0, 0.006)
    foundations.log_metric("train_loss", loss, step=epoch)
    foundations.log_metric("val_acc", accuracy, step=epoch)
    rows.append((epoch, loss, accuracy))
    print(
        f"epoch {epoch + 1:3}/{epochs}  train_loss {loss:.4f}  val_acc {accuracy:.4f}", flush=True
    )
    if foundations.should_stop():
        sys.exit(1)
    time.sleep(pause_seconds)

with open("history.csv", "w", newline="") as file:
    csv.writer(file).writerows([("epoch", "train_loss", "val_acc"), *rows])
foundations.save_artifact("history.csv")
print("done")
