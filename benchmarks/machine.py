"""On what the numbers were measured."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "numpy",
    "numba",
    "llvmlite",
    "scikit-learn",
    "torch",
    "jax",
    "jaxlib",
    "onnxruntime",
    "openvino",
)
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
FEATURES = ("avx2", "fma", "avx512f", "neon", "sve")


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def facts() -> dict:
    """Processor, caches, frequency, cores in use, versions and thread settings, for JSON."""
    return {
        "cpu": _of_processor("model name") or platform.processor() or "unknown",
        "vector_features": vector_features(),
        "caches": _caches(),
        "frequency_mhz": _of_processor("cpu MHz"),
        "cores_used": cores(),
        "threads": {name: os.environ.get(name) for name in THREADS},
        "blas": blas(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
    }


def ceiling() -> dict[str, float]:
    """FLOPs a second of independent full-width fused multiply-adds on one core, by dtype."""
    from fastnet.kernels.compiled.ceiling import flops_per_second

    return {dtype: flops_per_second(dtype) for dtype in ("float32", "float64")}


def vector_features() -> list[str]:
    """Those of FEATURES that the processor has, where Numba is there to tell."""
    try:
        from llvmlite import binding
    except ImportError:
        return []
    features = binding.get_host_cpu_features()
    return [name for name in FEATURES if features.get(name)]


def jiffies() -> tuple[int, int]:
    """(stolen by other machines on the same host, all) of all cores since boot; 0 if untold."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:  # not Linux
        return 0, 0
    # user nice system idle iowait irq softirq steal; the guests' after them are in user and nice.
    counts = [int(count) for count in first.split()[1:9]]
    return counts[7], sum(counts)


def blas() -> str | None:
    """The library behind NumPy's products, and which processor it takes this one for."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:  # it comes with scikit-learn
        return None
    for library in threadpool_info():
        if library["user_api"] == "blas" and "numpy" in library["filepath"]:
            facts = (library.get(key) for key in ("internal_api", "version", "architecture"))
            return " ".join(fact or "?" for fact in facts)
    return None


def _of_processor(name):
    """What Linux says of the first processor, or None."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    values = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(values, None)


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
