"""On what the numbers were measured."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from .contenders import cores

LIBRARIES = ("numpy", "numba", "llvmlite", "scikit-learn", "torch", "jax", "jaxlib")
THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
FEATURES = ("avx2", "fma", "avx512f", "neon", "sve")


def facts() -> dict:
    """Processor, caches, cores in use, versions and thread settings, ready for JSON."""
    return {
        "cpu": _cpu_model(),
        "vector_features": _vector_features(),
        "caches": _caches(),
        "cores_used": cores(),
        "threads": {name: os.environ.get(name) for name in THREADS},
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
    }


def _cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _vector_features():
    try:
        from llvmlite import binding
    except ImportError:
        return []
    features = binding.get_host_cpu_features()
    return [name for name in FEATURES if features.get(name)]


def _caches():
    """Size of each cache that one core sees, where the system tells."""
    sizes = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (folder / name).read_text().strip() for name in ("level", "type", "size")
        )
        sizes[f"L{level} {kind.lower()}"] = size
    return sizes


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
