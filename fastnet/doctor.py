"""`python -m fastnet doctor`: what the library found on this machine, and what is wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np

from . import __version__, backend, threads
from .comparison.compare import compare_step
from .explanation import scaled
from .plan import Plan
from .validation import DTYPES

# As in pyproject.toml.
LEAST = {"python": "3.11", "numpy": "2.0", "numba": "0.62"}
FEATURES = ("avx", "avx2", "fma", "avx512f", "neon", "sve")
# Variables that make the compiled path slow, absent or another machine's: what each does, and the
# value with which it does not.
EFFECTS = {
    backend.VARIABLE: ("chooses the backend of networks that name none", "compiled"),
    "NUMBA_DISABLE_JIT": ("switches the compiler off", "0"),
    "NUMBA_CPU_NAME": ("makes machine code for that processor, not for this one", ""),
    "NUMBA_CPU_FEATURES": ("makes machine code for that processor, not for this one", ""),
    "NUMBA_OPT": ("changes how machine code is optimised", "3"),
    "NUMBA_BOUNDSCHECK": ("makes every access to an array slower", "0"),
}
# What is larger than any cache, and quickly read.
MEMORY_BYTES = 2**26
TRAINED = (5, 7, 3)
ROWS = 33


@dataclass
class Finding:
    """One section: its line for people, the same for machines, and a sentence for each fault."""

    name: str
    line: str
    facts: dict
    problems: list[str] = field(default_factory=list)


def run_doctor(as_json: bool) -> int:
    """Print what was found; returns the exit status, 0 where nothing is wrong."""
    findings = examine()
    problems = [problem for finding in findings for problem in finding.problems]
    if as_json:
        facts = {finding.name: finding.facts for finding in findings}
        print(json.dumps(facts | {"problems": problems}, indent=1))
    else:
        for finding in findings:
            print(f"{finding.name:11}  {finding.line}")
        print("Nothing is wrong." if not problems else f"Wrong ({len(problems)}):")
        for problem in problems:
            print(f"- {problem}")
    return int(bool(problems))


def examine() -> list[Finding]:
    """Everything that there is to say."""
    findings = [_versions(), _package(), _environment(), _cores()]
    if findings[0].facts["numba"]:
        findings.append(_attempt(_processor))
        if not findings[-1].problems:  # where one part does not load, none does
            findings += map(_attempt, (_caches, _ceiling, _comparison, _cache))
    return findings


def _attempt(section: Callable[[], Finding]) -> Finding:
    """A section of the compiled path, in which anything may fail."""
    try:
        with warnings.catch_warnings():
            # Of a folder that cannot be written a section of its own tells.
            warnings.simplefilter("ignore")
            return section()
    except Exception as error:
        name = section.__name__.strip("_")
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        return Finding(name, "failed", {}, [f"the compiled path fails, {name}: {message}"])


def _versions() -> Finding:
    found = {
        "fastnet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": _version("numba"),
        "llvmlite": _version("llvmlite"),
    }
    problems = [
        f"{name} {version} is installed, expected {LEAST[name]} or newer"
        for name, version in found.items()
        if version and _numbers(version) < _numbers(LEAST.get(name, ""))
    ]
    if not found["numba"]:
        problems.append("Numba is not installed: only backend='reference' works; pip install numba")
    line = ", ".join(f"{name} {version or 'absent'}" for name, version in found.items())
    return Finding("versions", line, found, problems)


def _version(name: str) -> str | None:
    if importlib.util.find_spec(name) is None:
        return None
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def _package() -> Finding:
    """The folders that `import fastnet` could find, and those of its kernels."""
    used = Path(__file__).resolve().parent
    others = [folder for folder in _folders("fastnet") if folder != used]
    problems = [f"fastnet is loaded from {used}; there is another copy, {o}" for o in others]
    inside, beside = used / "kernels", used.parent / "kernels"
    if inside.is_dir() and _is_ours(beside):
        problems.append(f"the kernels are those of {inside}; there is another copy, {beside}")
    first, *hidden = [*_folders("kernels"), None]
    if first and _is_ours(first) and hidden[0]:
        problems.append(
            f"'import kernels' finds {first}, a part of fastnet that refuses it, before "
            f"{hidden[0]}: take {first.parent} from the path"
        )
    return Finding(
        "package", str(used), {"used": str(used), "others": list(map(str, others))}, problems
    )


def _folders(package: str) -> list[Path]:
    """Where along the path a package stands, each folder once."""
    specs = (PathFinder.find_spec(package, [entry or os.getcwd()]) for entry in sys.path)
    folders = [Path(spec.origin).resolve().parent for spec in specs if spec and spec.origin]
    return list(dict.fromkeys(folders))


def _is_ours(kernels: Path) -> bool:
    return (kernels / "compiled" / "jit.py").exists()


def _environment() -> Finding:
    variables = {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(("FASTNET_", "NUMBA_"))
    }
    problems = [
        f"{name}={variables[name]} {effect}"
        for name, (effect, harmless) in EFFECTS.items()
        if variables.get(name) not in (None, "", harmless)
    ]
    line = " ".join(f"{name}={value}" for name, value in variables.items())
    return Finding("environment", line or "no variable of fastnet or Numba", variables, problems)


def _cores() -> Finding:
    facts = {"in_machine": os.cpu_count(), "available": threads.available()}
    line = f"{facts['available']} of {facts['in_machine']} available to this process"
    return Finding("cores", line, facts)


def _processor() -> Finding:
    microkernel = backend.load("compiled", "microkernel")
    triple, target, features = backend.load("compiled", "ceiling").target()
    present = [name for name in FEATURES if f"+{name}" in features]
    tiles = {
        dtype: (
            microkernel.TILE_ROWS,
            microkernel.TILE_VECTORS * microkernel.lanes(np.dtype(dtype).itemsize),
        )
        for dtype in DTYPES
    }
    facts = {
        "name": _processor_name(),
        "triple": triple,
        "target": target,
        "features": present,
        "vector_bytes": microkernel.VECTOR_BYTES,
        "tiles": tiles,
    }
    shown = ", ".join(f"{rows} x {columns} {dtype}" for dtype, (rows, columns) in tiles.items())
    line = (
        f"{facts['name']}; code for {target} ({' '.join(present) or triple}), "
        f"vectors of {microkernel.VECTOR_BYTES} bytes, tiles {shown}"
    )
    return Finding("processor", line, facts)


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _caches() -> Finding:
    sizes = backend.load("compiled", "caches").sizes()._asdict()
    line = ", ".join(f"{name.upper()} {size / 1024:,.0f} KiB" for name, size in sizes.items())
    return Finding("caches", f"{line} for a core", sizes)


def _ceiling() -> Finding:
    ceiling = backend.load("compiled", "ceiling")
    caches = backend.load("compiled", "caches").sizes()
    flops = {dtype: ceiling.flops_per_second(dtype) for dtype in DTYPES}
    # Half of a cache, so that nothing else drives the buffer out.
    places = {"L1": caches.l1 // 2, "L2": caches.l2 // 2, "memory": MEMORY_BYTES}
    speeds = {place: ceiling.bytes_per_second(size) for place, size in places.items()}
    parts = [f"{scaled(rate, 'FLOP/s')} {dtype}" for dtype, rate in flops.items()]
    parts += [f"{scaled(rate, 'B/s')} from {place}" for place, rate in speeds.items()]
    facts = {"flops_per_second": flops, "bytes_per_second": speeds}
    return Finding("ceiling", f"{', '.join(parts)}, a core", facts)


def _cache() -> Finding:
    folder = backend.load("compiled", "jit").cache_folder()
    if folder is None:
        problem = "no cache folder can be written: kernels are compiled anew in every process"
        return Finding("cache", "none", {"folder": None}, [problem])
    sizes = [file.stat().st_size for file in folder.glob("*.nbc")]
    others = [path for path in folder.parent.glob("fastnet-*") if path != folder]
    other_bytes = sum(file.stat().st_size for path in others for file in path.glob("*.nbc"))
    writable = is_writable(folder)
    facts = {
        "folder": str(folder),
        "writable": writable,
        "kernels": len(sizes),
        "bytes": sum(sizes),
        "other_versions": len(others),
        "other_bytes": other_bytes,
    }
    line = f"{folder}, {len(sizes)} kernels, {scaled(sum(sizes), 'B')}"
    if others:
        line += (
            f"; beside it {len(others)} of other sources or versions, {scaled(other_bytes, 'B')}"
        )
    problem = f"{folder} cannot be written: what it lacks is compiled anew in every process"
    return Finding("cache", line, facts, [] if writable else [problem])


def is_writable(folder: Path) -> bool:
    """Whether a file can be made there: permissions alone do not tell."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _comparison() -> Finding:
    """A gradient and a step on both paths, in units of what the arithmetic allows."""
    errors = {}
    for dtype in DTYPES:
        plan = Plan.of(TRAINED, "softmax", dtype)
        results = compare_step(plan, ROWS, np.random.default_rng(0), "adam")
        errors[dtype] = max(result.error for result in results)
    problems = [
        f"in {dtype} the compiled path is {error:.3g} times as far from the reference as it may "
        "be: see `python -m fastnet compare`"
        for dtype, error in errors.items()
        if not error <= 1
    ]
    line = ", ".join(f"{dtype} {error:.3f}" for dtype, error in errors.items())
    return Finding("comparison", f"{line} of the allowed difference", errors, problems)
