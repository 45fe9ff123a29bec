"""Activations and their derivatives on both paths, against arithmetic of many digits."""

import ctypes
import functools
import re

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from numba import carray, types

from fastnet.kernels.compiled import activations as compiled
from fastnet.kernels.compiled import jit, normal, zeros
from fastnet.kernels.reference import activations as reference

from .test_twins import extremes, units

REALS = {np.float64: types.float64, np.float32: types.float32}
DTYPES = pytest.mark.parametrize("dtype", REALS, ids=lambda dtype: dtype.__name__)
PATHS = pytest.mark.parametrize("path", ["reference", "compiled"])

# ------------------------------------------------------------- the true values and derivatives

mpmath.mp.prec = 300
SELU_SCALE = mpf("1.0507009873554804934193349852946")
SELU_ALPHA = mpf("1.6732632423543772848170429916717")


def bounded(x):
    """Farther out exponentials are 0 in every dtype, and cost mpmath seconds."""
    return max(min(x, mpf(10) ** 6), -(mpf(10) ** 6))


def sigmoid(x):
    return 1 / (1 + mpmath.exp(bounded(-x)))


def softplus(x):
    return mpmath.log1p(mpmath.exp(-abs(bounded(x)))) + max(x, 0)


def tanh_softplus(x):
    return mpmath.tanh(bounded(softplus(x)))


def mish_slope(x):
    t = tanh_softplus(x)
    return t + x * (1 - t) * (1 + t) * sigmoid(x)


def normal_cdf(x):
    return mpmath.erfc(bounded(-x) / mpmath.sqrt(2)) / 2


def gelu_argument(x):
    return 2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpf("0.044715") * x**3)


def gelu_tanh_slope(x):
    v, v_slope = gelu_argument(x), 2 * mpmath.sqrt(2 / mpmath.pi) * (1 + mpf("0.134145") * x**2)
    return sigmoid(v) * (1 + x * v_slope * sigmoid(-v))


# Name -> value and derivative.
TRUE = {
    "identity": (lambda x: x, lambda x: mpf(1)),
    "relu": (lambda x: max(x, mpf(0)), lambda x: mpf(x > 0)),
    "leaky_relu": (
        lambda x: x if x > 0 else mpf("0.01") * x,
        lambda x: mpf(1 if x > 0 else "0.01"),
    ),
    "elu": (
        lambda x: x if x > 0 else mpmath.expm1(bounded(x)),
        lambda x: mpf(1) if x > 0 else mpmath.exp(bounded(x)),
    ),
    "selu": (
        lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * mpmath.expm1(bounded(x))),
        lambda x: SELU_SCALE * (1 if x > 0 else SELU_ALPHA * mpmath.exp(bounded(x))),
    ),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "tanh": (lambda x: mpmath.tanh(bounded(x)), lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x)),
    "softplus": (softplus, sigmoid),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "mish": (lambda x: x * tanh_softplus(x), mish_slope),
    "gelu": (
        lambda x: x * normal_cdf(x),
        lambda x: normal_cdf(x) + x * mpmath.npdf(bounded(x)),
    ),
    "gelu_tanh": (lambda x: x * sigmoid(gelu_argument(x)), gelu_tanh_slope),
}
# Both at once.
WITH_SLOPE = tuple(f"{name}_with_slope" for name in ("sigmoid", "tanh"))
TRUE |= {name: TRUE[name.removesuffix("_with_slope")] for name in WITH_SLOPE}
NAMES = tuple(TRUE)
# Derivatives with a zero, and about where it is.
ZEROS = {"silu": -1.28, "mish": -1.19, "gelu": -0.75, "gelu_tanh": -0.75}
# Where results become subnormal and 0, as multiples of where exp does.
REACH = {
    **dict.fromkeys(("tanh", "tanh_with_slope"), lambda x: x / 2),
    "gelu": lambda x: np.sqrt(2 * x),
}
REACH["gelu_tanh"] = lambda x: np.cbrt(14 * x) - 0.36 * np.cbrt(1000 / x)


@functools.cache
def zero_of(name):
    return mpmath.findroot(TRUE[name][1], ZEROS[name])


@functools.cache
def points(name, dtype):
    rng = np.random.default_rng(len(name))
    end = -np.log(float(np.finfo(dtype).smallest_subnormal))
    reach = REACH.get(name, lambda x: x)
    parts = [
        rng.uniform(-10, 10, 300),
        rng.uniform(-1, 1, 60) * 10.0 ** rng.uniform(-20, 0, 60),
        -reach(end) * rng.uniform(0, 1.05, 150),
        -reach(end * rng.uniform(0.8, 1.01, 150)),
        reach(end) * rng.uniform(0, 1.05, 40),
    ]
    if name in ZEROS:
        zero = float(zero_of(name))
        parts.append(zero * (1 + rng.standard_normal(200) * 10.0 ** rng.uniform(-16, -0.5, 200)))
        parts.append(zero + np.arange(-10, 11) * np.spacing(dtype(zero)))
    return np.concatenate([np.concatenate(parts).astype(dtype), extremes(dtype)])


@functools.cache
def true_results(name, what, dtype):
    function = TRUE[name][what == "derivative"]
    return [function(mpf(float(z))) for z in points(name, dtype)]


# ------------------------------------------------------------------------- the two paths


@functools.cache
def compiled_loop(name, dtype):
    """The kernel on `n` numbers, compiled here: Numba shows no code of what it loaded."""
    kernel, pointer = getattr(compiled, name), types.CPointer(REALS[dtype])
    if name.endswith("_backward"):

        def loop(z, a, delta, n):
            kernel(carray(z, n), carray(a, n), carray(delta, n))

        arguments = (pointer, pointer, pointer, types.intp)
    else:

        def loop(z, out, n):
            kernel(carray(z, n), carray(out, n))

        arguments = (pointer, pointer, types.intp)
    return jit.c_kernel(loop, arguments, None)


def run(path, name, *arrays):
    if path == "reference":
        with np.errstate(all="ignore"):
            getattr(reference, name)(*arrays)
        return
    code = compiled_loop(name, arrays[0].dtype.type)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arrays), ctypes.c_ssize_t)
    call(code.address)(*(array.ctypes.data for array in arrays), arrays[0].size)


def evaluate(path, name, what, z):
    if name in WITH_SLOPE:
        slope, out = z.copy(), np.empty_like(z)
        run(path, name, slope, out)
        return out if what == "value" else slope
    if what == "value":
        out = np.empty_like(z)
        run(path, name, z, out)
        return out
    delta = np.ones_like(z)
    # Dropout may have changed the activations meanwhile.
    run(path, f"{name}_backward", z, np.full_like(z, np.nan), delta)
    return delta


@PATHS
@DTYPES
@pytest.mark.parametrize("what", ["value", "derivative"])
@pytest.mark.parametrize("name", NAMES)
def test_within_4_units_in_the_last_place(name, what, dtype, path):
    z, true = points(name, dtype), true_results(name, what, dtype)
    computed = evaluate(path, name, what, z)
    errors = [units(c, t, dtype) for c, t in zip(computed, true, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= 4, (z[worst], computed[worst], errors[worst])


def naive_silu_slope(z):
    s = 1 / (1 + np.exp(-z))
    return s * (1 + z * (1 - s))


def naive_gelu_tanh(z):
    return z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


NAIVE = {
    ("elu", "value"): lambda z: np.where(z > 0, z, np.exp(z) - 1),
    ("tanh", "derivative"): lambda z: 1 - np.tanh(z) ** 2,
    ("softplus", "value"): lambda z: np.log(1 + np.exp(z)),
    ("silu", "value"): lambda z: z * np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z))),
    ("silu", "derivative"): naive_silu_slope,
    ("gelu_tanh", "value"): naive_gelu_tanh,
}


@pytest.mark.parametrize(("name", "what"), NAIVE)
def test_the_points_tell_formulas_that_lose_digits(name, what):
    z = points(name, np.float64)
    with np.errstate(all="ignore"):
        computed = NAIVE[name, what](z)
    true = true_results(name, what, np.float64)
    assert max(units(c, t, np.float64) for c, t in zip(computed, true, strict=True)) > 100


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_in_longdouble_is_as_good_as_longdouble(name):
    """`fastnet compare` takes it for the true value."""
    z = points(name, np.float64)[::10]
    scale = float(np.finfo(np.longdouble).eps / np.finfo(np.float64).eps)
    for what in ("value", "derivative"):
        computed = evaluate("reference", name, what, z.astype(np.longdouble))
        for c, t in zip(computed, true_results(name, what, np.float64)[::10], strict=True):
            if abs(t) > np.finfo(np.float64).smallest_normal and np.isfinite(np.float64(c)):
                numerator, denominator = c.as_integer_ratio()
                error = abs(mpf(numerator) / denominator - t) / abs(t)
                assert error <= 4 * scale * np.finfo(np.float64).eps


# -inf, inf -> value and derivative there.
LIMITS = {
    "identity": ((-np.inf, 1), (np.inf, 1)),
    "relu": ((0, 0), (np.inf, 1)),
    "leaky_relu": ((-np.inf, 0.01), (np.inf, 1)),
    "elu": ((-1, 0), (np.inf, 1)),
    "selu": ((-1.7580993408473766, 0), (np.inf, 1.0507009873554805)),
    "sigmoid": ((0, 0), (1, 0)),
    "tanh": ((-1, 0), (1, 0)),
    "sigmoid_with_slope": ((0, 0), (1, 0)),
    "tanh_with_slope": ((-1, 0), (1, 0)),
    "softplus": ((0, 0), (np.inf, 1)),
}


@PATHS
@DTYPES
@pytest.mark.parametrize("name", NAMES)
def test_infinities_and_nan(name, dtype, path):
    z = np.array([-np.inf, np.inf, np.nan], dtype)
    limits = LIMITS.get(name, ((0, 0), (np.inf, 1)))
    for place, what in enumerate(("value", "derivative")):
        low, high = (pair[place] for pair in limits)
        expected = [low, high, 1 if (name, what) == ("identity", "derivative") else np.nan]
        computed = evaluate(path, name, what, z)
        np.testing.assert_allclose(computed, expected, rtol=np.finfo(dtype).eps)


@PATHS
@DTYPES
def test_where_the_derivative_jumps_it_is_that_from_below(dtype, path):
    z = np.array([0.0, -0.0], dtype)
    expected = {"relu": 0, "leaky_relu": 0.01, "elu": 1, "selu": 1.7580993408473766}
    for name, slope in expected.items():
        computed = evaluate(path, name, "derivative", z)
        np.testing.assert_allclose(computed, slope, rtol=np.finfo(dtype).eps)


@PATHS
@DTYPES
@pytest.mark.parametrize("name", NAMES)
def test_backward_multiplies_what_it_is_given(name, dtype, path):
    z = points(name, dtype)[:50]
    delta = np.linspace(-3, 3, 50).astype(dtype)
    slope = evaluate(path, name, "derivative", z)
    expected = delta * slope
    if name in WITH_SLOPE:
        run(path, "slope_backward", slope, z, delta)
    else:
        run(path, f"{name}_backward", z, z, delta)
    # Two roundings more or less: the reference multiplies before it rounds to float32.
    np.testing.assert_allclose(delta, expected, rtol=np.finfo(dtype).eps)


# ---------------------------------------------------------------------------------- softmax


@functools.cache
def compiled_softmax(dtype):
    def panel(z, a, delta, features, width):
        compiled.softmax_backward(
            carray(z, (features, width)),
            carray(a, (features + 1, width)),
            carray(delta, (features, width)),
        )

    arguments = (types.CPointer(REALS[dtype]),) * 3 + (types.intp,) * 2
    return jit.c_kernel(panel, arguments, None)


def softmax_backward(path, a, delta):
    """What the kernel makes of delta, (rows, features); it is not to look at z."""
    if path == "reference":
        reference.softmax_backward(np.full_like(a, np.nan), a, delta)
        return delta
    rows, features = a.shape
    z, out = np.full((features, rows), np.nan, a.dtype), np.ascontiguousarray(delta.T)
    with_scratch = np.ascontiguousarray(np.vstack([a.T, np.full(rows, np.nan, a.dtype)]))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_ssize_t] * 2)
    pointers = (array.ctypes.data for array in (z, with_scratch, out))
    call(compiled_softmax(a.dtype.type).address)(*pointers, features, rows)
    return out.T


@PATHS
@DTYPES
def test_softmax_backward_is_the_jacobian(dtype, path, rng):
    for rows, features in ((1, 1), (3, 2), (8, 5), (33, 17)):
        a = rng.random((rows, features))
        a = (a / a.sum(axis=1, keepdims=True)).astype(dtype)
        delta = rng.standard_normal((rows, features)).astype(dtype)
        wide_a, wide_delta = a.astype(np.longdouble), delta.astype(np.longdouble)
        jacobians = np.stack([np.diag(row) - np.outer(row, row) for row in wide_a])
        expected = np.einsum("nij,nj->ni", jacobians, wide_delta)
        terms = np.abs(wide_delta) + np.sum(wide_a * np.abs(wide_delta), axis=1, keepdims=True)
        computed = softmax_backward(path, a, delta.copy())
        # A sum of `features` products, a difference and a product.
        bound = (features + 2) * np.finfo(dtype).eps * wide_a * terms
        assert (np.abs(computed - expected) <= bound).all()


# ------------------------------------------------------------------- how the compiled path does it

PLAIN = [name for name in NAMES if name not in WITH_SLOPE]
KERNELS = [*WITH_SLOPE, *(name + end for name in PLAIN for end in ("", "_backward"))]


@DTYPES
@pytest.mark.parametrize("kernel", [name for name in KERNELS if name != "identity_backward"])
def test_loops_become_vectors_and_call_no_library(kernel, dtype):
    code = compiled_loop(kernel, dtype).inspect_llvm()
    assert re.search(r"store <\d+ x (double|float)>", code)
    called = set(re.findall(r"call [^@\n]*@\"?([\w.$]+)", code))
    ours = ("llvm.", "_ZN", "Py", "NRT_", "numba_")
    assert not [name for name in called if not name.startswith(ours)]


@DTYPES
@pytest.mark.parametrize("name", NAMES)
def test_a_number_has_the_same_bits_at_every_place(name, dtype):
    """In a vector or in the rest of a loop: else a row would depend on its batch."""
    for z in points(name, dtype)[::97]:
        for what in ("value", "derivative"):
            single = evaluate("compiled", name, what, np.full(1, z, dtype)).tobytes()
            for n in (3, 8, 31, 64, 65):
                several = evaluate("compiled", name, what, np.full(n, z, dtype))
                assert several.tobytes() == n * single


def normal_argument(x):
    """The polynomials' argument, as the number that it stands for."""
    return normal.CENTRE * (1 + x) / (1 - x)


def tail_polynomial(s):
    x = normal_argument(s)
    return mpmath.exp(x * x / 2) * normal_cdf(-x) * (x + normal.TAIL_SHIFT)


def slope_polynomial(s):
    x = normal_argument(s)
    slope = normal_cdf(-x) - x * mpmath.npdf(x)
    return mpmath.exp(x * x / 2) * slope / (-zero_of("gelu") - x)


def near_polynomial(name):
    return lambda t: TRUE[name][1](zero_of(name) + t) / t


@DTYPES
def test_the_tables_are_the_functions_to_half_a_unit(dtype):
    end, last = {np.float64: ("DOUBLE", 39), np.float32: ("SINGLE", 14.6)}[dtype]
    whole = (-1, (last - normal.CENTRE) / (last + normal.CENTRE))
    checks = [
        (getattr(normal, f"TAIL_{end}"), tail_polynomial, whole),
        (getattr(normal, f"SLOPE_{end}"), slope_polynomial, whole),
    ]
    for name in ("silu", "mish", "gelu_tanh"):
        table = getattr(zeros, f"{name.upper()}_{end}")
        checks.append((table, near_polynomial(name), (-zeros.NEAR, -float(zero_of(name)))))
    for table, function, (low, high) in checks:
        for x in np.linspace(low, high, 61):
            x, value = mpf(float(x)) + mpf(2) ** -80, mpf(0)
            for coefficient in table:
                value = value * x + mpf(float(dtype(coefficient)))
            assert abs(value / function(x) - 1) < np.finfo(dtype).eps / 2


@pytest.mark.parametrize("name", ZEROS)
def test_zeros_are_known_to_twice_the_digits(name):
    high, low = normal.SLOPE_ZERO if name == "gelu" else getattr(zeros, f"{name.upper()}_ZERO")
    assert abs(mpf(high) + mpf(low)) == pytest.approx(abs(zero_of(name)), rel=1e-31)
