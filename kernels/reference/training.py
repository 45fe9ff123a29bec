"""Training: steps of mini-batch gradient descent."""

import functools

import numpy as np

from . import batches, optimizers
from .network import back_propagate, batch_targets, forward, output_delta
from .shuffling import shuffle


def trainer(plan, parameters, X, targets, run, losses):
    """A function of (first_step, steps) that takes these steps; see `train`."""
    return functools.partial(train, plan, parameters, X, targets, run, losses)


def train(plan, parameters, X, targets, run, losses, first_step, steps):
    """Take `steps` steps, counted on from `first_step`; a step is one batch.

    run : how it is trained: batch_size, shuffle, key, loss, optimizer, numbers, update_each_layer,
        and two buffers, `gradient` (as `parameters`) and `order` (int64, a place for each row).
    losses : float64, one for each epoch; each row adds its share of its epoch's mean.
    """
    rows = len(X)
    steps_per_epoch = -(-rows // run.batch_size)
    for step in range(first_step, first_step + steps):
        epoch, batch = divmod(step, steps_per_epoch)
        if batch == 0 and run.shuffle:
            shuffle(run.key, epoch, run.order)
        chosen = run.order[batch * run.batch_size : (batch + 1) * run.batch_size]
        value = train_step(plan, parameters, X, targets, run, chosen)
        losses[epoch] += value * len(chosen) / rows


def train_step(plan, parameters, X, targets, run, chosen):
    """One update from the rows `chosen`; returns their mean loss before it."""
    optimizer = getattr(optimizers, run.optimizer)

    def update(layer):
        optimizer(run.gradient[layer.span], run.numbers, parameters[layer.span])

    batch = np.empty((len(chosen), X.shape[1]), parameters.dtype)
    batches.gather_rows(X, chosen, batch)
    layer_inputs, outputs = forward(plan, parameters, batch)
    target = batch_targets(targets, chosen, outputs[-1])
    delta, value = output_delta(run.loss, layer_inputs[-1], target)
    after_layer = update if run.update_each_layer else None
    back_propagate(plan, parameters, layer_inputs, outputs, delta, run.gradient, after_layer)
    if not run.update_each_layer:
        optimizer(run.gradient, run.numbers, parameters)
    return value
