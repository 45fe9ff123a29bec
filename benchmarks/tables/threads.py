"""Several cores."""

from __future__ import annotations

from .. import flops, goals
from ..bench_threads import (
    BATCHES,
    N_THREADS,
    NETWORKS,
    PEERS_PREDICTING,
    PEERS_TRAINING,
    ROWS,
)
from ..results import Cells
from ..workloads import SIZES, TRAINING
from .markdown import at_least, at_most, best, digits, microseconds, ratio, table, versus

RATIOS = "best peer / automatic", "JAX / automatic", "one thread / automatic"


def lines(part: dict) -> list[str]:
    """Training, predicting, the neighbour, networks side by side, widths."""
    return [
        f"On {part['machine']['cores_used']} cores, in microseconds; *automatic* is what fastnet "
        "chooses where nobody says how many threads.",
        "",
        *_training(part),
        *_predicting(part),
        *_neighbour(part),
        *_networks(part),
        *_widths(part),
    ]


def _training(part):
    cells, rows = Cells(part, "test_train"), []
    for key in ROWS:
        goal = goals.TRAINING[TRAINING[key].name]
        ours = {name: cells.seconds(workload=key, contender=name) for name in N_THREADS}
        peers = {name: cells.seconds(workload=key, contender=name) for name in PEERS_TRAINING}
        name, seconds = best(peers)
        rows.append(
            [
                key,
                *map(microseconds, (ours | peers).values()),
                versus(ratio(seconds, ours["automatic"]), name),
                at_least(ratio(peers["JAX"], ours["automatic"]), goal.two_cores),
                at_least(ratio(ours["one thread"], ours["automatic"]), goal.speed_up),
            ]
        )
    head = ["a step of training", *N_THREADS, *PEERS_TRAINING, *RATIOS]
    return table(head, rows)


def _predicting(part):
    cells = Cells(part, "test_predict")
    ours = {name: cells.seconds(contender=name) for name in N_THREADS}
    peers = {name: cells.seconds(contender=name) for name in PEERS_PREDICTING}
    name, seconds = best(peers)
    row = [
        "4-64-64-2, 100,000 rows",
        *map(microseconds, (ours | peers).values()),
        versus(ratio(seconds, ours["automatic"]), name),
        at_least(ratio(ours["one thread"], ours["automatic"]), goals.PREDICTION_SPEED_UP),
    ]
    head = ["prediction", *N_THREADS, *PEERS_PREDICTING, RATIOS[0], RATIOS[2]]
    return table(head, [row])


def _neighbour(part):
    cells, rows = Cells(part, "test_neighbour"), []
    for neighbour, title in (("none", "alone"), ("busy", "beside a busy program on one core")):
        of_row = [cells.cell(neighbour=neighbour, threads=name) for name in N_THREADS]
        goal = goals.BUSY if neighbour == "busy" else None
        rows.append([title])
        for cell in of_row:
            rows[-1] += [
                microseconds(cell["seconds"]),
                at_most(ratio(cell["seconds"], of_row[0]["seconds"]), goal),
                digits(cell["worst_call"] * 1e3),
            ]
    of_each = "", ": over one", ": worst call, ms"
    return table(["mnist32 float32", *(name + of for name in N_THREADS for of in of_each)], rows)


def _networks(part):
    cells = Cells(part, "test_networks")
    one, all_of_them = (cells.seconds(networks=count) for count in (1, NETWORKS))
    each = all_of_them / NETWORKS
    throughput = at_least(ratio(one, each), goals.NETWORKS)
    head = [
        "networks in Python threads",
        "one alone",
        f"{NETWORKS} at once, for each",
        "throughput",
    ]
    return table(head, [["mnist128 float32", microseconds(one), microseconds(each), throughput]])


def _widths(part):
    """GFLOP/s of networks of two equal layers."""
    cells, rows = Cells(part, "test_width"), []
    for width in SIZES:
        rows.append([f"{width}-{width}-{width}"])
        for batch in BATCHES:
            one, two, automatic = (
                cells.seconds(width=width, batch=batch, threads=name) for name in N_THREADS
            )
            work = flops.of_step((width, width, width), batch) / 1e9
            rows[-1] += [digits(work / seconds) for seconds in (one, two, automatic)]
            rows[-1].append(at_most(automatic / min(one, two), goals.AUTOMATIC))
    columns = [*N_THREADS, "automatic over the better"]
    return table(
        ["GFLOP/s", *(f"batch {batch}: {name}" for batch in BATCHES for name in columns)], rows
    )
