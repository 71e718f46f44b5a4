"""Trains nothing much, and shows how a job records what it does."""

import json
import math
import time
from pathlib import Path

import foundations

params = {"epochs": 5, "learning_rate": 0.4, "batch_size": 32, **foundations.load_parameters()}
foundations.log_params(params)
foundations.set_tag("model", "sample")

history = []
for epoch in range(1, params["epochs"] + 1):
    time.sleep(0.2)
    loss = math.exp(-params["learning_rate"] * epoch) + 0.02 * math.sin(epoch) ** 2
    accuracy = 1 - loss / 2
    foundations.log_metric("loss", loss, step=epoch)
    foundations.log_metric("accuracy", accuracy, step=epoch)
    history.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})

Path("history.json").write_text(json.dumps(history, indent=2), encoding="utf-8")
foundations.save_artifact("history.json", key="history")
