"""Predictions on one core."""

from __future__ import annotations

from .. import flops, goals
from ..contenders import PREDICTION
from ..results import Cells
from ..workloads import PREDICTION as WORKLOADS
from .markdown import at_least, at_most, best, microseconds, ratio, table, versus

PEERS = [name for name, contender in PREDICTION.items() if contender.peer]


def times(part: dict, key: str) -> dict[str, float | None]:
    """Contender -> seconds, or None where it was left out."""
    cells = Cells(part, "test_predict")
    return {name: cells.seconds(workload=key, contender=name) for name in PREDICTION}


def best_peer(part: dict, key: str) -> tuple[str | None, float | None]:
    """Its name, and its time over that of `compiled`."""
    of_row = times(part, key)
    name, seconds = best({peer: of_row[peer] for peer in PEERS})
    return name, ratio(seconds, of_row["compiled"])


def share(part: dict, key: str) -> float:
    """Of the ceiling, reached by `compiled`."""
    network = WORKLOADS[key]
    work = flops.of_prediction(network.layer_sizes, network.rows)
    return work / part["ceiling"][network.dtype] / times(part, key)["compiled"]


def lines(part: dict) -> list[str]:
    """The table of all networks."""
    rows = []
    for key, network in WORKLOADS.items():
        goal, of_row = goals.PREDICTION[key], times(part, key)
        name, over = best_peer(part, key)
        ours = of_row["compiled"]
        rows.append(
            [
                f"{network.name}, {network.rows:,} rows, {network.dtype}",
                *map(microseconds, of_row.values()),
                versus(over, name),
                at_most(ours * 1e6, goal.seconds and goal.seconds * 1e6, "{:.3g}"),
                at_most(ratio(ours, of_row["OpenVINO"]), goal.openvino),
                at_least(share(part, key), goal.share, "{:.1%}"),
            ]
        )
    ratios = "best peer / compiled", "compiled, goal", "compiled / OpenVINO"
    head = ["network", *PREDICTION, *ratios, "of the ceiling"]
    return [
        "Microseconds for one call on one core, from an array to an array, after the outputs were "
        "compared with NumPy's in float64. `compiled` is `network.predict(X)`, which checks its "
        "input; PyTorch and JAX are given arrays of their own.",
        "",
        *table(head, rows),
    ]
