"""Predictions: the same bits alone and in any batch, checked inputs, and many calls at once."""

import copy
import pickle
import threading

import numpy as np
import pytest

from fastnet import NeuralNetwork
from fastnet.kernels import catalog
from fastnet.kernels.compiled import prediction
from fastnet.kernels.compiled.microkernel import TILE_VECTORS, lanes

SIZES = ([4, 64, 64, 2], [1, 2], [33, 7, 130, 3], [300, 300, 300, 17])


def networks(sizes, output, dtype):
    made = {"output": output, "dtype": dtype, "seed": 3}
    return [NeuralNetwork(sizes, **made, backend=name) for name in ("compiled", "reference")]


def counts(dtype):
    """Numbers of rows about a vector, a panel and a chunk."""
    vector = lanes(np.dtype(dtype).itemsize)
    panel = TILE_VECTORS * vector
    edges = (vector // 8, vector, panel, 2 * panel, prediction.CHUNK_PANELS * panel)
    return sorted({1, *(edge + more for edge in edges for more in (-1, 0, 1) if edge + more > 0)})


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("output", catalog.OUTPUT_ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_row_has_the_same_bits_in_any_batch(sizes, output, dtype, rng):
    compiled, reference = networks(sizes, output, dtype)
    X = rng.standard_normal((counts(dtype)[-1], sizes[0])).astype(dtype)
    expected = reference.predict(X)
    together = compiled.predict(X)
    alone = np.concatenate([compiled.predict(row.reshape(1, -1)) for row in X])
    assert np.array_equal(together, alone)
    for count in counts(dtype):
        assert np.array_equal(compiled.predict(X[:count]), together[:count])
    # Sums of so many products in each layer, and of numbers as large as these.
    roundings = 8 * sum(sizes) * np.finfo(dtype).eps
    np.testing.assert_allclose(together, expected, rtol=0, atol=roundings * abs(expected).max())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("resident", [0, 2**40])
def test_the_size_of_the_cache_changes_no_bit(dtype, resident, rng, monkeypatch):
    X = rng.standard_normal((1000, 33)).astype(dtype)
    expected = networks([33, 70, 130, 3], "softmax", dtype)[0].predict(X)
    monkeypatch.setattr(prediction, "RESIDENT_BYTES", resident)
    assert np.array_equal(networks([33, 70, 130, 3], "softmax", dtype)[0].predict(X), expected)


@pytest.mark.parametrize("rows", [1, 5, 700])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_refused(rows, bad, rng):
    network, reference = networks([4, 8, 2], "sigmoid", "float32")
    X = rng.standard_normal((rows, 4)).astype("float32")
    X[-1, 2] = bad
    messages = []
    for each in (network, reference):
        with pytest.raises(ValueError, match="X") as caught:
            each.predict(X)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    X[-1, 2] = 0
    assert np.isfinite(network.predict(X)).all()


def test_kinds_of_inputs_give_one_result(rng):
    network, _ = networks([4, 8, 2], "sigmoid", "float64")
    X = rng.integers(-3, 3, (50, 4)).astype(float)
    expected = network.predict(X)
    frozen = X.copy()
    frozen.flags.writeable = False
    for same in (X.tolist(), X.astype("float32"), X.astype(int), X[::-1][::-1], frozen):
        assert np.array_equal(network.predict(same), expected)
    assert np.array_equal(network.predict(np.asfortranarray(X)), expected)
    assert np.array_equal(network.predict(X[0]), expected[:1])


def test_changed_parameters_are_seen(rng):
    network, _ = networks([4, 8, 2], "identity", "float64")
    X = rng.standard_normal((3, 4))
    before = network.predict(X)
    network.weights[0][...] *= 2
    other, _ = networks([4, 8, 2], "identity", "float64")
    other.parameters = network.parameters
    assert not np.array_equal(network.predict(X), before)
    assert np.array_equal(network.predict(X), other.predict(X))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_copy_predicts_with_parameters_of_its_own(copied, rng):
    network, _ = networks([4, 8, 2], "identity", "float64")
    X = rng.standard_normal((3, 4))
    expected = network.predict(X)
    twin = copied(network)
    network.parameters[:] = 0
    assert np.array_equal(twin.predict(X), expected)
    assert not network.predict(X).any()


def test_threads_predict_with_one_network_at_the_same_time(rng):
    network, _ = networks([30, 64, 3], "softmax", "float64")
    batches = [rng.standard_normal((rows, 30)) for rows in (1, 7, 40, 900)] * 2
    expected = [network.predict(X) for X in batches]
    wrong = []

    def work(X, right):
        wrong.extend(1 for _ in range(200) if not np.array_equal(network.predict(X), right))

    workers = [
        threading.Thread(target=work, args=pair) for pair in zip(batches, expected, strict=True)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
