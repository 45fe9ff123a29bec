"""Functions and objects of the user's own that are called while a network is trained."""

import numpy as np
import pytest

from fastnet import NeuralNetwork

EVENTS = ("on_train_begin", "on_epoch_end", "on_train_end")


class Recorder:
    """Notes who is called, when, and with what."""

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def on_train_begin(self, network, history):
        self.note("begin", network, history)

    def on_epoch_end(self, network, history):
        self.note("epoch", network, history)

    def on_train_end(self, network, history):
        self.note("end", network, history)

    def note(self, event, network, history):
        self.calls.append((self.name, event, len(history)))
        self.network, self.history = network, history


def problem(rng, backend, **options):
    network = NeuralNetwork([3, 5, 1], backend=backend, seed=0, **options)
    return network, rng.standard_normal((20, 3)), rng.random((20, 1))


@pytest.mark.parametrize("batch_size", [None, 6])
def test_the_order_of_calls(batch_size, backend, rng):
    network, X, y = problem(rng, backend)
    calls = []
    first, last = (Recorder(name, calls) for name in ("first", "last"))

    def function(network, history):
        calls.append(("function", "epoch", len(history)))

    history = network.train(
        X, y, 3, 0.1, False, batch_size=batch_size, callbacks=[first, function, last]
    )
    expected = [(name, "begin", 0) for name in ("first", "last")]
    for epoch in (1, 2, 3):
        expected += [(name, "epoch", epoch) for name in ("first", "function", "last")]
    expected += [(name, "end", 3) for name in ("first", "last")]
    assert calls == expected
    for callback in (first, last):
        assert callback.network is network
        assert callback.history is history


@pytest.mark.parametrize("event", EVENTS)
def test_any_of_the_methods_will_do(event, backend, rng):
    network, X, y = problem(rng, backend)
    calls = []

    class Only:
        pass

    setattr(Only, event, lambda self, network, history: calls.append(len(history)))
    network.train(X, y, 2, 0.1, False, callbacks=Only())
    assert calls == {"on_train_begin": [0], "on_epoch_end": [1, 2], "on_train_end": [2]}[event]


def test_a_method_that_is_none_is_none(backend, rng):
    network, X, y = problem(rng, backend)
    calls = []

    class Nothing:
        on_train_begin = on_train_end = None

        def on_epoch_end(self, network, history):
            calls.append(len(history))

    network.train(X, y, 2, 0.1, False, callbacks=Nothing())
    assert calls == [1, 2]


def test_an_object_with_methods_is_not_called_as_a_function(backend, rng):
    network, X, y = problem(rng, backend)

    class Both(Recorder):
        def __call__(self, network, history):
            self.note("function", network, history)

    calls = []
    network.train(X, y, 1, 0.1, False, callbacks=(Both("both", calls),))
    assert [event for _, event, _ in calls] == ["begin", "epoch", "end"]


def test_a_training_of_no_epochs_begins_and_ends(backend, rng):
    network, X, y = problem(rng, backend)
    calls = []
    network.train(X, y, 0, 0.1, False, callbacks=Recorder("it", calls))
    assert calls == [("it", "begin", 0), ("it", "end", 0)]


@pytest.mark.parametrize("given", [None, [], (), lambda network, history: None])
@pytest.mark.parametrize("options", [{}, {"batch_size": 6, "optimizer": "adam", "average": 0.9}])
def test_they_change_nothing_of_the_training(given, options, backend, rng):
    _, X, y = problem(rng, backend)
    runs = []
    for callbacks in (given, Recorder("it", [])):
        network, _, _ = problem(rng, backend)
        history = network.train(X, y, 5, 0.1, False, callbacks=callbacks, **options)
        runs.append((history, network.parameters.tolist()))
    assert runs[0] == runs[1]


# ----------------------------------------------------------------------------------- what they see


def test_the_network_has_the_parameters_of_the_last_step(backend, rng):
    network, X, y = problem(rng, backend)
    plain, _, _ = problem(rng, backend)
    expected = []
    for _ in range(4):
        plain.train(X, y, 1, 0.5, False, optimizer="sgd")
        expected.append(plain.parameters.copy())
    seen = []

    class Both:
        def on_epoch_end(self, network, history):
            seen.append(network.parameters.copy())

        def on_train_end(self, network, history):
            self.left = network.parameters.copy()

    both = Both()
    network.train(X, y, 4, 0.5, False, optimizer="sgd", average=0.9, callbacks=both)
    assert np.array_equal(seen, expected)
    # At the end it is as training leaves it, with the average.
    assert np.array_equal(both.left, network.parameters)
    assert not np.allclose(both.left, seen[-1])


def test_the_history_has_all_of_the_epoch(backend, rng):
    network, X, y = problem(rng, backend)
    lengths = []

    def note(network, history):
        noted = (history.validation, history.metrics["mae"], history.seconds, history.learning_rate)
        lengths.append([len(history), *map(len, noted), history.best_epoch + 1])

    network.train(X, y, 3, 0.1, False, validation=(X, y), monitor="mae", callbacks=note)
    assert lengths == [[epoch] * 6 for epoch in (1, 2, 3)]


def test_using_the_network_in_a_callback_is_harmless(backend, rng):
    _, X, y = problem(rng, backend)
    runs = []
    for uses in (False, True):
        network, _, _ = problem(rng, backend, dropout=0.3)

        def use(network, history, uses=uses):
            if uses:
                network.forward(X)
                network.predict(X[:3])
                network.loss(X, y)
                network.gradients(X, y)
                network.value_and_gradient(2 * network.parameters, X, y)

        history = network.train(X, y, 5, 0.1, False, batch_size=6, callbacks=use)
        runs.append((history, network.parameters.tolist()))
    assert runs[0] == runs[1]


def test_training_goes_on_from_what_a_callback_writes(backend, rng):
    network, X, y = problem(rng, backend)
    other, _, _ = problem(rng, backend)

    def halve(network, history):
        network.parameters /= 2

    history = network.train(X, y, 3, 0.1, False, callbacks=halve)
    expected = []
    for _ in range(3):
        expected += other.train(X, y, 1, 0.1, verbose=False)
        other.parameters /= 2
    assert history == expected
    assert np.array_equal(network.parameters, other.parameters)


# ---------------------------------------------------------------------------------------- stopping


@pytest.mark.parametrize("true", [True, np.True_])
def test_true_stops_the_training(true, backend, rng):
    network, X, y = problem(rng, backend)
    calls = []

    def stop(network, history):
        return true if len(history) == 3 else None

    history = network.train(X, y, 100, 0.1, False, callbacks=[stop, Recorder("it", calls)])
    assert len(history) == 3
    assert history.stopped_by == "callback"
    # The others are called for the epoch that was the last, and for the end.
    assert calls[-2:] == [("it", "epoch", 3), ("it", "end", 3)]


@pytest.mark.parametrize("value", [False, np.False_, None, 1, "stop", np.ones(2), [True]], ids=str)
def test_nothing_else_does(value, backend, rng):
    network, X, y = problem(rng, backend)
    history = network.train(X, y, 4, 0.1, False, callbacks=lambda network, history: value)
    assert len(history) == 4
    assert history.stopped_by == "epochs"


def test_what_begin_and_end_return_says_nothing(backend, rng):
    network, X, y = problem(rng, backend)

    class Eager:
        def on_train_begin(self, network, history):
            return True

        on_train_end = on_train_begin

    assert network.train(X, y, 4, 0.1, False, callbacks=Eager()).stopped_by == "epochs"


# -------------------------------------------------------------------------------------- exceptions


class Failure(Exception):
    pass


def fails_in(event, when=0):
    class Fails:
        pass

    def fail(self, network, history):
        if len(history) >= when:
            raise Failure

    setattr(Fails, event, fail)
    return Fails()


OPTIONS = {
    "plain": {},
    "with state": {"optimizer": "adam", "batch_size": 6, "average": 0.8, "schedule": "plateau"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_after_an_exception_training_goes_on_as_if_it_had_stopped(name, backend, rng):
    network, X, y = problem(rng, backend)
    other, _, _ = problem(rng, backend)
    with pytest.raises(Failure):
        network.train(X, y, 6, 0.1, False, callbacks=fails_in("on_epoch_end", 3), **OPTIONS[name])
    other.train(X, y, 3, 0.1, False, **OPTIONS[name])
    assert np.array_equal(network.parameters, other.parameters)
    runs = [each.train(X, y, 3, 0.1, False, **OPTIONS[name]) for each in (network, other)]
    assert runs[0] == runs[1]
    assert np.array_equal(network.parameters, other.parameters)


def test_after_an_exception_the_network_has_the_best_parameters(backend, rng):
    network, X, y = problem(rng, backend)
    seen = []

    def note(network, history):
        seen.append((network.loss(X, y), network.parameters.copy()))

    # A rate of which the loss goes up and down.
    with pytest.raises(Failure):
        network.train(
            X, 10 * y > 5, 9, 40, False, validation=(X, y), callbacks=[note, fails_in(EVENTS[1], 8)]
        )
    losses = [loss for loss, _ in seen]
    assert len(losses) == 8
    assert np.argmin(losses) < 7
    assert np.array_equal(network.parameters, seen[np.argmin(losses)][1])


@pytest.mark.parametrize("event", ["on_train_begin", "on_train_end"])
def test_before_and_after_the_steps_an_exception_changes_nothing(event, backend, rng):
    network, X, y = problem(rng, backend)
    other, _, _ = problem(rng, backend)
    options = {"optimizer": "adam", "average": 0.8}
    for each in (network, other):
        each.train(X, y, 3, 0.1, False, **options)
    with pytest.raises(Failure):
        network.train(X, y, 2, 0.1, False, callbacks=fails_in(event), **options)
    if event == "on_train_end":
        other.train(X, y, 2, 0.1, False, **options)
    assert np.array_equal(network.parameters, other.parameters)
    runs = [each.train(X, y, 3, 0.1, False, **options) for each in (network, other)]
    assert runs[0] == runs[1]
    assert np.array_equal(network.parameters, other.parameters)


def test_the_interrupt_of_a_callback_is_one(backend, rng):
    network, X, y = problem(rng, backend)

    def interrupt(network, history):
        if len(history) == 2:
            raise KeyboardInterrupt

    history = network.train(X, y, 5, 0.1, False, callbacks=interrupt)
    assert len(history) == 2
    assert history.stopped_by == "interrupt"
    with pytest.raises(KeyboardInterrupt):
        network.train(X, y, 5, 0.1, False, callbacks=interrupt, on_interrupt="raise")
