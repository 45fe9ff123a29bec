"""`python -m benchmarks`: measure everything on one core and write the tables."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .machine import THREADS
from .report import write

# A neighbour on the machine disturbs for seconds at a time: passes over everything, minutes
# apart, make it unlikely that one contender alone is hit.
PASSES = 3


def main() -> int:
    """Run the benchmarks in a process of their own; returns its exit code."""
    os.environ.update(THREADS)
    # PyTorch's compiler would leave a pool of idle processes beside what is measured.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        # The last core: the first often serves the system's interrupts.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    folder = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", str(folder), "--quiet"]
    command += ["--benchmark-only", "--benchmark-warmup=on", "--benchmark-warmup-iterations=3"]
    command += ["--benchmark-max-time=0.7", "--benchmark-min-rounds=5", "--benchmark-disable-gc"]
    passes = []
    for _ in range(PASSES):
        with tempfile.TemporaryDirectory() as scratch:
            raw = Path(scratch) / "raw.json"
            code = subprocess.run(
                [*command, f"--benchmark-json={raw}"], cwd=folder.parent, check=False
            ).returncode
            if code:
                return code
            passes.append(json.loads(raw.read_text(encoding="utf-8")))
    print(write(passes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
