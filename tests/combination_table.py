"""What came of the combinations, in a few lines for the end of a run."""

from .combinations import FACTORS

COLUMNS = [(test, dtype) for test in ("gradient", "training") for dtype in FACTORS["dtype"]]


def table(results):
    """Lines of text.

    results : list of (combination, "gradient" or "training", largest difference, has it passed).
    """
    every = {combination for combination, *_ in results}
    lines = [
        f"{len(every)} combinations; the largest difference of a gradient from the slope of the",
        "loss, relative to both, and of a parameter after training between the two paths",
        f"{'':28}    passed" + "".join(f"{f'{test} {dtype}':>17}" for test, dtype in COLUMNS),
    ]
    for factor in ("activation", "loss"):
        lines += [
            _line(choice, [r for r in results if getattr(r[0], factor) == choice])
            for choice in FACTORS[factor]
        ]
    return lines


def _line(choice, results):
    every = {combination for combination, *_ in results}
    failed = {combination for combination, *_, has_passed in results if not has_passed}
    cells = []
    for test, dtype in COLUMNS:
        of_column = [d for c, kind, d, _ in results if kind == test and c.dtype == dtype]
        cells.append(f"{max(of_column):17.1e}" if of_column else f"{'-':>17}")
    return f"{choice:28} {len(every - failed):3} of {len(every):2}" + "".join(cells)
