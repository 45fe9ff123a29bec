"""`predict`: every row the same bits whatever it comes with, and nothing that is not a number."""

import copy
import itertools
import pickle
import threading

import numpy as np
import pytest

from fastnet import NeuralNetwork, threads
from fastnet.backend import load
from fastnet.kernels import catalog

from .conftest import BACKENDS, wrong_in_threads

DTYPES = ("float64", "float32")
# Layers that lie around the widths of vectors, tiles and blocks of columns; the widest of them is
# read in several blocks of rows by what takes one row at a time.
SIZES = ([4, 64, 64, 2], [1, 1], [13, 33, 31, 17], [37, 300, 130, 10], [16, 8, 129, 64])


def lanes(dtype):
    return load("compiled", "microkernel").lanes(np.dtype(dtype).itemsize)


def numbers_of_rows(dtype, panels):
    """Around the ends of rows taken one by one, of narrow and wide panels, and of chunks."""
    ends = {1, lanes(dtype) // 4, lanes(dtype) // 2, lanes(dtype), 2 * lanes(dtype)}
    ends |= {2 * lanes(dtype) * count for count in range(2, panels + 2)}
    return sorted({end + more for end in ends for more in (-1, 0, 1)} - {-1, 0})


def network_of(sizes, output="sigmoid", dtype="float32", **more):
    network = NeuralNetwork(sizes, output=output, dtype=dtype, seed=0, **more)
    rng = np.random.default_rng(7)
    network.parameters = rng.standard_normal(network.parameters.size) / np.sqrt(max(sizes))
    return network


@pytest.fixture(params=["resident", "packed", "wide"])
def chunks(request, monkeypatch):
    """Networks whose weights stay in the cache, those of which panels share the packing, and those
    so wide that they do not."""
    prediction = load("compiled", "prediction")
    if request.param != "resident":
        monkeypatch.setattr(prediction, "RESIDENT_BYTES", 0)
        monkeypatch.setattr(prediction, "CHUNK_PANELS", 3)
    if request.param == "wide":
        monkeypatch.setattr(prediction, "CHUNK_BYTES", 0)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(sizes, dtype, rng):
    """`forward` brings its rows there and back in other ways."""
    network = network_of(sizes, dtype=dtype, hidden="tanh")
    counts = numbers_of_rows(dtype, 6)
    X = 3 * rng.standard_normal((counts[-1], sizes[0])).astype(dtype)
    whole = network.forward(X)
    assert whole.dtype == dtype
    for row in {0, 1, len(X) // 2, len(X) - 1}:
        np.testing.assert_array_equal(network.predict(X[row]), whole[row : row + 1])
    for count in counts:
        first = rng.integers(0, len(X) - count + 1)
        part = slice(first, first + count)
        np.testing.assert_array_equal(network.predict(X[part]), whole[part], str(count))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", catalog.OUTPUT_ACTIVATIONS)
def test_every_output_has_the_same_bits(output, dtype, rng):
    for n_out in (2, lanes(dtype), lanes(dtype) + 1):
        network = network_of([6, 20, n_out], output, dtype)
        X = rng.standard_normal((2 * lanes(dtype) + 1, 6)).astype(dtype)
        whole = network.forward(X)
        for count in numbers_of_rows(dtype, 0):
            np.testing.assert_array_equal(network.predict(X[:count]), whole[:count])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_hidden_activation_has_the_same_bits(dtype, rng):
    X = 4 * rng.standard_normal((2 * lanes(dtype) + 1, 5)).astype(dtype)
    for hidden in catalog.HIDDEN_ACTIVATIONS:
        network = network_of([5, 67, 3], dtype=dtype, hidden=hidden)
        whole = network.forward(X)
        for row in range(len(X)):
            np.testing.assert_array_equal(network.predict(X[row])[0], whole[row], hidden)
        np.testing.assert_array_equal(network.predict(X), whole, hidden)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_in", [1, 3, 16, 100, 1000])
def test_a_product_keeps_its_bound(n_in, dtype, rng):
    """Rounded once a term: |error| <= (n_in + 1) eps / 2 |x| |W|, and the sum of the bias."""
    network = network_of([n_in, 77], "identity", dtype)
    (weights,), (bias,) = network.weights, network.biases
    for count in numbers_of_rows(dtype, 1):
        X = rng.standard_normal((count, n_in)).astype(dtype)
        wide = [array.astype(np.longdouble) for array in (X, weights, bias)]
        exact = wide[0] @ wide[1] + wide[2]
        magnitude = np.abs(wide[0]) @ np.abs(wide[1]) + np.abs(wide[2])
        bound = (n_in + 1) * np.finfo(dtype).eps * magnitude
        assert (np.abs(network.predict(X) - exact) <= bound).all(), count


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_paths_predict_alike(dtype, rng):
    X = rng.standard_normal((50, 5)).astype(dtype)
    for output in catalog.OUTPUT_ACTIVATIONS:
        reference, compiled = (
            network_of([5, 9, 4], output, dtype, hidden="gelu", backend=path) for path in BACKENDS
        )
        for rows in (X, X[:3], X[0]):
            # Two layers of at most ten terms of a size of about 1, and three functions.
            bound = 100 * np.finfo(dtype).eps
            np.testing.assert_allclose(
                compiled.predict(rows), reference.predict(rows), rtol=bound, atol=bound
            )


# --------------------------------------------------------------------------- what X may be made of


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def unaligned(X):
    raw = np.zeros(X.nbytes + 1, np.uint8)
    array = raw[1:].view(X.dtype).reshape(X.shape)
    array[...] = X
    return array


class OfTheirOwn(np.ndarray):
    pass


FORMS = {
    "list": np.ndarray.tolist,
    "by columns": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "read-only": read_only,
    "unaligned": unaligned,
    "a subclass": lambda X: X.view(OfTheirOwn),
    "the other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    **{name: lambda X, name=name: X.astype(name) for name in ("int8", "uint64", "bool")},
    **{name: lambda X, name=name: X.astype(name) for name in ("float16", *DTYPES, "longdouble")},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_in_any_form_are_the_same(form, dtype, backend, monkeypatch, rng):
    # Several blocks of what is converted, and a rest.
    monkeypatch.setattr(load("compiled", "prediction"), "BLOCK_NUMBERS", 1)
    network = network_of([3, 8, 2], dtype=dtype, backend=backend)
    X = rng.integers(0, 2, (5 * lanes(dtype) + 3, 3)).astype(dtype)
    expected = network.forward(X)
    for rows in (X, X[:2], X[:1], X[0]):
        got = network.predict(FORMS[form](rows) if rows.ndim == 2 else FORMS[form](rows[None])[0])
        assert type(got) is np.ndarray
        assert got.dtype == dtype
        if backend == "compiled":
            np.testing.assert_array_equal(got, expected[: len(got)])
        else:  # a BLAS, whose sums depend on the number of rows
            np.testing.assert_allclose(got, expected[: len(got)], rtol=1e-6)


def test_a_file_may_hold_the_rows(tmp_path, rng):
    X = rng.standard_normal((200, 3)).astype("float32")
    X.tofile(tmp_path / "rows")
    network = network_of([3, 8, 2], dtype="float64")
    for mode in ("r", "r+", "c"):
        rows = np.memmap(tmp_path / "rows", "float32", mode, shape=X.shape)
        np.testing.assert_array_equal(network.predict(rows), network.forward(X))


@pytest.mark.parametrize("dtype", DTYPES)
def test_chosen_rows_are_those_of_the_whole(dtype, monkeypatch, rng):
    prediction = load("compiled", "prediction")
    monkeypatch.setattr(prediction, "BLOCK_NUMBERS", 1)
    path, network = load("compiled"), network_of([3, 8, 2], dtype=dtype)
    X = rng.standard_normal((300, 3))
    whole = network.predict(X)
    for count in (0, 1, 2, 31, 32, 33, 100):
        rows = rng.integers(0, len(X), count)
        got = path.predict(network._plan, network.parameters, X, rows)
        np.testing.assert_array_equal(got, whole[rows])


# ------------------------------------------------------------------------------ what it may not be


WRONG = [np.nan, np.inf, -np.inf]


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_that_is_not_finite_is_refused_wherever_it_is(dtype, backend, monkeypatch, rng):
    monkeypatch.setattr(load("compiled", "prediction"), "BLOCK_NUMBERS", 1)
    network = network_of([3, 8, 2], dtype=dtype, backend=backend)
    sentence = "^X has a NaN or an infinity, expected finite numbers$"
    for count, wrong in itertools.product(numbers_of_rows(dtype, 3), WRONG):
        X = rng.standard_normal((count, 3)).astype(dtype)
        expected = network.predict(X)
        for row, column in ((0, 0), (count - 1, 2), (count // 2, 1)):
            spoilt = X.copy()
            spoilt[row, column] = wrong
            for given in (spoilt, np.asfortranarray(spoilt), spoilt.astype("longdouble")):
                with pytest.raises(ValueError, match=sentence):
                    network.predict(given)
        with pytest.raises(ValueError, match=sentence):
            network.predict(spoilt[count // 2])
        np.testing.assert_array_equal(network.predict(X), expected)


def test_a_number_that_float32_cannot_hold_is_refused(backend):
    network = network_of([3, 8, 2], backend=backend)
    X = np.ones((40, 3))
    X[17, 1] = -1e300
    for rows in (X, X[17], X[17:18]):
        with pytest.raises(ValueError, match=r"^X has 1e\+300, expected numbers that float32 can"):
            network.predict(rows)
    largest = float(np.finfo("float32").max)
    assert np.isfinite(network.predict(np.full(3, largest / 1e6))).all()


@pytest.mark.parametrize(
    ("X", "error", "sentence"),
    [
        (np.ones((0, 3)), ValueError, "X has no rows, expected shape"),
        (np.ones((2, 4)), ValueError, r"X has shape \(2, 4\), expected \(rows, 3\)"),
        (np.ones(4), ValueError, r"X has shape \(4,\), expected \(rows, 3\)"),
        (np.ones((1, 1, 3)), ValueError, r"X has shape \(1, 1, 3\), expected"),
        (np.float64(1), ValueError, r"X has shape \(\), expected"),
        (np.ones((2, 3), complex), TypeError, "X has dtype complex128, expected real numbers"),
        (np.array([["a", "b", "c"]]), TypeError, "X has dtype <U1, expected real numbers"),
        (np.ones((2, 3), object), TypeError, "X has dtype object, expected real numbers"),
        (None, TypeError, "X has dtype object, expected real numbers"),
    ],
)
def test_what_are_no_rows_of_numbers_is_refused(X, error, sentence, backend):
    with pytest.raises(error, match=sentence):
        network_of([3, 8, 2], backend=backend).predict(X)


def test_weights_that_are_not_finite_show_in_their_rows_only(rng):
    """What a call leaves in its workspace is no part of the next."""
    network = network_of([3, 8, 2], "identity", "float64")
    X = rng.standard_normal((100, 3))
    expected = network.predict(X)
    before = network.parameters.copy()
    network.parameters[...] = np.nan
    assert np.isnan(network.predict(X)).all()
    assert np.isnan(network.predict(X[0])).all()
    network.parameters = before
    for count in numbers_of_rows("float64", 2):
        np.testing.assert_array_equal(network.predict(X[:count]), expected[:count])


# ------------------------------------------------------------------------------- which network


def test_changed_parameters_are_seen(backend, rng):
    network = network_of([3, 8, 2], dtype="float64", backend=backend)
    X, y = rng.standard_normal((40, 3)), rng.random((40, 2))

    def check(before):
        for rows in (X, X[:1]):
            np.testing.assert_allclose(network.predict(rows), network.forward(rows), rtol=1e-14)
        after = network.predict(X)
        assert not np.array_equal(after, before)
        return after

    seen = check(None)
    network.parameters[...] *= 0.5
    seen = check(seen)
    network.parameters = network.parameters + 0.1
    seen = check(seen)
    network.weights[1][0, 0] = 3
    seen = check(seen)
    network.biases[1] = [[0.5, -0.5]]
    seen = check(seen)
    network.train(X, y, 2, 0.1, verbose=False)
    check(seen)


def from_attributes(network):
    duplicate = NeuralNetwork.__new__(NeuralNetwork)
    duplicate.__setstate__(copy.deepcopy(network.__dict__))
    return duplicate


WAYS = {
    "copy": copy.copy,
    "attributes": from_attributes,
    "deepcopy": copy.deepcopy,
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_predicts_with_its_own_parameters(way, backend, rng):
    network = network_of([3, 8, 2], dtype="float64", backend=backend)
    X = rng.standard_normal((40, 3))
    before = network.predict(X)
    duplicate = WAYS[way](network)
    np.testing.assert_array_equal(duplicate.predict(X), before)
    duplicate.parameters[...] = 0
    np.testing.assert_array_equal(duplicate.predict(X), np.full((40, 2), 0.5))
    np.testing.assert_array_equal(network.predict(X), before)
    del network
    np.testing.assert_array_equal(duplicate.predict(X[0]), [[0.5, 0.5]])


def test_what_predictions_need_is_no_part_of_what_is_sent(backend):
    network = network_of([3, 8, 2], backend=backend)
    before = pickle.dumps(network)
    network.predict(np.ones(3))
    assert pickle.dumps(network) == before


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_may_predict_with_one_network(dtype, rng):
    network = network_of([6, 300, 40, 3], "softmax", dtype)
    counts = (1, 2, lanes(dtype), 3 * lanes(dtype) + 1, 700)
    parts = [rng.standard_normal((count, 6)).astype(dtype) for count in (*counts, *counts)]
    expected = [network.forward(X) for X in parts]
    assert not wrong_in_threads(network, parts, expected)


def test_calls_one_after_the_other_share_a_workspace(rng):
    network = network_of([3, 8, 2])
    predictor = load("compiled", "prediction").Predictor(network._plan, network._parameters)
    X = rng.standard_normal((200, 3))
    for rows in (X[:1], X, X.astype("float32"), X.astype("float32") * np.nan, X[0], X[::2]):
        assert (predictor.predict(rows) is None) == np.isnan(rows).any()
    assert len(predictor._tables) == 1


def test_a_wide_network_has_room_for_one_panel():
    network = network_of([1, 2**18, 1])
    table = load("compiled", "prediction").Predictor(network._plan, network._parameters)._table
    assert table[load("compiled", "prediction").CAPACITY] == 2 * lanes("float32")


# ------------------------------------------------------------------------------- several threads


@pytest.fixture
def started(monkeypatch):
    """The threads that predictions have started."""
    threads_started, start = [], threading.Thread.start

    def count(self):
        threads_started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", count)
    return threads_started


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("n_threads", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_bits_on_any_number_of_threads(dtype, n_threads, started, rng):
    network = network_of([13, 33, 31, 17], dtype=dtype, hidden="tanh")
    panel = 2 * lanes(dtype)
    # Panels for each thread and one more or less, several chunks for each, and rows around these.
    panels = {1, 2, n_threads - 1, n_threads, n_threads + 1, 3 * n_threads, 7 * n_threads + 2}
    counts = {1, 2} | {panel * count + more for count in panels for more in (-1, 0, 1)} - {-1, 0}
    X = rng.standard_normal((max(counts), 13)).astype(dtype)
    whole = network.forward(X)
    for count in sorted(counts):
        del started[:]
        got = network.predict(X[:count], n_threads=n_threads)
        np.testing.assert_array_equal(got, whole[:count], str(count))
        assert len(started) == min(n_threads, -(-count // panel)) - 1
    np.testing.assert_array_equal(network.predict(X[0], n_threads), whole[:1])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_threads_share_out_whole_panels(count):
    whole_panels = load("compiled", "prediction")._whole_panels
    for rows in range(1, 200):
        parts = whole_panels(rows, count, 16)
        sizes = [len(range(rows)[part]) for part in parts]
        assert sum(sizes) == rows
        assert all(size % 16 == 0 for size in sizes[:-1])
        # The last panel may lack rows.
        assert max(sizes) < min(sizes) + 32


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_take_numbers_in_any_form(form, dtype, monkeypatch, rng):
    monkeypatch.setattr(load("compiled", "prediction"), "BLOCK_NUMBERS", 1)
    network = network_of([3, 8, 2], dtype=dtype)
    X = rng.integers(0, 2, (11 * lanes(dtype) + 3, 3)).astype(dtype)
    np.testing.assert_array_equal(network.predict(FORMS[form](X), 3), network.forward(X))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_number_that_is_not_finite_is_found_by_any_thread(wrong, backend, rng):
    network = network_of([3, 8, 2], backend=backend)
    X = rng.standard_normal((15 * lanes("float32"), 3)).astype("float32")
    for row in (0, len(X) // 3, len(X) // 2, len(X) - 1):
        spoilt = X.copy()
        spoilt[row, 1] = wrong
        for given in (spoilt, spoilt.astype("float64")):
            with pytest.raises(ValueError, match=r"^X has a NaN or an infinity, "):
                network.predict(given, n_threads=3)
    X64 = X.astype("float64")
    X64[-1, 0] = 1e300
    with pytest.raises(ValueError, match=r"^X has 1e\+300, expected numbers that float32 can"):
        network.predict(X64, n_threads=3)


@pytest.mark.parametrize("rows", [1, 200])
@pytest.mark.parametrize(
    ("bad", "error", "sentence"),
    [
        (0, ValueError, "n_threads is 0, "),
        (-1, ValueError, "n_threads is -1, "),
        (1.5, TypeError, "n_threads is 1.5, a float, "),
        ("2", TypeError, "n_threads is '2', a str, "),
        (True, TypeError, "n_threads is True, a bool, "),
    ],
)
def test_a_number_of_threads_that_is_none_is_refused(bad, error, sentence, rows, backend):
    network = network_of([3, 8, 2], backend=backend)
    with pytest.raises(error, match=f"^{sentence}expected a whole number of at least 1$"):
        network.predict(np.ones((rows, 3)), n_threads=bad)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_threads_are_given_no_rows_too_few(n_threads):
    with pytest.raises(ValueError, match=r"^X has no rows, "):
        network_of([3, 8, 2]).predict(np.ones((0, 3)), n_threads)


@pytest.mark.parametrize("after", [0, 1])
def test_without_a_thread_to_start_predictions_go_on_alone(after, started, monkeypatch, rng):
    network = network_of([3, 8, 2])
    X = rng.standard_normal((300, 3)).astype("float32")
    expected, start = network.forward(X), threading.Thread.start

    def refuse(self):
        if len(started) == after:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    np.testing.assert_array_equal(network.predict(X, n_threads=4), expected)


def test_what_a_thread_raises_is_raised_by_the_call():
    share_out = load("compiled", "sharing").share_out
    assert share_out(lambda part: part * part, range(5)) == [0, 1, 4, 9, 16]
    ended = []

    def fail(part):
        if part in wrong:
            raise KeyError(part)
        ended.append(part)

    for wrong in ((0,), (1,), (4,), (2, 3)):
        del ended[:]
        with pytest.raises(KeyError, match=str(wrong[0])):
            share_out(fail, range(5))
        assert sorted(ended) == sorted(set(range(5)) - set(wrong))


def test_calls_on_several_threads_may_come_at_the_same_time(rng):
    network = network_of([6, 300, 40, 3], "softmax")
    X = rng.standard_normal((900, 6)).astype("float32")
    expected, wrong, start = network.forward(X), [], threading.Barrier(4)

    def predict_often(n_threads):
        start.wait()
        for rows in range(850, 900):
            if not np.array_equal(network.predict(X[:rows], n_threads), expected[:rows]):
                wrong.append((rows, n_threads))

    callers = [threading.Thread(target=predict_often, args=(n,)) for n in (1, 2, 3, 5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_as_many_threads_predict_as_pay(started, monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 3)
    monkeypatch.setattr(threads, "FLOPS_PER_PREDICTING_THREAD", 2 * 100 * 50)
    network = network_of([3, 8, 2])
    assert network.parameters.size == 50
    large, medium, small = (np.ones((rows, 3), "float32") for rows in (1000, 200, 199))

    def counted(X, n_threads=None):
        del started[:]
        network.predict(X, n_threads)
        return 1 + len(started)

    assert [counted(X) for X in (large, medium, small)] == [3, 2, 1]
    assert counted(small, 2) == 2
    network.n_threads = 4
    assert [counted(X) for X in (large, small, large[:1])] == [4, 1, 1]
    assert counted(large, 2) == 2
    network.n_threads = None
    training = threads.Claim(network._plan, 1, 2)
    assert counted(large) == 1
    training.end()
    assert counted(large) == 3
    assert not threads._claims


def test_numpy_has_threads_of_its_own(started, rng):
    network = network_of([3, 8, 2], backend="reference")
    X = rng.standard_normal((2000, 3)).astype("float32")
    np.testing.assert_array_equal(network.predict(X, n_threads=4), network.predict(X))
    assert not started
