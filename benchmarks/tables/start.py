"""What a fresh process costs."""

from __future__ import annotations

from .. import goals
from ..results import Cells
from .markdown import at_most, table

# So many options' first uses are listed.
LISTED = 8


def figures(part: dict) -> list[tuple[str, float, float]]:
    """(what, seconds, goal) of each row."""
    process, first = Cells(part, "test_process"), _first_use(part)["first"]
    imported = process.seconds(program="import fastnet") - process.seconds(program="import numpy")
    options = _slowest_first(part)
    name, longest = options[0]
    return [
        ("`import fastnet` over `import numpy`", imported, goals.IMPORT),
        (
            "fresh process, kernels compiled before: start to trained XOR",
            process.seconds(program="xor"),
            goals.WARM_XOR,
        ),
        ("nothing compiled: first `train` in float64", first["float64"], goals.FIRST_TRAIN),
        ("after that, first `train` in float32", first["float32"], goals.OTHER_DTYPE),
        (
            f"an option's first use, the longest of {len(options)}: {name}",
            longest,
            goals.FIRST_OPTION,
        ),
    ]


def lines(part: dict) -> list[str]:
    """The table, and the options that take longest."""
    rows = [[what, at_most(time * 1e3, goal * 1e3, "{:.0f}")] for what, time, goal in figures(part)]
    longest = (f"{name} {time * 1e3:.0f}" for name, time in _slowest_first(part)[:LISTED])
    return [
        "On one core.",
        "",
        *table(["start", "milliseconds"], rows),
        "A further architecture compiled nothing and loaded nothing (the benchmark fails "
        f"otherwise). The longest first uses, in milliseconds: {', '.join(longest)}.",
        "",
    ]


def _first_use(part):
    return Cells(part, "test_first_use").cell()["extra"]


def _slowest_first(part):
    """(option, seconds of its first use)."""
    return sorted(_first_use(part)["options"].items(), key=lambda option: -option[1])
