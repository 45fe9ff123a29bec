"""What is measured while a network is trained, what is best by it, and what ends the training."""

import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from fastnet import NeuralNetwork, schedules
from fastnet.metrics import METRICS
from fastnet.plan import Plan
from fastnet.training.data import Data


def problem(rng, output="softmax", n_out=3, rows=60, **options):
    """A network, rows to train on, and rows to measure on, of every class."""
    network = NeuralNetwork([3, 8, n_out], output=output, seed=rng, **options)
    X, held_out = rng.standard_normal((2, rows, 3))
    if output == "softmax":
        y = np.argsort(X + 0.5 * rng.standard_normal(X.shape), axis=1)[:, 0]
        return network, X, y, held_out, np.arange(rows) % n_out
    return network, X, rng.random((rows, n_out)), held_out, rng.random((rows, n_out))


def recorded(network, X, y, epochs=12, rate=0.5, **options):
    """The history, and the parameters after each epoch."""
    seen = []
    history = network.train(
        X,
        y,
        epochs,
        rate,
        False,
        callbacks=lambda network, history: seen.append(network.parameters.copy()),
        **options,
    )
    return history, seen


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_the_validation_loss_is_the_loss_after_each_epoch(
    batch_size, weighted, dtype, backend, rng
):
    network, X, y, Xv, yv = problem(rng, dtype=dtype, backend=backend, l2=0.01, dropout=0.2)
    weights = [rng.random(60)] if weighted else []
    history, seen = recorded(network, X, y, validation=(Xv, yv, *weights), batch_size=batch_size)
    losses = []
    for parameters in seen:
        network.parameters = parameters
        losses.append(network.loss(Xv, yv, sample_weight=weights[0] if weighted else None))
    assert history.validation == losses
    assert history.metrics == {}
    assert history.best_epoch == np.argmin(losses)


def test_a_validation_weight_of_2_is_the_row_twice(backend, rng):
    network, X, y, Xv, yv = problem(rng, backend=backend)
    same = NeuralNetwork([3, 8, 3], output="softmax", backend=backend)
    same.parameters = network.parameters
    counts = rng.integers(0, 4, 60)
    one, _ = recorded(network, X, y, validation=(Xv, yv, counts), monitor="accuracy")
    many = np.repeat(np.arange(60), counts)
    other, _ = recorded(same, X, y, validation=(Xv[many], yv[many]), monitor="accuracy")
    np.testing.assert_allclose(one.validation, other.validation, rtol=1e-13)
    np.testing.assert_allclose(one.metrics["accuracy"], other.metrics["accuracy"], rtol=1e-13)


def test_measuring_does_not_change_the_training(backend, rng):
    network, X, y, Xv, yv = problem(rng, backend=backend, dropout=0.5)
    same = NeuralNetwork([3, 8, 3], output="softmax", backend=backend, dropout=0.5)
    same.parameters = network.parameters
    network._rng, same._rng = (np.random.default_rng(5) for _ in range(2))
    plain, expected = recorded(same, X, y, batch_size=16, optimizer="adam")
    history, seen = recorded(
        network, X, y, batch_size=16, optimizer="adam", validation=(Xv, yv), monitor="accuracy"
    )
    assert history == plain
    assert np.array_equal(seen, expected)


# ---------------------------------------------------------------------------------------- monitor


def softmax_of(name):
    averages = {"f1": {"average": "macro"}}.get(name, {})
    function = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "f1": metrics.f1_score,
    }.get(name)
    if function:
        return lambda y, p: function(y, p.argmax(axis=1), **averages)
    if name == "auc":
        return lambda y, p: metrics.roc_auc_score(np.eye(3)[y], p)
    return metrics.log_loss


CLASSIFIED = ["accuracy", "balanced_accuracy", "f1", "auc", "log_loss"]
MONITORED = {
    **{f"softmax {name}": ("softmax", 3, name, softmax_of(name)) for name in CLASSIFIED},
    "identity r2": ("identity", 2, "r2", metrics.r2_score),
    "identity mae": ("identity", 2, "mae", metrics.mean_absolute_error),
    "sigmoid mse": ("sigmoid", 2, "mse", metrics.mean_squared_error),
    "softplus mae": ("softplus", 1, "mae", metrics.mean_absolute_error),
}


def test_every_metric_is_tried():
    assert {name for _, _, name, _ in MONITORED.values()} == set(METRICS)


@pytest.mark.parametrize("name", MONITORED)
def test_what_is_watched_decides_what_is_best(name, backend, rng):
    output, n_out, monitor, expected = MONITORED[name]
    network, X, y, Xv, yv = problem(rng, output, n_out, backend=backend)
    history, seen = recorded(network, X, y, 15, 1.0, validation=(Xv, yv), monitor=monitor)
    final = network.parameters.copy()
    values, losses = [], []
    for parameters in seen:
        network.parameters = parameters
        values.append(expected(yv, network.predict(Xv)))
        losses.append(network.loss(Xv, yv))
    np.testing.assert_allclose(history.metrics[monitor], values, rtol=1e-12)
    assert list(history.metrics) == [monitor]
    assert history.validation == losses
    # Of equals the first is the best.
    least = METRICS[monitor][1] == "min"
    best = np.argmin(history.metrics[monitor]) if least else np.argmax(history.metrics[monitor])
    assert history.best_epoch == best
    assert np.array_equal(final, seen[best])
    assert np.ptp(values) > 0


@pytest.mark.parametrize("monitor", [None, "loss", "cross_entropy"])
def test_the_loss_is_watched_where_nothing_else_is(monitor, backend, rng):
    network, X, y, Xv, yv = problem(rng, backend=backend)
    history, seen = recorded(network, X, y, validation=(Xv, yv), monitor=monitor)
    assert history.metrics == {}
    assert np.array_equal(network.parameters, seen[np.argmin(history.validation)])


# ------------------------------------------------------------------------- the end of the training


def overfitting(rng, backend):
    """Validation gets better at first, and then worse."""
    network = NeuralNetwork([3, 30, 1], output="identity", backend=backend, seed=3)
    X, Xv = rng.standard_normal((2, 15, 3))
    y, yv = (x.sum(axis=1) + rng.standard_normal(15) for x in (X, Xv))
    return network, X, y, Xv, yv


@pytest.mark.parametrize("patience", [1, 4])
@pytest.mark.parametrize("min_delta", [0, 0.02])
def test_patience_counts_epochs_without_anything_better(patience, min_delta, backend, rng):
    network, X, y, Xv, yv = overfitting(rng, backend)
    history, seen = recorded(
        network, X, y, 500, 0.02, validation=(Xv, yv), patience=patience, min_delta=min_delta
    )
    best, waited = 0, 0
    for epoch, loss in enumerate(history.validation):
        if epoch == 0 or loss < history.validation[best] - min_delta:
            best, waited = epoch, 0
        else:
            waited += 1
        assert waited < patience or epoch == len(history) - 1
    assert waited == patience
    assert history.stopped_by == "patience"
    assert 3 < len(history) == len(history.validation) < 500
    assert history.best_epoch == best == len(history) - 1 - patience
    assert np.array_equal(network.parameters, seen[best])


@pytest.mark.parametrize(("metric", "mode"), [("r2", "max"), ("mae", "min")])
def test_patience_and_min_delta_are_of_what_is_watched(metric, mode, backend, rng):
    network, X, y, Xv, yv = overfitting(rng, backend)
    options = {"validation": (Xv, yv), "monitor": metric, "patience": 3, "min_delta": 0.02}
    history, _ = recorded(network, X, y, 500, 0.02, **options)
    sign = 1 if mode == "min" else -1
    values = sign * np.array(history.metrics[metric])
    best, *last = values[-4:]
    assert history.best_epoch == len(values) - 4
    assert min(last) >= best - 0.02
    assert history.stopped_by == "patience"


def test_patience_without_any_change(backend, rng):
    network, X, y, Xv, yv = problem(rng, backend=backend)
    history, _ = recorded(network, X, y, 100, 0.0, validation=(Xv, yv), patience=7)
    assert len(history) == 8
    assert history.best_epoch == 0


def test_training_stops_when_its_time_is_up(backend, rng):
    network, X, y, Xv, yv = problem(rng, backend=backend)
    for options in ({}, {"validation": (Xv, yv)}, {"batch_size": 1}):
        network.train(X, y, 1, 0.01, False, **options)
        began = time.perf_counter()
        history = network.train(X, y, 10**7, 0.01, False, max_seconds=0.3, **options)
        seconds = time.perf_counter() - began
        assert history.stopped_by == "max_seconds"
        # A slice takes a twentieth of a second; the rest is for a busy machine.
        assert 0.3 <= seconds < 5
        assert 0 < len(history) < 10**7


def test_time_can_be_up_in_the_middle_of_an_epoch(backend, rng):
    X, y = rng.standard_normal((200_000, 3)), rng.random((200_000, 1))
    network = NeuralNetwork([3, 4, 1], backend=backend, seed=0)
    network.train(X[:9], y[:9], 1, 0.01, False, batch_size=1)
    before = network.parameters.copy()
    history = network.train(X, y, 10, 0.01, False, batch_size=1, max_seconds=0.02)
    assert history == []
    assert history.stopped_by == "max_seconds"
    assert not np.array_equal(network.parameters, before)


def test_a_history_says_what_happened(backend, rng):
    network, X, y, Xv, yv = problem(rng, backend=backend)
    history = network.train(X, y, 5, 0.5, False)
    assert history.stopped_by == "epochs"
    assert history.best_epoch is None
    assert history.validation == []
    assert history.metrics == {}
    assert history.learning_rate == [0.5] * 5
    assert len(history.seconds) == 5
    began = time.perf_counter()
    history = network.train(
        X,
        y,
        6,
        0.5,
        False,
        batch_size=16,
        validation=(Xv, yv),
        schedule=schedules.Exponential(0.5),
        callbacks=lambda network, history: time.sleep(0.01),
    )
    elapsed = time.perf_counter() - began
    assert history.learning_rate == [0.5 / 2**epoch for epoch in range(6)]
    assert (np.diff(history.seconds) >= 0.01).all()
    assert 0 < history.seconds[0] < history.seconds[-1] < elapsed


def test_the_rate_of_an_epoch_is_that_of_its_last_step(backend, rng):
    network, X, y, *_ = problem(rng, backend=backend)
    history = network.train(X, y, 3, 0.5, False, batch_size=16, schedule="inverse_scaling")
    np.testing.assert_allclose(history.learning_rate, 0.5 / np.sqrt([4, 8, 12]), rtol=1e-15)


@pytest.fixture
def python_s_own_handler():
    """A shell that starts the tests in the background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_s_own_handler")
@pytest.mark.parametrize("on_interrupt", ["return", "raise"])
def test_an_interrupt_leaves_the_best(on_interrupt, backend, rng):
    network, X, y, Xv, yv = overfitting(rng, backend)
    seen, histories = [], []

    def note(network, history):
        seen.append(network.parameters.copy())
        histories.append(history)
        if len(history) == 200:
            os.kill(os.getpid(), signal.SIGINT)

    def train():
        return network.train(
            X, y, 10**6, 0.02, False, validation=(Xv, yv), on_interrupt=on_interrupt, callbacks=note
        )

    if on_interrupt == "raise":
        with pytest.raises(KeyboardInterrupt):
            train()
    else:
        assert train() is histories[0]
    history = histories[0]
    assert history.stopped_by == "interrupt"
    assert len(history) == len(seen) == 200
    assert np.array_equal(network.parameters, seen[np.argmin(history.validation)])
    assert history.best_epoch < 199


# ------------------------------------------------------------------------------ a fraction of rows


def rows_measured(network, X, y, fraction, **options):
    """Which rows of y, all different, a metric is given."""
    seen = []

    def note(y, prediction):
        seen.append(y.ravel().copy())
        return 0.0

    network.train(X, y, 2, 0.0, False, validation=fraction, monitor=note, **options)
    assert all(np.array_equal(rows, seen[0]) for rows in seen)
    return set(seen[0].tolist())


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.98])
def test_a_fraction_is_the_same_rows_on_every_call(fraction, backend, rng):
    X, y = rng.standard_normal((50, 3)), np.arange(50.0)

    def network(seed):
        return NeuralNetwork([3, 1], output="identity", backend=backend, seed=seed)

    first = network(1)
    rows = rows_measured(first, X, y, fraction)
    assert len(rows) == round(fraction * 50)
    assert rows_measured(first, X, y, fraction) == rows
    assert rows_measured(first, X, y, fraction, batch_size=7) == rows
    assert rows_measured(network(1), X, y, fraction) == rows
    # There are at least 50 such subsets, and of some seeds one has another.
    assert any(rows_measured(network(seed), X, y, fraction) != rows for seed in range(2, 12))


@pytest.mark.parametrize("batch_size", [None, 8])
def test_what_is_held_out_is_not_trained_on(batch_size, backend, rng):
    X, y = rng.standard_normal((30, 3)), np.arange(30.0) / 30
    network, same = (
        NeuralNetwork([3, 5, 1], output="identity", backend=backend, seed=0) for _ in range(2)
    )
    held_out = rows_measured(network, X, y, 0.4)
    is_held_out = np.isin(y, list(held_out))
    options = {"optimizer": "sgd", "batch_size": batch_size, "shuffle": False}
    history, _ = recorded(network, X, y, 3, 0.3, validation=0.4, **options)
    expected, _ = recorded(
        same,
        X[~is_held_out],
        y[~is_held_out],
        3,
        0.3,
        validation=(X[is_held_out], y[is_held_out]),
        **options,
    )
    np.testing.assert_allclose(history, expected, rtol=1e-13)
    np.testing.assert_allclose(history.validation, expected.validation, rtol=1e-13)
    np.testing.assert_allclose(network.parameters, same.parameters, rtol=0, atol=1e-14)


def test_every_row_that_is_left_is_seen_in_an_epoch(backend, rng):
    X, y = rng.standard_normal((31, 3)), rng.random(31)
    network = NeuralNetwork([3, 5, 1], output="identity", backend=backend, seed=0)
    held_out = np.isin(y, list(rows_measured(network, X, y, 0.4)))
    # At a rate of 0 the mean over the shuffled batches is that over the rows.
    history = network.train(X, y, 5, 0.0, False, batch_size=4, validation=0.4)
    expected = network.loss(X[~held_out], y[~held_out])
    np.testing.assert_allclose(history, [expected] * 5, rtol=1e-13)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32),
)
def test_each_label_is_held_out_by_its_share(labels, fraction, seed):
    rng = np.random.default_rng(seed)
    labels = np.array(labels)
    weights = rng.integers(0, 3, len(labels)) if seed % 2 else np.ones(len(labels))
    if not weights.any():
        weights[0] = 1
    data = Data.of(
        Plan.of((1, 5), "softmax", "float64"), np.ones((len(labels), 1)), labels, weights
    )
    kept, held_out = data.split(fraction, rng.permutation(len(labels)))
    assert sorted([*kept.rows, *held_out.rows]) == list(range(len(labels)))
    assert (np.diff(kept.rows) > 0).all()
    assert (np.diff(held_out.rows) > 0).all()
    # Rows that weigh nothing are none of those that are shared.
    assert len(held_out) == round(fraction * np.count_nonzero(weights))
    assert (weights[held_out.rows] > 0).all()
    for label in range(5):
        # Rounded are the number of all that are held out, and where each label's begin and end.
        share = fraction * ((labels == label) & (weights > 0)).sum()
        assert abs((labels[held_out.rows] == label).sum() - share) <= 1.5


def test_one_row_of_each_label_can_be_shared(backend, rng):
    X, labels = rng.standard_normal((5, 3)), np.arange(5)
    for fraction, expected in ((0.2, 1), (0.5, 2), (0.7, 4), (0.8, 4), (0.9, 4)):
        network = NeuralNetwork([3, 5], output="softmax", backend=backend, seed=0)
        assert len(rows_measured(network, X, labels, fraction)) == expected


def test_rows_that_weigh_nothing_are_not_held_out(backend, rng):
    X, y = rng.standard_normal((40, 3)), np.arange(40.0)
    weights = np.zeros(40)
    weights[[3, 8, 13, 21]] = [1, 2, 3, 4]
    for seed in range(5):
        network = NeuralNetwork([3, 1], output="identity", backend=backend, seed=seed)
        rows = rows_measured(network, X, y, 0.5, sample_weight=weights)
        assert len(rows) == 2
        assert rows < {3, 8, 13, 21}
        history = network.train(X, y, 2, 0.0, False, validation=0.5, sample_weight=weights)
        chosen = sorted(int(row) for row in rows)
        expected = network.loss(X[chosen], y[chosen], sample_weight=weights[chosen])
        np.testing.assert_allclose(history.validation, [expected] * 2, rtol=1e-13)


def test_anything_is_better_than_a_metric_that_is_no_number(backend, rng):
    X, y = rng.standard_normal((20, 3)), rng.random((20, 1))
    values = iter([np.nan, np.nan, np.nan, 5.0, np.nan, 3.0, 4.0])
    network = NeuralNetwork([3, 4, 1], backend=backend, seed=0)
    kept = []
    history = network.train(
        X,
        y,
        6,
        0.5,
        False,
        validation=(X, y),
        monitor=lambda y, prediction: next(values),
        callbacks=lambda network, history: kept.append(network.parameters.copy()),
    )
    # The first value is of the trial before training.
    assert history.best_epoch == 4
    assert np.array_equal(network.parameters, kept[4])
