"""The only file that names Numba's compilers, their flags and the cache policy."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
import tempfile
import uuid
import warnings
from importlib import resources
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba.core import ccallback, compiler, serialize
from numba.core.caching import _Cache
from numba.core.runtime import rtsys

from . import caches
from .linking import HelperCompiler, KernelCompiler

# No fast-math: a NaN must stay visible, and every sum keeps its written order.
FLAGS = {"nogil": True, "error_model": "numpy"}
# For what is only a part of others.
LINKED = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": HelperCompiler,
}
# Arguments of helpers: for a literal Numba would compile the helper, and all that it calls, anew.
ZERO, ONE = np.int64(0), np.int64(1)
NO, YES = np.bool_(False), np.bool_(True)
# A file of the cache begins with the checksum of the rest.
DIGEST_SIZE = hashlib.sha256().digest_size


def helper(function):
    """Compile `function` into each kernel that calls it; it is never called from Python."""
    return numba.njit(**FLAGS, **LINKED)(function)


def inlined(function):
    """Paste `function` into its one or two callers before they are typed.

    Machine code is optimised again in every function that calls it; for the layers of calls
    around the register tile that took 4 s instead of 1.5.
    """
    return numba.njit(**FLAGS, inline="always")(function)


def entry(function):
    """Compile `function` for calls from Python, kept in the cache folder."""
    dispatcher = numba.njit(**FLAGS, no_cfunc_wrapper=True, pipeline_class=KernelCompiler)(function)
    dispatcher._cache = KernelCache(function.__name__)
    return dispatcher


def c_kernel(function, argument_types, name):
    """Compile `function` to machine code with a C address.

    It is kept in the cache folder as `name`, unless that is None.
    """
    signature = (tuple(argument_types), numba.types.void)
    compiled = ccallback.CFunc(
        function, signature, locals={}, options=dict(FLAGS), pipeline_class=KernelCompiler
    )
    if name:
        compiled._cache = KernelCache(name)
    compiled.compile()
    return compiled


class KernelCache(_Cache):
    """Machine code in files named after all that it depends on.

    Numba's own cache looks only at the file that holds a function, so an edit in a helper of
    another file would be served stale (numba issue 1833), it never recognises functions made
    by a factory (numba issue 6264), and it raises where it finds no writable folder. Here the
    folder is named after a hash of every kernel source, the file after the kernel, its
    signature, the host's features and its caches, and anything that goes wrong means "compile
    again".
    """

    def __init__(self, name):
        self.name = name

    @property
    def cache_path(self):
        return str(cache_folder())

    def enable(self):
        pass

    def disable(self):
        pass

    def flush(self):
        pass

    def _file(self, signature, target_context):
        folder = cache_folder()
        if folder is None:
            return None
        key = repr((str(signature), target_context.codegen().magic_tuple(), caches.sizes()))
        return folder / f"{self.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.nbc"

    def load_overload(self, signature, target_context):
        # Numba's own cache loads all that could be compiled here, half of a warm start, and SciPy
        # with it where that is installed; machine code needs no more than the runtime.
        rtsys.initialize(target_context)
        file = self._file(signature, target_context)
        try:
            if file is None:
                return None
            data = file.read_bytes()
            digest, payload = data[:DIGEST_SIZE], data[DIGEST_SIZE:]
            if hashlib.sha256(payload).digest() != digest:
                return None
            return compiler.CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # absent, cut short or foreign: compiling again is always right
            return None

    def save_overload(self, signature, result):
        file = self._file(signature, result.target_context)
        if file is None:
            return
        # Written aside and renamed, so that a second process never reads half a file.
        partial = file.with_suffix(f".{uuid.uuid4().hex[:12]}.tmp")
        try:
            payload = serialize.dumps(result._reduce())
            partial.write_bytes(hashlib.sha256(payload).digest() + payload)
            partial.replace(file)
        except Exception as error:  # an interrupted dump may end in anything
            with contextlib.suppress(OSError):  # a read-only file system refuses this as well
                partial.unlink(missing_ok=True)
            _warn_once(f"cannot write to {file.parent} ({error})")


_folder: Path | None = None
_folder_chosen = False
_warned = False


def cache_folder() -> Path | None:
    """The first folder that can be written, or None (then nothing is kept, with one warning)."""
    global _folder, _folder_chosen
    if not _folder_chosen:
        _folder_chosen = True
        _folder = next((f for f in _candidates() if _usable(f)), None)
        if _folder is None:
            _warn_once("no folder can be written; set NUMBA_CACHE_DIR to one that can")
    return _folder


def _candidates():
    version = f"fastnet-{sources_hash()}"
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR) / version
        return
    package = Path(__file__).parent
    if package.is_dir():
        yield package / "__pycache__" / version
    with contextlib.suppress(RuntimeError):  # no home directory
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fastnet" / version
    # A folder that others could have made may hold others' code: it must be ours alone.
    user = os.getuid() if hasattr(os, "getuid") else "user"
    with contextlib.suppress(OSError):  # no temporary folder that can be written
        private = Path(tempfile.gettempdir()) / f"fastnet-{user}"
        if _private(private):
            yield private / version


def _private(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o022 and not folder.is_symlink()


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"{uuid.uuid4().hex}.tmp"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError:
        # Read-only, but filled by whoever installed the package: still worth reading.
        return folder.is_dir() and any(folder.glob("*.nbc"))
    return True


def sources_hash() -> str:
    """A hash of every kernel source and of the versions that turn them into machine code."""
    digest = hashlib.sha256(
        f"{sys.version} numba {numba.__version__} llvmlite {llvmlite.__version__}".encode()
    )
    root = resources.files(__package__.rpartition(".")[0])
    for folder in (root, root / "compiled"):
        for source in sorted(folder.iterdir(), key=lambda file: file.name):
            if source.name.endswith(".py"):
                digest.update(source.name.encode())
                digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _warn_once(reason):
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"fastnet compiles its kernels anew in every process: {reason}.",
            RuntimeWarning,
            stacklevel=2,
        )
