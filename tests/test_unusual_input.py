"""Good but unusual input works as usual input does, and is not changed."""

import copy

import numpy as np
import pytest

from fastnet import NeuralNetwork

from .small_networks import LABELS, X, Y, assert_same, binary, classifier, learned


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


UNUSUAL = {
    "int": lambda a: a.astype(np.int64),
    "uint8": lambda a: a.astype(np.uint8),
    "bool": lambda a: a.astype(bool),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "long double": lambda a: a.astype(np.longdouble),
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "lists": lambda a: a.tolist(),
    "tuples": lambda a: tuple(tuple(row) for row in a.tolist()),
    "list of arrays": list,
    "every second column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "Fortran-ordered": np.asfortranarray,
    "read-only": read_only,
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_arrays_work_as_usual_ones_and_are_not_changed(name, backend):
    x, y = UNUSUAL[name](X), UNUSUAL[name](Y)
    before = copy.deepcopy((x, y))
    expected = learned(binary(backend=backend), X.copy(), Y.copy())
    assert_same(learned(binary(backend=backend), x, y), expected)
    for now, then in zip((x, y), before, strict=True):
        assert type(now) is type(then)
        np.testing.assert_array_equal(np.asarray(now), np.asarray(then))


def test_targets_of_one_output_may_be_flat(backend):
    expected = learned(binary(backend=backend), X, Y)
    assert_same(learned(binary(backend=backend), X, Y[:, 0]), expected)


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint64, "one-hot", list, read_only])
def test_classes_may_come_in_many_ways(kind):
    y = np.eye(3)[LABELS] if kind == "one-hot" else kind(LABELS)
    before = copy.deepcopy(y)
    if kind in (np.int64, np.int8, np.uint64):
        y = LABELS.astype(kind)
        before = y.copy()
    assert_same(learned(classifier(), X, y), learned(classifier(), X, LABELS))
    np.testing.assert_array_equal(y, before)


def test_one_row_may_be_flat_where_there_are_no_targets(backend):
    network = binary(backend=backend)
    assert network.predict(X[0]).shape == (1, 1)
    np.testing.assert_array_equal(network.predict(X[0]), network.predict(X[:1]))
    assert network.forward(X[0].tolist()).shape == (1, 1)
    assert [a.shape for a in network.activations] == [(1, 2), (1, 3), (1, 1)]


def test_subnormal_numbers_are_numbers(backend):
    tiny = np.full((4, 2), 5e-324)
    network, zero = binary(backend=backend), binary(backend=backend)
    np.testing.assert_array_equal(network.predict(tiny), zero.predict(tiny * 0))
    assert network.train(tiny, Y, 2, verbose=False) == zero.train(tiny * 0, Y, 2, verbose=False)
    assert np.all(tiny == 5e-324)


def test_finite_numbers_whose_sum_is_not_finite_are_allowed():
    large = np.full((4, 2), 1e308)
    network = binary()
    network.weights = [weights * 0 for weights in network.weights]
    np.testing.assert_array_equal(network.predict(large), np.full((4, 1), 0.5))


def test_whole_numbers_of_numpy_count_as_whole_numbers():
    network = NeuralNetwork(np.array([2, 3, 1]), backend="reference", seed=np.int64(0))
    assert network.layer_sizes == (2, 3, 1)
    assert len(network.train(X, Y, np.int8(2), np.float32(0.1), np.False_, batch_size=10**30)) == 2
