"""Initial weights have the distribution of their name, or are what was given."""

import math
import zlib
from itertools import pairwise

import numpy as np
import pytest

from fastnet import buffers
from fastnet.initialization import RULES, initial
from fastnet.plan import Plan

DTYPES = ("float64", "float32")
# Of very different sizes, so that n_in for n_out would be seen.
SIZES = (300, 70, 170)

VARIANCE = {
    "he": lambda n_in, n_out: 2 / n_in,
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),
    "lecun": lambda n_in, n_out: 1 / n_in,
}
LIMIT = {
    "he": lambda n_in, n_out: math.sqrt(6 / n_in),
    "glorot": lambda n_in, n_out: math.sqrt(6 / (n_in + n_out)),
    "lecun": lambda n_in, n_out: math.sqrt(3 / n_in),
}
# E[x^4] / E[x^2]^2, which says how much a mean of squares varies.
FOURTH_MOMENT = {"normal": 3, "uniform": 9 / 5}


def plan(sizes=SIZES, dtype="float64"):
    return Plan.of(tuple(sizes), "sigmoid", dtype)


def seeded(name):
    """A generator that each name has for itself."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def drawn(name, sizes=SIZES, dtype="float64"):
    """The layers' weights, and the generator after it."""
    described, rng = plan(sizes, dtype), seeded(name)
    vector = initial(described, name, rng)
    assert vector.dtype == dtype
    assert vector.shape == (described.size,)
    assert all(not bias.any() for bias in buffers.biases(described, vector))
    return list(buffers.weights(described, vector)), rng


# --------------------------------------------------------------------------------------- by name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", VARIANCE)
@pytest.mark.parametrize("distribution", FOURTH_MOMENT)
def test_mean_and_variance_are_those_of_the_formula(family, distribution, dtype):
    """Within five standard deviations of the sums of n numbers and of their squares.

    The sum of squares of normal numbers is chi-square with n degrees of freedom; of mean n and
    variance (m - 1) n it is for any with fourth moment m.
    """
    for weights in drawn(f"{family}_{distribution}", dtype=dtype)[0]:
        n = weights.size
        standard = weights.astype(float).ravel() / math.sqrt(VARIANCE[family](*weights.shape))
        assert abs(standard.sum()) < 5 * math.sqrt(n)
        spread = math.sqrt((FOURTH_MOMENT[distribution] - 1) * n)
        assert abs((standard**2).sum() - n) < 5 * spread
        # The fourth powers tell one distribution from the other; their own variance is below
        # the normal's, E[x^8] - E[x^4]^2 = 105 - 9.
        fourth = (standard**4).mean()
        assert abs(fourth - FOURTH_MOMENT[distribution]) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", LIMIT)
def test_uniform_numbers_fill_their_range_and_stay_in_it(family, dtype):
    for weights in drawn(f"{family}_uniform", dtype=dtype)[0]:
        limit = LIMIT[family](*weights.shape)
        # One rounding to the dtype may go beyond the limit.
        assert np.abs(weights).max() <= limit * (1 + np.finfo(dtype).eps)
        # The probability that all n stay below is (1 - 30 / n)^n < e^-30.
        for side in (weights, -weights):
            assert side.max() > limit * (1 - 60 / weights.size)


@pytest.mark.parametrize("name", [name for name in RULES if name != "zeros"])
def test_a_row_is_not_a_copy_of_another(name):
    for weights in drawn(name)[0]:
        assert len(np.unique(weights)) == weights.size


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(40, 40), (41, 40), (40, 41), (1, 5), (5, 1), (1, 1), SIZES])
def test_orthogonal(sizes, dtype):
    layers, _ = drawn("orthogonal", sizes, dtype)
    rng = seeded("orthogonal")
    for weights in layers:
        n_in, n_out = weights.shape
        wide = n_out > n_in
        tall = (weights.T if wide else weights).astype(float)
        bound = max(n_in, n_out) * np.finfo(dtype).eps
        np.testing.assert_allclose(tall.T @ tall, np.eye(min(n_in, n_out)), rtol=0, atol=bound)
        # Q^T A = R of the same draw: no other Q gives a triangle with a positive diagonal.
        draw = rng.standard_normal((n_in, n_out))
        r = tall.T @ (draw.T if wide else draw)
        size = np.abs(draw).max() * max(n_in, n_out)
        np.testing.assert_allclose(np.tril(r, -1), 0, rtol=0, atol=bound * size)
        assert np.diag(r).min() > 0


def test_orthogonal_matrices_are_uniformly_distributed():
    """Each entry of a 2 x 2 is the cosine of a uniform angle; determinants of both signs."""
    rng, n = np.random.default_rng(5), 4000
    matrices = np.array([RULES["orthogonal"](rng, 2, 2) for _ in range(n)])
    assert abs((np.linalg.det(matrices) > 0).sum() - n / 2) < 5 * math.sqrt(n) / 2
    # A cosine of a uniform angle has mean 0 and variance 1/2; that of its square is 1/8.
    assert np.abs(matrices.sum(axis=0)).max() < 5 * math.sqrt(n / 2)
    assert np.abs((matrices**2).sum(axis=0) - n / 2).max() < 5 * math.sqrt(n / 8)


@pytest.mark.parametrize("name", RULES)
def test_the_same_seed_gives_the_same_bits(name):
    first, second = drawn(name)[0], drawn(name)[0]
    assert [a.tobytes() for a in first] == [b.tobytes() for b in second]


@pytest.mark.parametrize("name", RULES)
def test_float32_is_float64_rounded(name):
    for wide, narrow in zip(drawn(name)[0], drawn(name, dtype="float32")[0], strict=True):
        np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@pytest.mark.parametrize("name", RULES)
def test_the_global_generator_is_as_good(name):
    np.random.seed(3)
    vector = initial(plan(), name, None)
    after = np.random.get_state()[1].tobytes(), np.random.get_state()[2:]
    np.testing.assert_array_equal(vector, initial(plan(), name, np.random.RandomState(3)))
    assert (np.random.get_state()[1].tobytes(), np.random.get_state()[2:]) == after


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("source", ["global", "generator"])
def test_he_normal_is_what_the_drop_in_draws(source, dtype):
    """Bit for bit, and leaves the generator where that one leaves it."""
    described, sizes = plan(dtype=dtype), list(pairwise(SIZES))
    if source == "global":
        np.random.seed(4)
        expected = [np.random.randn(*size) * np.sqrt(2 / size[0]) for size in sizes]
        after = np.random.randn()
        np.random.seed(4)
        vector = initial(described, "he_normal", None)
        assert np.random.randn() == after
    else:
        one, other = np.random.default_rng(4), np.random.default_rng(4)
        expected = [one.standard_normal(size) * np.sqrt(2 / size[0]) for size in sizes]
        vector = initial(described, "he_normal", other)
        assert one.random() == other.random()
    for weights, values in zip(buffers.weights(described, vector), expected, strict=True):
        assert weights.tobytes() == values.astype(dtype).tobytes()


# ----------------------------------------------------------------------------------- layer by layer


def test_a_name_for_each_layer():
    for names in (["lecun_uniform", "zeros"], ("zeros", "orthogonal")):
        described, rng = plan(), np.random.default_rng(6)
        vector = initial(described, names, np.random.default_rng(6))
        for weights, name in zip(buffers.weights(described, vector), names, strict=True):
            # What is zero has drawn nothing.
            expected = 0 if name == "zeros" else RULES[name](rng, *weights.shape)
            np.testing.assert_array_equal(weights, expected)


def test_arrays_for_the_layers():
    described = plan([2, 3, 1])
    first, second = [[1, 2, 3], [4, 5, 6]], np.array([[7], [8], [9]], np.float32)
    vector = initial(described, [first, second], None)
    np.testing.assert_array_equal(vector, [1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 8, 9, 0])
    mixed = initial(described, ["zeros", second], None)
    np.testing.assert_array_equal(mixed, [0] * 9 + [7, 8, 9, 0])
    # The weights of another network, which are a sequence of a type of their own.
    again = initial(described, buffers.weights(described, vector), None)
    np.testing.assert_array_equal(again, vector)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given", ["float64", "float32", "int64", ">f8"])
def test_a_vector_of_all_parameters_is_copied(given, dtype):
    values = np.arange(13).astype(given)
    vector = initial(plan([2, 3, 1], dtype), values, None)
    assert vector.dtype == dtype
    values[...] = 5
    np.testing.assert_array_equal(vector, np.arange(13))


def test_given_arrays_are_copied():
    first, second = np.ones((2, 3)), np.ones((3, 1))
    vector = initial(plan([2, 3, 1]), [first, second], None)
    vector[...] = 5
    assert (first == 1).all()
    assert (second == 1).all()


def test_one_layer_of_one_number():
    assert initial(plan([1, 1]), ["zeros"], None).tolist() == [0, 0]
    assert initial(plan([1, 1]), [[[3]]], None).tolist() == [3, 0]
    assert initial(plan([1, 1]), np.array([3, 4]), None).tolist() == [3, 4]


# ---------------------------------------------------------------------------------------- bad input

GOOD = np.zeros((2, 3))
ALL_NAMES = [repr(name) for name in RULES]
BAD = {
    "unknown name": ("he_nornal", ValueError, ["init is 'he_nornal'", *ALL_NAMES]),
    "unknown, nearest": ("he_nornal", ValueError, ["did you mean 'he_normal'?"]),
    "he": ("he", ValueError, ["init is 'he'", *ALL_NAMES]),
    "glorot": ("glorot", ValueError, ["init is 'glorot'", *ALL_NAMES]),
    "lecun": ("lecun", ValueError, ["init is 'lecun'", *ALL_NAMES]),
    "upper case": ("ZEROS", ValueError, ["init is 'ZEROS'", *ALL_NAMES]),
    "empty name": ("", ValueError, ["init is ''", *ALL_NAMES]),
    "unknown in a list": (["zeros", "one"], ValueError, ["init[1] is 'one'", *ALL_NAMES]),
    "None": (None, TypeError, ["init is a NoneType", "expected a name", "13 parameters"]),
    "bytes": (b"zeros", TypeError, ["init is a bytes", "expected a name"]),
    "number": (1.0, TypeError, ["init is a float", "expected a name"]),
    "set": ({"zeros"}, TypeError, ["init is a set", "expected a name"]),
    "generator": (iter(["zeros"]), TypeError, ["init is a", "expected a name"]),
    "no entries": ([], ValueError, ["init has 0 entries", "expected 2"]),
    "one entry": (["zeros"], ValueError, ["init has 1 entries", "expected 2"]),
    "an entry too many": (["zeros"] * 3, ValueError, ["init has 3 entries", "expected 2"]),
    "list of numbers": ([0.0] * 13, ValueError, ["init has 13 entries", "array of all 13"]),
    "vector too short": (np.zeros(12), ValueError, ["init has shape (12,)", "(13,)"]),
    "matrix": (np.zeros((2, 3)), ValueError, ["init has shape (2, 3)", "(13,)"]),
    "array of names": (np.array(["zeros"] * 2), TypeError, ["init has dtype <U5"]),
    "NaN": (np.full(13, np.nan), ValueError, ["init has a NaN or an infinity"]),
    "too large": (np.full(13, 1e300), ValueError, ["init has 1e+300", "float32"]),
    "complex": (np.zeros(13, complex), TypeError, ["init has dtype complex128"]),
    "wrong shape": ([GOOD, GOOD], ValueError, ["init[1] has shape (2, 3)", "(3, 1)"]),
    "transposed": ([GOOD.T, "zeros"], ValueError, ["init[0] has shape (3, 2)", "(2, 3)"]),
    "number in a list": (["zeros", 0], ValueError, ["init[1] has shape ()", "(3, 1)"]),
    "None in a list": ([None, "zeros"], TypeError, ["init[0] has dtype object"]),
    "ragged": ([[[1, 2], [3]], "zeros"], ValueError, ["init[0] is a list", "one length"]),
    "infinity": (["zeros", [[0], [np.inf], [0]]], ValueError, ["init[1] has a NaN or an"]),
    "too large in a list": (["zeros", [[0], [1e39], [0]]], ValueError, ["init[1] has 1e+39"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_draws_nothing(name):
    init, kind, fragments = BAD[name]
    rng = np.random.default_rng(0)
    with pytest.raises(kind) as caught:
        initial(plan([2, 3, 1], "float32"), init, rng)
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert "\n" not in message
    assert rng.random() == np.random.default_rng(0).random()


def test_what_is_wrong_in_the_last_layer_draws_nothing_for_the_first():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="init\\[1\\]"):
        initial(plan([2, 3, 1]), ["he_normal", "none"], rng)
    assert rng.random() == np.random.default_rng(0).random()
