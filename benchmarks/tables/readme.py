"""The README's short table."""

from __future__ import annotations

from ..results import Cells
from ..workloads import PREDICTION, TRAINING
from . import predict, start, train
from .markdown import microseconds, table, versus


def lines(results: dict) -> list[str]:
    """A row for each training and prediction, and for starting; parts never run are left out."""
    text, rows = [], []
    if "train" in results:
        part = results["train"]
        cells = Cells(part, "test_train")
        for key in train.FIRST:
            seconds = cells.seconds(workload=key, contender="compiled")
            rows.append(_row(TRAINING[key].summary, seconds, train, part, key))
    if "predict" in results:
        part = results["predict"]
        for key, network in PREDICTION.items():
            name = f"predict {network.name}, {network.rows:,} row{'s' * (network.rows > 1)}"
            seconds = predict.times(part, key)["compiled"]
            rows.append(_row(name, seconds, predict, part, key))
    if rows:
        head = ["one core, float32 (xor: float64)", "µs", "best peer / fastnet", "of the ceiling"]
        text += table(head, rows)
    if "start" in results:
        figures = start.figures(results["start"])
        text += table(["start", "ms"], [[what, f"{time * 1e3:.0f}"] for what, time, _ in figures])
    return text


def _row(name, seconds, tables, part, key):
    peer, over = tables.best_peer(part, key)
    return [name, microseconds(seconds), versus(over, peer), f"{tables.share(part, key):.0%}"]
