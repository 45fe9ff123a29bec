"""`python -m benchmarks [PART ...]`: measure, store, and write the tables.

Each part runs in processes of its own, on as many cores as it is about; parts that are not named
keep the results that they have.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import machine, report, results

FOLDER = Path(__file__).parent
# A neighbour on the machine disturbs for seconds at a time: passes over everything, minutes
# apart, make it unlikely that one contender alone is hit.
PASSES = 5
# OpenBLAS takes some processors that have AVX-512 for older ones, unless it is told this.
WIDEST = "SkylakeX"
PYTEST = [
    *("--quiet", "--benchmark-only", "--benchmark-warmup=on", "--benchmark-warmup-iterations=3"),
    *("--benchmark-max-time=0.7", "--benchmark-min-rounds=3", "--benchmark-min-time=0.0005"),
    *("--benchmark-disable-gc", "--benchmark-columns=min,median,max,rounds"),
]


@dataclass(frozen=True)
class Run:
    """A process of pytest: the file that it runs, and on how many cores."""

    file: str
    cores: int = 1
    select: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def runs_of(part: str) -> list[Run]:
    """The processes of one part."""
    file = f"bench_{part}.py"
    runs = [Run(file, cores=2 if part == "threads" else 1)]
    is_taken_for_it = WIDEST in (machine.blas() or "")
    if part == "gemm" and "avx512f" in machine.vector_features() and not is_taken_for_it:
        runs.append(Run(file, select="NumPy", environment={"OPENBLAS_CORETYPE": WIDEST}))
    return runs


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", choices=[[], *report.TABLES], help="default: all"
    )
    parser.add_argument(
        "--passes", type=int, default=PASSES, help="default: %(default)s; 0 only writes the tables"
    )
    chosen = parser.parse_args(arguments)
    parts = chosen.parts or list(report.TABLES)
    passes = {part: [] for part in parts}
    stolen = {part: [0, 0] for part in parts}
    for _ in range(chosen.passes):
        for part in parts:
            before = machine.jiffies()
            passes[part].append([measured(run) for run in runs_of(part)])
            for place, (was, is_now) in enumerate(zip(before, machine.jiffies(), strict=True)):
                stolen[part][place] += is_now - was
            by_others, in_all = stolen[part]
            # In every pass, so that a later one that fails does not lose it.
            results.store(part, results.collect(passes[part], by_others / max(in_all, 1)))
    print(report.write(results.load()))
    return 0


def measured(run: Run) -> dict:
    """What pytest-benchmark writes; ends this program where a benchmark fails."""
    threads = dict.fromkeys(machine.THREADS, str(run.cores))
    # PyTorch's compiler would leave a pool of idle processes beside what is measured.
    environment = os.environ | threads | {"TORCHINDUCTOR_COMPILE_THREADS": "1"} | run.environment
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw.json"
        command = [sys.executable, "-m", "pytest", str(FOLDER / run.file), "-k", run.select]
        with on_cores(run.cores):
            code = subprocess.run(
                [*command, *PYTEST, f"--benchmark-json={raw}"],
                cwd=FOLDER.parent,
                env=environment,
                check=False,
            ).returncode
        if code:
            sys.exit(code)
        return json.loads(raw.read_text(encoding="utf-8"))


@contextlib.contextmanager
def on_cores(count: int):
    """Processes that are started inside run on the last so many of the cores, where Linux lets us.

    The first core often serves the system's interrupts; libraries count their cores when they
    are imported, so that a running process could not be moved.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


if __name__ == "__main__":
    sys.exit(main())
