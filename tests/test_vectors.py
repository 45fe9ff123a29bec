"""Kernels in vectors: of every length, no further than their ends, and as wide as the host has."""

import ctypes

import numpy as np
import pytest
from numba import carray, types

from fastnet.kernels.compiled import activations, jit, microkernel, sums
from fastnet.kernels.compiled import optimizers as kernels
from fastnet.kernels.compiled.vectors import elementwise, rowwise

REALS = {np.float64: types.float64, np.float32: types.float32}
DTYPES = pytest.mark.parametrize("dtype", REALS, ids=lambda dtype: dtype.__name__)
GUARD = 7


def compile_kernel(entry, dtype, pointers, sizes):
    kinds = (types.CPointer(REALS[dtype]),) * pointers + (types.intp,) * sizes
    return jit.c_kernel(entry, kinds, None)


def caller(entry, dtype, pointers, sizes):
    """A function of arrays and sizes, which keeps the machine code."""
    code = compile_kernel(entry, dtype, pointers, sizes)
    kinds = (ctypes.c_void_p,) * pointers + (ctypes.c_ssize_t,) * sizes
    function = ctypes.CFUNCTYPE(None, *kinds)(code.address)

    def call(*arguments, keep=code):
        function(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments))

    return call


def lengths(dtype):
    """Around the vectors that a loop takes at once, and none."""
    lanes = microkernel.lanes(np.dtype(dtype).itemsize)
    return sorted({0, 1, 2, *(k * lanes + d for k in (1, 2, 3, 4) for d in (-1, 0, 1))})


@DTYPES
def test_each_number_is_written_once_and_none_behind(dtype):
    @elementwise
    def add(x, out):
        return out + x

    call = caller(lambda x, out, n: add(carray(x, n), carray(out, n)), dtype, 2, 1)
    for n in lengths(dtype):
        x, out = np.arange(n + 9).astype(dtype), np.full(n + 9, GUARD, dtype)
        call(x, out, n)
        assert np.array_equal(out[:n], GUARD + x[:n])
        assert (out[n:] == GUARD).all()


@DTYPES
def test_two_numbers_fill_two_arrays_and_settings_are_rounded(dtype):
    @elementwise
    def both(factor, x, y, z):
        return factor * x, y + z

    def entry(x, y, z, n):
        both(0.1, carray(x, n), carray(y, n), carray(z, n))

    call = caller(entry, dtype, 3, 1)
    for n in lengths(dtype):
        x, y, z = np.random.default_rng(n).standard_normal((3, n)).astype(dtype)
        expected = dtype(0.1) * x, y + z
        call(x, y, z, n)
        assert np.array_equal((y, z), expected)


@DTYPES
def test_each_row_is_summed_over_its_features(dtype):
    @rowwise
    def total(panel, out):
        out[0] = panel.fold(0, lambda feature, value: value + panel[feature])
        panel.for_each(lambda feature: panel.__setitem__(feature, panel[feature] * 2))

    def entry(panel, out, features, width):
        total(carray(panel, (features, width)), carray(out, (1, width)))

    call = caller(entry, dtype, 2, 2)
    for width in lengths(dtype)[1:]:
        for features in (1, 2, 5):
            panel = np.arange(features * width).reshape(features, width).astype(dtype)
            doubled, out = panel.copy(), np.full(width + 9, GUARD, dtype)
            call(doubled, out, features, width)
            assert np.array_equal(out[:width], panel.sum(axis=0))
            assert (out[width:] == GUARD).all()
            assert np.array_equal(doubled, 2 * panel)


def in_chains(terms):
    """Their sum in the order that `sums` states."""
    whole = len(terms) - len(terms) % sums.CHAINS
    parts = np.zeros(sums.CHAINS)
    for group in terms[:whole].reshape(-1, sums.CHAINS):
        parts += group
    rest = 0.0
    for term in terms[whole:]:
        rest += term
    while len(parts) > 1:
        parts = parts[: len(parts) // 2] + parts[len(parts) // 2 :]
    return parts[0] + rest


@DTYPES
@pytest.mark.parametrize(
    ("name", "term"), [("sum_of_squares", np.square), ("sum_of_sizes", np.abs)]
)
def test_a_sum_has_one_order_whatever_the_vectors(name, term, dtype):
    function = getattr(sums, name)

    def entry(x, out, n):
        carray(out, 1, np.float64)[0] = function(carray(x, n))

    kinds = (types.CPointer(REALS[dtype]), types.CPointer(types.float64), types.intp)
    code = jit.c_kernel(entry, kinds, None)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)(code.address)
    rng, out = np.random.default_rng(0), np.empty(1)
    for n in (*lengths(dtype), 31, 32, 33, 63, 64, 65, 1000):
        x = rng.standard_normal(n).astype(dtype)
        call(x.ctypes.data, out.ctypes.data, n)
        assert out[0] == in_chains(term(x.astype(np.float64)))


@pytest.mark.skipif(microkernel.VECTOR_BYTES < 64, reason="the host's vectors are not as wide")
@DTYPES
def test_vectors_have_512_bits_where_the_host_has_them(dtype):
    """Those that are written out, and those that LLVM makes of a loop."""

    def tanh(z, out, n):
        activations.tanh(carray(z, n), carray(out, n))

    def sgd(gradient, numbers, parameters, n):
        gradient = carray(gradient, n)
        kernels.sgd(gradient, carray(numbers, 1), 1, (gradient,), carray(parameters, n))

    for entry, pointers in ((tanh, 2), (sgd, 3)):
        code = compile_kernel(entry, dtype, pointers, 1)
        assert "zmm" in code._library.get_asm_str()
