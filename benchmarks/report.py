"""From results.json to RESULTS.md, the picture and the README's table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from . import roofline
from .tables import gemm, predict, readme, start, threads, train

RESULTS = Path(__file__).parent / "RESULTS.md"
README = Path(__file__).parent.parent / "README.md"
# Part -> (heading, its lines).
TABLES = {
    "train": ("A step of training, one core", train.lines),
    "predict": ("A prediction, one core", predict.lines),
    "threads": ("Several cores", threads.lines),
    "gemm": ("The products alone, one core", gemm.lines),
    "start": ("Start", start.lines),
}


def write(results: dict) -> str:
    """Write the section `bench` of RESULTS.md and of the README; returns the former.

    results : what `results.load` returns; parts that were never run are left out.
    """
    lines = []
    for part, (heading, make) in TABLES.items():
        if part in results:
            lines += [f"### {heading}", "", *make(results[part]), measured(results[part]), ""]
    text = "\n".join(lines)
    put_section(RESULTS, "bench", text)
    short = readme.lines(results)
    if "train" in results:
        short.append(measured(results["train"]))
    put_section(README, "bench", "\n".join(short))
    if "train" in results and importlib.util.find_spec("matplotlib"):
        roofline.draw(results["train"])
    return text


def measured(part: dict) -> str:
    """On what, how often, and who was left out."""
    stolen = part["machine"]["stolen"]
    reasons = sorted(set(part["left_out"].values()))
    left_out = f" Left out: {'; '.join(reasons)}." if reasons else ""
    return (
        f"Medians of the best times of {part['passes']} passes; other machines on the same host "
        f"took {stolen:.1%} of the time.{left_out} {measured_on(part['machine'])}"
    )


def measured_on(machine: dict) -> str:
    """The sentence that names the machine, from its `facts`."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    threads = ", ".join(f"{name}={value}" for name, value in machine["threads"].items())
    return (
        f"Measured on {machine['cpu']} ({', '.join(machine['vector_features']) or 'unknown'}; "
        f"{machine['frequency_mhz'] or '?'} MHz; caches: {caches or 'unknown'}), "
        f"{machine['system']}, Python {machine['python']}, {versions}; "
        f"NumPy's products: {machine['blas'] or 'unknown'}; {threads}."
    )


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
