"""Training: steps of mini-batch gradient descent, without Python between them.

A step has two phases, and the team waits behind each. First rows pass through the network and
back: each thread takes panels of its own. Then each takes rows of the weights, sums their
gradient over all rows of the batch, and updates them.
"""

import math

import numpy as np
from numba import carray

from . import table, team
from .backpropagation import pass_back, pass_back_all, turn_delta
from .division import divide_up
from .jit import NO, ZERO, entry, helper
from .layers import panel_width
from .network import add_losses, gather_inputs, gather_targets, loss, losses_of_part, numbers
from .own_chunks import add_up_chunks, pass_chunks
from .pointers import at, doubles, integers
from .shuffling import random_bits, shuffle
from .subnormals import restore_mode, without_subnormals
from .updating import (
    after_update,
    begin_numbers,
    end_numbers,
    has_sums,
    sum_of_tiles,
    update_late,
    work_on_weights,
)

# Epochs and steps draw from one key: the counters of steps begin where no epoch comes.
_FIRST_STEP = np.uint64(2**63)


@entry
def train(choices, layers, order, losses, position, member):
    """Take steps until position[LAST_STEP], or until position[BUDGET] chunks are done.

    Called by each thread of a team with its `member`, see `team`.
    position : int64, see `table`; says afterwards where to go on, in the middle of a batch too.
    losses : float64, one for each epoch; each step adds its share of its epoch's mean.

    Returns whether all is well: not where a loss is no finite number, whose step is not taken.

    With choices[ONLY_LOSS] the first of the losses becomes that of all rows, see `loss`, and
    nothing else changes: as a part of this machine code the loss of a validation set compiles
    nothing.
    """
    rows, batch_size = order.size, choices[table.BATCH_SIZE]
    choices, layers, member, order = at(choices, 0), at(layers, 0), at(member, 0), at(order, 0)
    parameters, gradient = numbers(choices, table.PARAMETERS), numbers(choices, table.GRADIENT)
    workspace = numbers(choices, table.WORKSPACE)
    if choices[table.ONLY_LOSS]:
        losses[0] = loss(choices, layers, parameters, workspace, order, rows)
        return True
    settings, rates = doubles(choices[table.SETTINGS]), doubles(choices[table.RATES])
    capacity = choices[table.CAPACITY]
    steps_per_epoch = (rows + batch_size - 1) // batch_size
    is_apart = choices[table.UPDATE_EACH_LAYER] != 0
    # One batch for ever, whose rows stay in the workspace: they are fetched only once.
    is_constant = (
        steps_per_epoch == 1
        and (rows <= capacity or is_apart)
        and not choices[table.SHUFFLE]
        and not choices[table.NOISE]
        and not layers[table.MASK]
    )
    # What the threads keep to themselves; the first writes it down at the end.
    step, chunk, budget = position[table.STEP], position[table.CHUNK], position[table.BUDGET]
    batch_loss, batch_weight = settings[table.BATCH_LOSS], settings[table.BATCH_WEIGHT]
    is_first, is_finite, first_step = member[team.INDEX] == 0, True, step
    mode = without_subnormals()
    epoch, batch = step // steps_per_epoch, step % steps_per_epoch
    while step < position[table.LAST_STEP] and budget > 0:
        first = batch * batch_size
        count = min(batch_size, rows - first)
        chunks = divide_up(count, capacity)
        # A layer can be updated when all chunks have been through it: see `turn_apart`.
        turns = 1 + choices[table.LAYERS] if is_apart else 1
        end = chunks if chunks == 1 else chunks * turns
        chosen = at(order, first)
        if chunk == 0:
            if batch == 0 and choices[table.SHUFFLE]:
                if is_first:
                    new_order(choices, order, rows, epoch)
                team.wait(member)
            batch_weight, batch_loss = weight_of(choices, chosen, count), 0.0
            counter = _FIRST_STEP + np.uint64(choices[table.UPDATES] + step)
            choices[table.STEP_KEY] = np.int64(random_bits(choices[table.KEY], counter))
        scale = 1 / batch_weight if batch_weight > 0 else 0.0
        begin_numbers(
            choices, step, rates[min(step - first_step, choices[table.N_RATES] - 1)], member
        )
        updates = choices[table.UPDATES] + step + 1
        update_step = updates - choices[table.OPTIMIZER_SINCE]
        is_gathered = is_constant and step > first_step
        if choices[table.ADD_BY_LANES]:
            last = min(chunks, chunk + budget)
            pass_chunks(
                choices,
                layers,
                parameters,
                workspace,
                chosen,
                count,
                chunk,
                last,
                scale,
                is_gathered,
                member,
            )
            budget -= last - chunk
            chunk = last
        while chunk < end and budget > 0:
            if is_apart:
                for turn in range(turns) if chunks == 1 else range(chunk, chunk + 1):
                    batch_loss = turn_apart(
                        choices,
                        layers,
                        parameters,
                        gradient,
                        workspace,
                        chosen,
                        count,
                        chunks,
                        turn,
                        scale,
                        is_gathered,
                        batch_loss,
                        update_step,
                        member,
                    )
            else:
                start = chunk * capacity
                batch_loss = chunk_gradient(
                    choices,
                    layers,
                    parameters,
                    gradient,
                    workspace,
                    chosen,
                    start,
                    min(capacity, count - start),
                    scale,
                    is_gathered,
                    batch_loss,
                    chunk == end - 1,
                    update_step,
                    member,
                )
            chunk += 1
            budget -= 1
        if chunk == end:
            chunk = 0
            if choices[table.ADD_BY_LANES]:
                team.wait(member)
                batch_loss = add_up_chunks(
                    choices, layers, parameters, gradient, workspace, chunks, member
                )
            value = batch_loss * scale
            if has_sums(choices):
                team.wait(member)
                if choices[table.PENALIZE]:
                    value += sum_of_tiles(choices, ZERO)
            if is_first:
                losses[epoch] += value * (batch_weight / settings[table.TOTAL_WEIGHT])
            is_finite = math.isfinite(value)
            if not is_finite:
                break
            if choices[table.UPDATE_LATE]:
                update_late(choices, layers, parameters, gradient, update_step, member)
            after_update(choices, layers, parameters, updates, member)
            end_numbers(choices, step, member)
            step, batch = step + 1, batch + 1
            if batch == steps_per_epoch:
                epoch, batch = epoch + 1, 0
            team.wait(member)
            # The caller keeps the parameters between such steps, as no step is done at once.
            if is_apart and chunks > 1:
                break
    restore_mode(mode)
    # All have read what is written here.
    team.wait(member)
    if is_first:
        position[table.STEP], position[table.CHUNK], position[table.BUDGET] = step, chunk, budget
        settings[table.BATCH_LOSS], settings[table.BATCH_WEIGHT] = batch_loss, batch_weight
    return is_finite


@entry
def gradient(choices, layers, order, member):
    """Make the gradient of the mean loss and the penalties; returns their value."""
    rows, capacity = order.size, choices[table.CAPACITY]
    choices, layers, member, chosen = at(choices, 0), at(layers, 0), at(member, 0), at(order, 0)
    parameters, gradient = numbers(choices, table.PARAMETERS), numbers(choices, table.GRADIENT)
    workspace = numbers(choices, table.WORKSPACE)
    weight, total = weight_of(choices, chosen, rows), 0.0
    scale = 1 / weight if weight > 0 else 0.0
    for start in range(0, rows, capacity):
        count = min(capacity, rows - start)
        is_last = start + count == rows
        total = chunk_gradient(
            choices,
            layers,
            parameters,
            gradient,
            workspace,
            chosen,
            start,
            count,
            scale,
            NO,
            total,
            is_last,
            ZERO,
            member,
        )
    return total * scale + (sum_of_tiles(choices, ZERO) if choices[table.PENALIZE] else 0.0)


@helper
def new_order(choices, order, rows, epoch):
    """A fresh permutation of the rows, or of those in the subset."""
    shuffle(choices[table.KEY], choices[table.FIRST_EPOCH] + epoch, carray(order, rows))
    if choices[table.SUBSET]:
        subset = integers(choices[table.SUBSET])
        for i in range(rows):
            order[i] = subset[order[i]]


@helper
def weight_of(choices, order, count):
    """What the rows of a batch weigh together."""
    if choices[table.ROW_WEIGHTS] == 0:
        return float(count)
    weights, total = doubles(choices[table.ROW_WEIGHTS]), 0.0
    for i in range(count):
        total += weights[order[i]]
    return total


@helper
def own_rows(rows, width, member):
    """The part of a chunk's rows that passes through this thread: (first, how many)."""
    first, end = team.share(member, divide_up(rows, width))
    return first * width, min(end * width, rows) - first * width


@helper
def chunk_gradient(
    choices,
    layers,
    parameters,
    gradient,
    workspace,
    order,
    start,
    rows,
    scale,
    is_gathered,
    total,
    is_last,
    update_step,
    member,
):
    """The gradient by the rows `start` and on of a batch; returns `total` and their losses.

    Chunks follow each other in the sums as the rows do, so that the bits of the gradient do not
    depend on their size.

    is_gathered : the workspace holds these rows already, all of them.
    is_last, update_step : see `work_on_weights`; the update is not made if a loss is not finite.
    """
    width = panel_width(rows, choices[table.LANES], choices[table.THREADS])
    chosen = at(order, start)
    scratch = at(workspace, member[team.SCRATCH])
    first, own = own_rows(rows, width, member)
    if own > 0:
        if not is_gathered:
            gather_inputs(choices, layers, workspace, chosen, start, first, own, width)
            gather_targets(choices, layers, workspace, chosen, first, own, width)
        losses_of_part(
            choices,
            layers,
            parameters,
            workspace,
            scratch,
            chosen,
            start,
            first,
            own,
            width,
            scale,
        )
        pass_back_all(choices, layers, parameters, workspace, scratch, first, own, rows, width)
    team.wait(member)
    total = add_losses(choices, workspace, chosen, rows, width, total)
    updates_now = is_last and math.isfinite(total * scale) and not choices[table.UPDATE_LATE]
    for place in range(choices[table.LAYERS] - 1, -1, -1):
        work_on_weights(
            choices,
            layers,
            parameters,
            gradient,
            workspace,
            place,
            rows,
            width,
            start,
            is_last,
            update_step if updates_now else 0,
            member,
        )
    if not is_last:
        team.wait(member)
    return total


@helper
def turn_apart(
    choices,
    layers,
    parameters,
    gradient,
    workspace,
    order,
    count,
    chunks,
    turn,
    scale,
    is_gathered,
    total,
    update_step,
    member,
):
    """As `chunk_gradient` where delta passes through weights that all chunks have changed.

    The chunks keep their workspaces, one behind the other, and take turns: first each is done
    forward, then each adds to the gradient of the last layer, and so on to the first layer.

    count : rows of the batch.  turn : of `chunks` forward, and as many for each layer.
    """
    capacity, size = choices[table.CAPACITY], choices[table.CHUNK_SIZE]
    stage, chunk = (turn, 0) if chunks == 1 else (turn // chunks, turn % chunks)
    own_workspace = at(workspace, chunk * size)
    scratch = at(workspace, member[team.SCRATCH])
    start = chunk * capacity
    rows = min(capacity, count - start)
    width = panel_width(rows, choices[table.LANES], choices[table.THREADS])
    first, own = own_rows(rows, width, member)
    chosen, place = at(order, start), choices[table.LAYERS] - stage
    if own > 0:
        if stage == 0:
            if not is_gathered:
                gather_inputs(choices, layers, own_workspace, chosen, start, first, own, width)
                gather_targets(choices, layers, own_workspace, chosen, first, own, width)
            losses_of_part(
                choices,
                layers,
                parameters,
                own_workspace,
                scratch,
                chosen,
                start,
                first,
                own,
                width,
                scale,
            )
        elif stage > 1:
            pass_back(
                choices,
                layers,
                parameters,
                own_workspace,
                scratch,
                place + 1,
                first,
                own,
                width,
            )
        if stage != 0:
            turn_delta(choices, layers, own_workspace, place, first, own, rows, width)
    team.wait(member)
    if stage == 0:
        return add_losses(choices, own_workspace, chosen, rows, width, total)
    if math.isfinite(total * scale):
        is_last = chunk == chunks - 1
        work_on_weights(
            choices,
            layers,
            parameters,
            gradient,
            own_workspace,
            place,
            rows,
            width,
            start,
            is_last,
            update_step if is_last else 0,
            member,
        )
    team.wait(member)
    return total
