"""Training: steps of mini-batch gradient descent."""

import functools

import numpy as np

from . import batches, constraints, optimizers
from .averaging import average
from .clipping import clip_norm, clip_value
from .dropout import dropout
from .network import (
    back_propagate,
    batch_targets,
    forward,
    matrix,
    output_delta,
    penalty,
    row_scale,
)
from .noise import gaussian_noise
from .shuffling import random_bits, shuffle

# Epochs and steps draw from one key: the counters of steps begin where no epoch comes.
FIRST_STEP = np.uint64(2**63)


def trainer(plan, parameters, X, targets, run, losses):
    """A function of (last_step, budget, threads=1) that takes steps; see `train`."""
    return functools.partial(train, plan, parameters, X, targets, run, losses)


def train(plan, parameters, X, targets, run, losses, last_step, budget, threads=1):
    """Take steps up to `last_step`, at most `budget` of them; a step is one batch.

    threads : NumPy has its own.

    run : how it is trained, see `fastnet.training.run`. `run.position` counts the steps taken
        first and last those that are left of the budget.
    losses : float64, one for each epoch; each step adds its share of its epoch's mean.

    Returns whether all is well: not where a loss is no finite number, whose step is not taken.
    """
    rows = len(run.order)
    steps_per_epoch = -(-rows // run.batch_size)
    first_step = int(run.position[0])
    run.position[-1] = budget
    for step in range(first_step, min(last_step, first_step + budget)):
        epoch, batch = divmod(step, steps_per_epoch)
        if batch == 0 and run.shuffle:
            shuffle(run.key, run.first_epoch + epoch, run.order)
            if run.rows is not None:
                run.order[:] = run.rows[run.order]
        chosen = run.order[batch * run.batch_size : (batch + 1) * run.batch_size]
        rate = run.rates[min(step - first_step, len(run.rates) - 1)]
        # What overflows is found in the loss or in the weights, and said once.
        with np.errstate(all="ignore"):
            value = train_step(plan, parameters, X, targets, run, chosen, run.updates + step, rate)
        weight = len(chosen) if run.weights is None else run.weights[chosen].sum()
        losses[epoch] += value * weight / run.total_weight
        if not np.isfinite(value):
            return False
        run.position[0] = step + 1
        run.position[-1] -= 1
    return True


def train_step(plan, parameters, X, targets, run, chosen, updates, rate):
    """One update from the rows `chosen`; returns their mean loss before it, with penalties.

    updates : how many came before, of which everything random is a function.
    """
    step_key = random_bits(run.key, FIRST_STEP + np.uint64(updates))
    run.numbers[0] = rate
    masks = {}

    def drop(place, a):
        if plan.dropout[place]:
            masks[place] = np.empty_like(a)
            dropout(random_bits(step_key, place), 0, plan.dropout[place], masks[place], a)

    batch = np.empty((len(chosen), X.shape[1]), parameters.dtype)
    batches.gather_rows(X, chosen, batch)
    if run.input_noise:
        gaussian_noise(random_bits(step_key, len(plan.layers)), 0, run.input_noise, batch)
    layer_inputs, outputs = forward(plan, parameters, batch, drop)
    target = batch_targets(targets, chosen, outputs[-1])
    if run.smoothing:
        batches.smooth_targets(*run.smoothing, target)
    scale = row_scale(run.weights, chosen, target)
    delta, values = output_delta(plan, run.loss, layer_inputs[-1], outputs[-1], target, scale)
    value = (values * scale).sum(dtype=np.float64)
    if not np.isfinite(value):
        return value
    after_layer = None
    if run.update_each_layer:

        def after_layer(layer):
            span = layer.span
            optimize(run, updates, run.gradient[span], run.state[:, span], parameters[span])

    back_propagate(plan, parameters, layer_inputs, outputs, delta, run.gradient, masks, after_layer)
    if not run.update_each_layer:
        value += penalty(plan, parameters, run.gradient)
        if np.isfinite(value):
            update(plan, parameters, run, updates)
    return value


def update(plan, parameters, run, updates):
    """From the gradient to the new parameters."""
    if run.clip_value:
        clip_value(run.clip_value, run.gradient)
    if run.clip_norm:
        clip_norm(run.clip_norm, run.gradient)
    optimize(run, updates, run.gradient, run.state, parameters)
    if plan.max_norm:
        for layer in plan.layers[:-1]:
            constraints.max_norm(plan.max_norm, matrix(parameters, layer)[:-1])
    if run.average:
        step = updates + 1 - run.average_since
        average(run.average, step, parameters, run.averaged)


def optimize(run, updates, gradient, state, parameters):
    """Call the optimizer for its next step, on all parameters or on a layer's."""
    step = updates + 1 - run.optimizer_since
    getattr(optimizers, run.optimizer)(gradient, run.numbers, step, state, parameters)
