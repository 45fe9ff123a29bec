"""Exponentials, logarithms and roots of the compiled kernels, against 200-bit arithmetic."""

import ctypes
import re

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from numba import carray, types

from fastnet.kernels.compiled import elementary, jit

from .test_twins import extremes, units

REALS = {np.float64: types.float64, np.float32: types.float32}
DTYPES = pytest.mark.parametrize("dtype", REALS, ids=lambda dtype: dtype.__name__)
# Name -> the true function, the same in NumPy, and where it is meant to be taken.
FUNCTIONS = {
    "exp": (mpmath.exp, np.exp, (-np.inf, np.inf)),
    "exp_up_to_0": (mpmath.exp, np.exp, (-np.inf, 0)),
    "expm1_up_to_0": (mpmath.expm1, np.expm1, (-np.inf, 0)),
    "log": (mpmath.log, np.log, (-np.inf, np.inf)),
    "log1p_up_to_1": (mpmath.log1p, np.log1p, (0, 1)),
    "root": (mpmath.sqrt, np.sqrt, (0, np.inf)),
}


@pytest.fixture(scope="module", params=FUNCTIONS)
def name(request):
    return request.param


@pytest.fixture(scope="module", params=REALS, ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.fixture(scope="module")
def compiled(name, dtype):
    return compiled_loop(name, dtype)


def compiled_loop(name, dtype):
    function = getattr(elementary, name)
    pointer = types.CPointer(REALS[dtype])

    def loop(x, out, n):
        source, result = carray(x, n), carray(out, n)
        for i in range(n):
            result[i] = function(source[i])

    # Numba shows the code of what it compiled itself, not of what it loaded.
    return jit.c_kernel(loop, (pointer, pointer, types.intp), None)


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
    kind = re.match("exp|log1p|log|root", name).group()
    parts = {
        "exp": (near_zero, tails),
        "log": (1 + near_zero, sizes),
        "log1p": (near_zero, sizes),
        "root": (1 + near_zero, sizes),
    }
    x = np.concatenate([*parts[kind]]).astype(dtype)
    x = np.concatenate([x, extremes(dtype)])
    low, high = FUNCTIONS[name][2]
    return x[(x > 0 if name == "log" else x >= low) & (x <= high)]


def test_within_4_units_in_the_last_place(name, dtype, compiled):
    mpmath.mp.prec = 200
    x, true = arguments(name, dtype), FUNCTIONS[name][0]
    computed = evaluate(compiled, x)
    errors = []
    for value, result in zip(x, computed, strict=True):
        if name.startswith("exp") and abs(value) > 1e4:
            assert result == (np.inf if value > 0 else -1 if name.startswith("expm1") else 0)
        else:
            errors.append(units(result, true(mpf(float(value))), dtype))
    assert max(errors) <= (1 if name == "root" else 4)


def test_special_values(name, dtype, compiled):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, -2.0, 1.0], dtype)
    _, known, (low, high) = FUNCTIONS[name]
    x = x[~((x < low) | (x > high))]
    with np.errstate(all="ignore"):
        expected = known(x)
    np.testing.assert_allclose(evaluate(compiled, x), expected, rtol=1e-6)


def test_a_number_has_the_same_bits_at_every_place(name, dtype, compiled):
    """In a vector or in the rest of a loop: else a row would depend on its batch."""
    for value in arguments(name, dtype)[::29]:
        single = evaluate(compiled, np.full(1, value, dtype)).tobytes()
        for n in (3, 8, 31, 64, 65):
            assert evaluate(compiled, np.full(n, value, dtype)).tobytes() == n * single


def test_loops_become_vectors_and_call_no_library(name, compiled):
    code = compiled.inspect_llvm()
    # Whether the processor's own roots are taken as vectors is for LLVM to weigh.
    if name != "root" or elementary.ROOT_BY_MULTIPLICATION:
        assert re.search(r"call <\d+ x (double|float)> @llvm\.fmuladd\.v\d+f(32|64)", code)
    assert not re.search(r"call [^@]*@(exp|log|log1p|fma|ldexp|frexp|sqrt)f?\(", code)


@DTYPES
def test_a_root_of_every_size(dtype):
    """Every exponent, with many mantissas and those at its ends; NumPy's root is rounded once."""
    integer = {np.float64: np.int64, np.float32: np.int32}[dtype]
    info, rng = np.finfo(dtype), np.random.default_rng(1)
    exponents = np.arange(2**info.nexp - 1)[:, None] << info.nmant
    inside = rng.integers(0, 2**info.nmant, (len(exponents), 400))
    ends = np.arange(-20, 20) % 2**info.nmant
    x = np.concatenate([exponents + inside, exponents + ends], axis=1).astype(integer)
    x = x.ravel().view(dtype)
    computed, true = evaluate(compiled_loop("root", dtype), x), np.sqrt(x)
    assert (np.abs(computed - true) <= np.spacing(true)).all()
    assert computed[x == 0].tolist() == [0]


def test_the_tables_are_the_functions():
    """To a fifth of a rounding of the results that they are parts of, and of their first terms."""
    mpmath.mp.prec = 200
    half, third = mpmath.log(2) / 2, (mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)
    for dtype, suffix in ((np.float64, "DOUBLE"), (np.float32, "SINGLE")):
        eps = float(np.finfo(dtype).eps)
        for share in np.linspace(-1, 1, 200):
            share = mpf(share)
            r, s, e = share * half, share * third, share * mpf("0.0685")
            exp, log, root = (
                value_of(getattr(elementary, f"{table}_{suffix}"), x, dtype)
                for table, x in (("EXP", r), ("LOG", s * s), ("ROOT", e))
            )
            assert abs((r + r * r * exp) / mpmath.expm1(r) - 1) < eps / 5
            assert abs((2 * s + s**3 * log) / (2 * mpmath.atanh(s)) - 1) < eps / 5
            # A step of Newton's leaves 3/2 of the square.
            assert 1.5 * (root * mpmath.sqrt(1 - e) - 1) ** 2 < eps / 5


def value_of(table, x, dtype):
    result = mpf(0)
    for coefficient in table:
        result = result * x + mpf(float(dtype(coefficient)))
    return result
