"""From pytest-benchmark's JSON to results.json, RESULTS.md and the README's table."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from .contenders import CONTENDERS
from .machine import facts
from .test_compile import STARTS
from .workloads import WORKLOADS

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
README = FOLDER.parent / "README.md"


def write(passes: list[dict]) -> str:
    """Write results.json and the sections of RESULTS.md and the README; returns the Markdown.

    Parameters
    ----------
    passes : list of dict
        What pytest-benchmark wrote with --benchmark-json, each time that it ran everything.

    Raises
    ------
    ValueError
        Where a benchmark has no place in the tables, or a place has no benchmark and no reason.
    """
    results = collect(passes)
    text = markdown(results)
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for file in (RESULTS, README):
        put_section(file, "bench", text)
    return text


def collect(passes: list[dict]) -> dict:
    """Machine facts, and for each cell the least time and the median of the passes' medians.

    In microseconds for a step and in milliseconds for a process.
    """
    train = {name: {} for name in WORKLOADS}
    process = {}
    for entries in _by_name(passes):
        params = entries[0]["params"] or {}
        workload, contender = params.get("workload"), params.get("contender")
        if workload in WORKLOADS and contender in CONTENDERS:
            train[workload][contender] = _cell(entries, 1e6 / WORKLOADS[workload].steps, "us")
        elif params.get("start") in STARTS:
            process[params["start"]] = _cell(entries, 1e3, "ms")
        else:
            raise ValueError(f"no place in the tables for {entries[0]['fullname']}")
    for workload, cells in train.items():
        for name, contender in CONTENDERS.items():
            if name not in cells:
                reason = contender.left_out()
                if reason is None:
                    raise ValueError(f"{name} was not measured on {workload}, for no known reason")
                cells[name] = {"left_out": reason}
    missing = [start for start in STARTS if start not in process]
    if missing:
        raise ValueError(f"not measured: {', '.join(missing)}")
    return {"machine": facts(), "train": train, "process": process}


def _by_name(passes):
    """The entries of each benchmark, one from every pass."""
    entries = {}
    for raw in passes:
        for entry in raw["benchmarks"]:
            entries.setdefault(entry["fullname"], []).append(entry)
    return entries.values()


def _cell(entries, scale, unit):
    least = min(entry["stats"]["min"] for entry in entries)
    median = statistics.median(entry["stats"]["median"] for entry in entries)
    # Three significant digits are more than the noise leaves.
    return {
        f"{name}_{unit}": float(f"{seconds * scale:.3g}")
        for name, seconds in (("min", least), ("median", median))
    }


def markdown(results: dict) -> str:
    """Both tables, and the machine below them."""
    machine = results["machine"]
    cores = machine["cores_used"]
    notes: list[str] = []
    lines = [
        "Microseconds for one step of plain SGD, compile time not included: the best of many "
        f"rounds on {cores} core{'s' if cores > 1 else ''}. Every contender starts from the same "
        "weights, and its final weights were compared with the reference's before it was timed. "
        "The last column is the best peer's time over that of `compiled`: above 1, `compiled` is "
        "faster; below 1, the peer is.",
        "",
        _row(["workload", *CONTENDERS, "best peer / compiled"]),
        _row(["---"] + ["---:"] * (len(CONTENDERS) + 1)),
    ]
    for name, cells in results["train"].items():
        texts = [_time(cells[contender], notes) for contender in CONTENDERS]
        lines.append(_row([WORKLOADS[name].summary, *texts, _ratio(cells)]))
    lines += [""] + [f"[{number}] {note}.\n" for number, note in enumerate(notes, 1)]
    lines += [
        "A fresh Python process from start to end, in milliseconds; the training is one step of a "
        "2-4-1 network on the compiled path.",
        "",
        _row(["process", "ms", "over `import numpy`"]),
        _row(["---", "---:", "---:"]),
    ]
    numpy_alone = results["process"]["import numpy"]["min_ms"]
    for start, cell in results["process"].items():
        lines.append(_row([start, f"{cell['min_ms']:.0f}", f"{cell['min_ms'] - numpy_alone:.0f}"]))
    return "\n".join([*lines, "", measured_on(machine), ""])


def measured_on(machine: dict) -> str:
    """The sentence that names the machine, from its `facts`."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    threads = ", ".join(f"{name}={value}" for name, value in machine["threads"].items())
    return (
        f"Measured on {machine['cpu']} ({', '.join(machine['vector_features']) or 'unknown'}; "
        f"caches: {caches or 'unknown'}), {machine['system']}, Python {machine['python']}, "
        f"{versions}; {threads}."
    )


def _row(texts):
    return f"| {' | '.join(texts)} |"


def _time(cell, notes):
    if "left_out" not in cell:
        return _digits(cell["min_us"])
    if cell["left_out"] not in notes:
        notes.append(cell["left_out"])
    return f"- [{notes.index(cell['left_out']) + 1}]"


def _digits(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _ratio(cells):
    times = {
        name: cells[name]["min_us"]
        for name, contender in CONTENDERS.items()
        if contender.peer and "min_us" in cells[name]
    }
    if not times or "min_us" not in cells["compiled"]:
        return "-"
    best = min(times, key=times.get)
    return f"{times[best] / cells['compiled']['min_us']:.2f} ({best})"


def put_section(file: Path, name: str, text: str) -> None:
    """Put `text` between the lines `<!-- name -->` and `<!-- /name -->` of a file.

    Raises
    ------
    ValueError
        Where the file does not have one of each, in this order.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    lines = file.read_text(encoding="utf-8").splitlines()
    if lines.count(begin) != 1 or lines.count(end) != 1 or lines.index(begin) > lines.index(end):
        raise ValueError(f"{file.name} needs one line {begin} and, below it, one line {end}")
    before, after = lines[: lines.index(begin) + 1], lines[lines.index(end) :]
    file.write_text("\n".join([*before, "", text.rstrip(), "", *after]) + "\n", encoding="utf-8")
