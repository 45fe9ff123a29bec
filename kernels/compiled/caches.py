"""How large the caches of a core are, as Linux and macOS tell."""

import contextlib
import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import NamedTuple


class Caches(NamedTuple):
    """Bytes of each cache for one core: its own, or its share where cores have one in common.

    l1 : of data.  l3 : 0 where there is none, or none that the system tells of.
    """

    l1: int
    l2: int
    l3: int


# Elsewhere (Windows) and where the system keeps a size for itself: no core of the last ten years
# that this package is likely to meet has less.
ASSUMED = Caches(32 * 1024, 256 * 1024, 0)
LINUX_FOLDER = Path("/sys/devices/system/cpu")


@functools.cache
def sizes():
    """The `Caches` of the first core that this process may use. Never raises."""
    found = {}
    # No such file, no such function, or something else in it than expected.
    with contextlib.suppress(Exception):
        found = (_of_macos if sys.platform == "darwin" else _of_linux)()
    return ASSUMED._replace(**{name: size for name, size in found.items() if size > 0})


def _of_linux():
    core = min(os.sched_getaffinity(0))
    size_of, threads_of = {}, {}
    for folder in (LINUX_FOLDER / f"cpu{core}" / "cache").glob("index*"):
        level, kind, size, threads = (
            (folder / name).read_text().strip()
            for name in ("level", "type", "size", "shared_cpu_map")
        )
        name = f"l{level}"
        if kind != "Instruction" and name in Caches._fields:
            size_of[name] = 1024 * int(size.removesuffix("K"))
            threads_of[name] = int(threads.replace(",", ""), 16).bit_count()
    # The threads of a core have all of its caches in common.
    return {name: size * threads_of["l1"] // threads_of[name] for name, size in size_of.items()}


def _of_macos():
    # Cores come in kinds, the fast ones first; without kinds the names are those of the machine.
    kind = "hw.perflevel0." if _sysctl("hw.nperflevels") else "hw."
    found = {"l1": _sysctl(f"{kind}l1dcachesize")}
    for name in ("l2", "l3"):
        cores = _sysctl(f"{kind}cpusper{name}") or 1
        found[name] = _sysctl(f"{kind}{name}cachesize") // cores
    return found


def _sysctl(name):
    """A number that the kernel of macOS knows by this name, 0 where it does not."""
    value = ctypes.c_uint64(0)
    size = ctypes.c_size_t(ctypes.sizeof(value))
    ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    return value.value
