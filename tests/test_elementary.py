"""exp, expm1, log and log1p of the compiled kernels, against 200-bit arithmetic."""

import ctypes
import re

import mpmath
import numpy as np
import pytest
from numba import carray, types

from fastnet.kernels.compiled import elementary, jit

from .test_twins import extremes, units

REALS = {np.float64: types.float64, np.float32: types.float32}
FUNCTIONS = ("exp", "expm1", "log", "log1p")


@pytest.fixture(scope="module", params=FUNCTIONS)
def name(request):
    return request.param


@pytest.fixture(scope="module", params=REALS, ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.fixture(scope="module")
def compiled(name, dtype):
    function = getattr(elementary, name)
    pointer = types.CPointer(REALS[dtype])

    def loop(x, out, n):
        source, result = carray(x, n), carray(out, n)
        for i in range(n):
            result[i] = function(source[i])

    with pytest.MonkeyPatch.context() as patch:
        # Numba shows the code of what it compiled itself, not of what it loaded.
        patch.setattr(jit, "cache_folder", lambda: None)
        return jit.c_kernel(loop, (pointer, pointer, types.intp), "test")


def evaluate(compiled, x):
    out = np.empty_like(x)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)
    call(compiled.address)(x.ctypes.data, out.ctypes.data, len(x))
    return out


def arguments(name, dtype):
    rng = np.random.default_rng(0)
    near_zero = rng.uniform(-0.9, 0.9, 200) * 10.0 ** rng.uniform(-12, 0, 200)
    tails = rng.uniform(-760, 720, 300)
    sizes = np.exp2(rng.uniform(-1074 if dtype == np.float64 else -149, 127, 300))
    parts = {
        "exp": (near_zero, tails),
        "expm1": (near_zero, tails),
        "log": (1 + near_zero, sizes),
        "log1p": (near_zero, sizes),
    }
    x = np.concatenate([*parts[name]]).astype(dtype)
    x = np.concatenate([x, extremes(dtype)])
    return x[x > {"log": 0, "log1p": -1}.get(name, -np.inf)]


def test_within_4_units_in_the_last_place(name, dtype, compiled):
    mpmath.mp.prec = 1200 if name in ("expm1", "log1p") else 200
    x = arguments(name, dtype)
    true = {
        "exp": mpmath.exp,
        "expm1": lambda v: mpmath.exp(v) - 1,
        "log": mpmath.log,
        "log1p": lambda v: mpmath.log(1 + v),
    }[name]
    computed = evaluate(compiled, x)
    errors = []
    for value, result in zip(x, computed, strict=True):
        if name in ("exp", "expm1") and abs(value) > 1e4:
            assert result == (np.inf if value > 0 else {"exp": 0, "expm1": -1}[name])
        else:
            errors.append(units(result, true(mpmath.mpf(float(value))), dtype))
    assert max(errors) <= 4


def test_special_values(name, dtype, compiled):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, -2.0], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    computed = evaluate(compiled, x)
    np.testing.assert_allclose(computed, expected, rtol=1e-6)


def test_a_number_has_the_same_bits_at_every_place(name, dtype, compiled):
    """In a vector or in the rest of a loop: else a row would depend on its batch."""
    for value in arguments(name, dtype)[::29]:
        single = evaluate(compiled, np.full(1, value, dtype)).tobytes()
        for n in (3, 8, 31, 64, 65):
            assert evaluate(compiled, np.full(n, value, dtype)).tobytes() == n * single


def test_loops_become_vectors_and_call_no_library(name, compiled):
    code = compiled.inspect_llvm()
    assert re.search(r"call <\d+ x (double|float)> @llvm\.fmuladd\.v\d+f(32|64)", code)
    assert not re.search(r"call [^@]*@(exp|log|log1p|fma|ldexp|frexp)f?\(", code)
