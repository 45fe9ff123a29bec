"""Training: steps of mini-batch gradient descent, without Python between them."""

import math

import numpy as np
from numba import carray

from . import table
from .jit import entry, helper
from .layers import panel_width
from .network import (
    back_propagate,
    forward_panels,
    gather_inputs,
    gather_targets,
    layer_gradient,
    loss_of_panels,
    pass_back,
    update_layer,
)
from .pointers import at, borrow, call, doubles, integers, pointer
from .shuffling import random_bits, shuffle

# Epochs and steps draw from one key: the counters of steps begin where no epoch comes.
_FIRST_STEP = np.uint64(2**63)


@entry
def train(choices, layers, parameters, gradient, workspace, order, losses, position):
    """Take steps until position[LAST_STEP], or until position[BUDGET] chunks are done.

    position : int64, see `table`; says afterwards where to go on, in the middle of a batch too.
    losses : float64, one for each epoch; each step adds its share of its epoch's mean.

    Returns whether all is well: not where a loss is no finite number, whose step is not taken.
    """
    choices, layers, order = borrow(choices), borrow(layers), borrow(order)
    parameters, gradient, workspace = borrow(parameters), borrow(gradient), borrow(workspace)
    settings, rates = doubles(choices[table.SETTINGS]), doubles(choices[table.RATES])
    rows, batch_size = order.size, choices[table.BATCH_SIZE]
    capacity = choices[table.CAPACITY]
    steps_per_epoch = (rows + batch_size - 1) // batch_size
    # One batch for ever, whose rows stay in the workspace: they are fetched only once.
    is_constant = (
        steps_per_epoch == 1
        and (rows <= capacity or choices[table.UPDATE_EACH_LAYER])
        and not choices[table.SHUFFLE]
        and not choices[table.NOISE]
        and not layers[0, table.MASK]
    )
    first_step, budget = position[table.STEP], position[table.BUDGET]
    while position[table.STEP] < position[table.LAST_STEP] and budget > 0:
        step = position[table.STEP]
        epoch, batch = step // steps_per_epoch, step % steps_per_epoch
        first = batch * batch_size
        count = min(batch_size, rows - first)
        # A division takes as long as the arithmetic of a tiny batch.
        end = 1 if count <= capacity else (count + capacity - 1) // capacity
        # A layer can be updated when all chunks have been through it: see `layered_chunk`.
        is_layered = choices[table.UPDATE_EACH_LAYER] and end > 1
        if is_layered:
            end *= 1 + layers.shape[0]
        if position[table.CHUNK] == 0:
            if batch == 0 and choices[table.SHUFFLE]:
                new_order(choices, order, epoch)
            begin_batch(choices, settings, at(order, first), count, step)
        rate = rates[min(step - first_step, choices[table.N_RATES] - 1)]
        doubles(choices[table.OPTIMIZER_NUMBERS])[0] = rate
        while position[table.CHUNK] < end and budget > 0:
            chunk, chosen = position[table.CHUNK], at(order, first)
            if is_layered:
                settings[table.BATCH_LOSS] += layered_chunk(
                    choices,
                    layers,
                    parameters,
                    gradient,
                    workspace,
                    chosen,
                    count,
                    chunk,
                    is_constant and step > first_step,
                    step,
                )
            else:
                start = chunk * capacity
                settings[table.BATCH_LOSS] += chunk_gradient(
                    choices,
                    layers,
                    parameters,
                    gradient,
                    workspace,
                    chosen,
                    start,
                    min(capacity, count - start),
                    is_constant and step > first_step,
                    step,
                )
            position[table.CHUNK] = chunk + 1
            budget -= 1
        if position[table.CHUNK] == end:
            position[table.CHUNK] = 0
            value = settings[table.BATCH_LOSS] * settings[table.BATCH_SCALE]
            if choices[table.PENALIZE]:
                value += penalty(choices, layers, settings, parameters, gradient)
            share = settings[table.BATCH_WEIGHT] / settings[table.TOTAL_WEIGHT]
            losses[epoch] += value * share
            if not math.isfinite(value):
                return False
            if not choices[table.UPDATE_EACH_LAYER]:
                update(choices, layers, settings, parameters, gradient, step)
            position[table.STEP] = step + 1
            # The caller keeps the parameters between such steps, as no step is done at once.
            if is_layered:
                break
    position[table.BUDGET] = budget
    return True


@entry
def gradient(choices, layers, parameters, workspace, order, out):
    """Fill `out` with the gradient of the mean loss and the penalties; returns their value."""
    settings = doubles(choices[table.SETTINGS])
    chosen, capacity = at(order, 0), choices[table.CAPACITY]
    begin_batch(choices, settings, chosen, order.size, 0)
    total = 0.0
    for start in range(0, order.size, capacity):
        count = min(capacity, order.size - start)
        total += chunk_gradient(
            choices, layers, parameters, out, workspace, chosen, start, count, False, 0
        )
    value = total * settings[table.BATCH_SCALE]
    if choices[table.PENALIZE]:
        value += penalty(choices, layers, settings, parameters, out)
    return value


@helper
def new_order(choices, order, epoch):
    """A fresh permutation of the rows, or of those in the subset."""
    shuffle(choices[table.KEY], choices[table.FIRST_EPOCH] + epoch, order)
    if choices[table.SUBSET]:
        subset = integers(choices[table.SUBSET])
        for i in range(order.size):
            order[i] = subset[order[i]]


@helper
def begin_batch(choices, settings, order, count, step):
    """What the batch's rows weigh together, and the key of everything random in the step."""
    weight = float(count)
    if choices[table.ROW_WEIGHTS]:
        weights = doubles(choices[table.ROW_WEIGHTS])
        weight = 0.0
        for i in range(count):
            weight += weights[order[i]]
    settings[table.BATCH_WEIGHT] = weight
    settings[table.BATCH_SCALE] = 1 / weight if weight > 0 else 0.0
    settings[table.BATCH_LOSS] = 0.0
    counter = _FIRST_STEP + np.uint64(choices[table.UPDATES] + step)
    choices[table.STEP_KEY] = np.int64(random_bits(choices[table.KEY], counter))


@helper
def chunk_gradient(
    choices, layers, parameters, gradient, workspace, order, start, rows, is_gathered, step
):
    """The gradient by the rows `start` and on of a batch; returns the sum of weight times loss.

    Chunks follow each other in the sums as the rows do, so that the bits of the gradient do not
    depend on their size.

    is_gathered : the workspace holds these rows already, all of them.
    """
    width = panel_width(rows, workspace.itemsize)
    total = chunk_loss(
        choices, layers, parameters, workspace, order, start, rows, width, is_gathered
    )
    if math.isfinite(total):
        updates = choices[table.UPDATES] + step + 1 - choices[table.OPTIMIZER_SINCE]
        back_propagate(
            choices, layers, parameters, gradient, workspace, rows, width, start, updates
        )
    return total


@helper
def chunk_loss(choices, layers, parameters, workspace, order, start, rows, width, is_gathered):
    """Forward, and the delta of the last layer; returns the sum of weight times loss."""
    chosen = at(order, start)
    if not is_gathered:
        gather_inputs(choices, layers, workspace, chosen, start, rows, width)
        gather_targets(choices, layers, workspace, chosen, rows, width)
    with_output = choices[table.OUTPUT_BACKWARD] != 0
    forward_panels(choices, layers, parameters, workspace, start, rows, width, with_output)
    scale = doubles(choices[table.SETTINGS])[table.BATCH_SCALE]
    return loss_of_panels(choices, layers, workspace, chosen, rows, width, scale)


@helper
def layered_chunk(
    choices, layers, parameters, gradient, workspace, order, count, turn, is_gathered, step
):
    """As `chunk_gradient` where delta passes through weights that all chunks have changed.

    The chunks keep their workspaces, one behind the other, and take turns: first each is done
    forward, then each adds to the gradient of the last layer, and so on to the first layer.

    count : rows of the batch.  turn : of `chunks` forward, and as many for each layer.
    """
    capacity, size = choices[table.CAPACITY], choices[table.WORKSPACE]
    chunks = (count + capacity - 1) // capacity
    stage, chunk = turn // chunks, turn % chunks
    own = carray(at(workspace, chunk * size), size)
    start = chunk * capacity
    rows = min(capacity, count - start)
    width = panel_width(rows, workspace.itemsize)
    if stage == 0:
        return chunk_loss(choices, layers, parameters, own, order, start, rows, width, is_gathered)
    if math.isfinite(doubles(choices[table.SETTINGS])[table.BATCH_LOSS]):
        place = layers.shape[0] - stage
        if stage > 1:
            pass_back(choices, layers, parameters, own, place + 1, rows, width)
        layer_gradient(choices, layers, gradient, own, place, rows, start)
        if chunk == chunks - 1:
            updates = choices[table.UPDATES] + step + 1 - choices[table.OPTIMIZER_SINCE]
            update_layer(choices, layers, parameters, gradient, place, updates)
    return 0.0


@helper
def penalty(choices, layers, settings, parameters, gradient):
    """The value of the penalties on the weights; adds their gradient."""
    settings[table.PENALTY] = 0.0
    for place in range(layers.shape[0]):
        start = layers[place, table.WEIGHTS]
        call(
            choices[table.PENALIZE],
            settings[table.L1],
            settings[table.L2],
            at(parameters, start),
            at(gradient, start),
            at(settings, table.PENALTY),
            layers[place, table.N_IN] * layers[place, table.N_OUT],
        )
    return settings[table.PENALTY]


@helper
def update(choices, layers, settings, parameters, gradient, step):
    """From the gradient to the new parameters."""
    updates, size = choices[table.UPDATES] + step + 1, parameters.size
    vector, slope = at(parameters, 0), at(gradient, 0)
    if choices[table.CLIP_VALUE]:
        call(choices[table.CLIP_VALUE], settings[table.VALUE_LIMIT], slope, size)
    if choices[table.CLIP_NORM]:
        call(choices[table.CLIP_NORM], settings[table.NORM_LIMIT], slope, size)
    call(
        choices[table.OPTIMIZER],
        slope,
        doubles(choices[table.OPTIMIZER_NUMBERS]),
        updates - choices[table.OPTIMIZER_SINCE],
        pointer(choices[table.STATE], parameters),
        vector,
        size,
    )
    if choices[table.MAX_NORM]:
        norms = doubles(choices[table.NORMS])
        for place in range(layers.shape[0] - 1):
            weights = at(parameters, layers[place, table.WEIGHTS])
            n_in, n_out = layers[place, table.N_IN], layers[place, table.N_OUT]
            limit = settings[table.MAX_NORM_LIMIT]
            call(choices[table.MAX_NORM], limit, weights, norms, n_in, n_out)
    if choices[table.AVERAGE]:
        since = updates - choices[table.AVERAGE_SINCE]
        averaged = pointer(choices[table.AVERAGED], parameters)
        call(choices[table.AVERAGE], settings[table.AVERAGE_DECAY], since, vector, averaged, size)
