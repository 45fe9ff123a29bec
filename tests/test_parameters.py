"""Weights and biases are views of one vector, and copies of a network have their own."""

import copy
import pickle

import numpy as np
import pytest

from fastnet import NeuralNetwork

from .small_networks import LABELS, X, Y, assert_same, binary, learned


def assert_views(network):
    """Weights and biases are views of `parameters`, layer after layer."""
    parts = []
    for weights, bias in zip(network.weights, network.biases, strict=True):
        assert np.shares_memory(weights, network.parameters)
        assert np.shares_memory(bias, network.parameters)
        parts += [weights.ravel(), bias.ravel()]
    np.testing.assert_array_equal(network.parameters, np.concatenate(parts))


def test_parameters_are_the_vector_of_which_the_layers_are_views():
    network = binary()
    assert network.parameters.shape == (13,)
    assert [weights.shape for weights in network.weights] == [(2, 3), (3, 1)]
    assert [bias.shape for bias in network.biases] == [(1, 3), (1, 1)]
    network.parameters[...] = np.arange(13)
    np.testing.assert_array_equal(network.weights[0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(network.biases[0], [[6, 7, 8]])
    np.testing.assert_array_equal(network.weights[-1], [[9], [10], [11]])
    np.testing.assert_array_equal(network.biases[-1], [[12]])
    assert_views(network)


def test_assigned_lists_are_copied_in():
    network, vector = binary(), binary().parameters
    network.parameters = vector.tolist()
    weights = [np.ones((2, 3)), np.full((3, 1), 2)]
    biases = [[[3, 3, 3]], [[4]]]
    network.weights, network.biases = weights, biases
    weights[0][...] = 9
    np.testing.assert_array_equal(network.parameters, [1] * 6 + [3] * 3 + [2] * 3 + [4])
    assert_views(network)


def test_assigned_items_are_copied_in():
    network = binary()
    item = np.ones((3, 1))
    network.weights[-1] = item
    network.biases[1] = [[5]]
    item[...] = 9
    np.testing.assert_array_equal(network.parameters[-4:], [1, 1, 1, 5])
    assert_views(network)


def test_values_may_be_views_of_what_they_replace():
    network = NeuralNetwork([2, 2, 2], backend="reference", seed=0)
    first, second = (weights.copy() for weights in network.weights)
    network.weights[:] = [network.weights[1], network.weights[0]]
    assert_same(network.weights, [second, first])
    reverse = network.parameters[::-1].copy()
    network.parameters = network.parameters[::-1]
    np.testing.assert_array_equal(network.parameters, reverse)


def test_weights_may_be_infinite_or_nan():
    network = binary()
    network.weights[0] = np.array([[np.inf, np.nan, 0], [0, 0, -np.inf]])
    assert np.isnan(network.weights[0][0, 1])


def test_changes_in_place_take_effect_at_the_next_call(backend):
    network, same = binary(backend=backend), binary(backend=backend)
    before = network.predict(X)
    network.weights[0][0, 1] += 1
    network.weights[1] *= 2
    network.biases[1][...] = 0.25
    same.parameters[1] += 1
    same.parameters[9:12] *= 2
    same.parameters[12] = 0.25
    assert not np.array_equal(network.predict(X), before)
    assert_same(learned(network, X, Y), learned(same, X, Y))
    assert_views(network)


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda network: pickle.loads(pickle.dumps(network))}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_has_parameters_of_its_own(way, backend):
    original = binary(backend=backend)
    before = original.parameters.copy()
    duplicate = COPIES[way](original)
    assert repr(duplicate) == repr(original)
    assert_views(duplicate)
    assert not np.shares_memory(duplicate.parameters, original.parameters)
    assert_same(duplicate.activations, original.activations)

    duplicate.weights[0][...] = 7
    np.testing.assert_array_equal(duplicate.parameters[:6], [7] * 6)
    duplicate.train(X, Y, 2, verbose=False)
    np.testing.assert_array_equal(original.parameters, before)

    # The copy goes on where the original does, random numbers included.
    again = COPIES[way](original)
    assert_same(learned(again, X, Y), learned(original, X, Y))


def test_nothing_is_drawn_from_the_global_generator_where_a_seed_is_given():
    before = np.random.get_state()[1].tobytes()
    learned(binary(), X, Y)
    assert np.random.get_state()[1].tobytes() == before


def test_what_is_handed_out_cannot_be_taken_away(backend):
    network = binary(backend=backend)
    with pytest.raises(ValueError, match="resize"):
        network.parameters.resize(3)
    network.parameters.flags.writeable = False
    before = network.parameters.copy()
    learned(network, X, Y)
    assert not np.array_equal(network.parameters, before)


def test_a_copy_whose_arrays_came_read_only_can_be_trained(backend):
    """As from libraries that map what they send to their workers."""
    original = binary(backend=backend)
    state = copy.deepcopy(original.__dict__)
    state["_parameters"].flags.writeable = False
    arrived = NeuralNetwork.__new__(NeuralNetwork)
    arrived.__setstate__(state)
    assert not state["_parameters"].flags.writeable
    assert_same(learned(arrived, X, Y), learned(original, X, Y))


def test_labels_that_change_during_training_are_no_matter(backend):
    y = LABELS.copy()
    expected = NeuralNetwork([2, 4, 3], output="softmax", backend=backend, seed=0)
    losses = expected.train(X, y, 300, verbose=False)
    network = NeuralNetwork([2, 4, 3], output="softmax", backend=backend, seed=0)
    spoil = [lambda network, history: y.fill(10**10)]
    assert network.train(X, y, 300, verbose=False, callbacks=spoil) == losses
    assert y[0] == 10**10


def test_a_run_of_no_epochs_draws_nothing(backend):
    before = np.random.get_state()[1].tobytes(), np.random.get_state()[2]
    network = NeuralNetwork([2, 1], backend=backend, seed=0)
    network._rng = None  # from here on the global generator
    assert network.train(X, Y, 0, batch_size=2) == []
    assert (np.random.get_state()[1].tobytes(), np.random.get_state()[2]) == before
