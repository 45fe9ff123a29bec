"""Kernels in two paths of the same names: `reference` (NumPy) and `compiled` (Numba)."""

if __name__ != "fastnet.kernels":
    raise ImportError(
        f"this folder is the package 'fastnet.kernels', not {__name__!r}: import fastnet instead"
    )
