"""A step of training on one core."""

from __future__ import annotations

from .. import goals
from ..contenders import TRAINING
from ..results import Cells
from ..workloads import OPTIONS, XOR
from ..workloads import TRAINING as WORKLOADS
from .markdown import at_least, at_most, best, microseconds, ratio, table, versus

PEERS = [name for name, contender in TRAINING.items() if contender.peer]
OTHERS = [name for name in PEERS if name != "JAX"]
# The rows of the README, and the same in float64.
FIRST = [key for key, w in WORKLOADS.items() if w.dtype == "float32" or w.name == XOR]
SECOND = [key for key in WORKLOADS if key not in FIRST]


def share(part: dict, key: str, contender: str = "compiled") -> float | None:
    """A contender's share of the ceiling, or None where it was left out."""
    workload = WORKLOADS[key]
    seconds = Cells(part, "test_train").seconds(workload=key, contender=contender)
    return ratio(workload.flops_per_step / part["ceiling"][workload.dtype], seconds)


def best_peer(part: dict, key: str) -> tuple[str | None, float | None]:
    """Its name, and its time over that of `compiled`."""
    times = _times(part, key)
    name, seconds = best({peer: times[peer] for peer in PEERS})
    return name, ratio(seconds, times["compiled"])


def lines(part: dict) -> list[str]:
    """Two tables, float32 and xor first, and what options cost."""
    ceilings = " and ".join(
        f"{rate / 1e9:.0f} GFLOP/s ({dtype})" for dtype, rate in part["ceiling"].items()
    )
    return [
        "Microseconds for one step, compile time not included. Every contender starts from the "
        "same weights, and its final weights were compared with the reference's before it was "
        "timed. Ratios are of times: below 1, the peer is faster than `compiled`. "
        "The ceiling is the measured rate of independent full-width multiply-adds on one core, "
        f"here {ceilings}; a step has 6 B Σ n_in n_out - 2 B n_0 n_1 FLOPs.",
        "",
        *_table(part, FIRST, {"of the ceiling": _share}),
        *_table(part, SECOND, {"of the ceiling": _share, "float32's share / this": _over}),
        *_options(part),
        "![Share of the ceiling over the FLOPs of a step](roofline.svg)",
        "",
    ]


def _table(part, keys, columns):
    ratios = "best peer / compiled", "JAX / compiled", "best of the others / compiled"
    head = ["workload", *TRAINING, *ratios, *columns]
    rows = []
    for key in keys:
        workload, times = WORKLOADS[key], _times(part, key)
        goal, ours = goals.TRAINING[workload.name], times["compiled"]
        name, over = best_peer(part, key)
        _, others = best({other: times[other] for other in OTHERS})
        rows.append(
            [
                f"{workload.summary}, {workload.dtype}",
                *map(microseconds, times.values()),
                versus(over, name),
                at_least(ratio(times["JAX"], ours), goal.jax),
                at_least(ratio(others, ours), goal.others),
                *(column(part, key) for column in columns.values()),
            ]
        )
    return table(head, rows)


def _share(part, key):
    return at_least(share(part, key), goals.TRAINING[WORKLOADS[key].name].share, "{:.1%}")


def _over(part, key):
    in_float32 = share(part, f"{WORKLOADS[key].name} float32")
    return at_most(ratio(in_float32, share(part, key)), goals.FLOAT64_SHARE)


def _options(part):
    rows = []
    for key, workload in OPTIONS.items():
        plain = _times(part, key)["compiled"]
        seconds = Cells(part, "test_options").seconds(workload=key)
        options = ", ".join(
            f"{name} {value:g}"
            for name, value in (workload.network_options | workload.train_options).items()
        )
        over = at_most(ratio(seconds, plain), goals.OPTIONS)
        rows.append([f"{key} with {options}", microseconds(seconds), microseconds(plain), over])
    return table(["`compiled`, with options", "time", "without", "ratio"], rows)


def _times(part, key):
    cells = Cells(part, "test_train")
    return {name: cells.seconds(workload=key, contender=name) for name in TRAINING}
