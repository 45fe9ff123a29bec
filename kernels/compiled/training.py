"""Training: steps of mini-batch gradient descent, without Python between them."""

from . import table
from .jit import entry, helper
from .layers import panel_width
from .network import (
    back_propagate,
    forward_panels,
    gather_inputs,
    gather_targets,
    loss_of_panels,
)
from .pointers import at, borrow, call
from .shuffling import shuffle


@entry
def train(
    choices,
    layers,
    numbers,
    parameters,
    gradient,
    workspace,
    order,
    losses,
    first_step,
    steps,
):
    """Take `steps` steps, counted on from `first_step`; a step is one batch.

    losses : float64, one for each epoch; each row adds its share of its epoch's mean.
    """
    choices, layers, order = borrow(choices), borrow(layers), borrow(order)
    numbers, parameters = borrow(numbers), borrow(parameters)
    gradient, workspace = borrow(gradient), borrow(workspace)
    rows, batch_size = choices[table.ROWS], choices[table.BATCH_SIZE]
    steps_per_epoch = (rows + batch_size - 1) // batch_size
    # One batch for ever, and it fits: its rows need to be fetched only once.
    is_constant = (
        steps_per_epoch == 1 and rows <= choices[table.CAPACITY] and not choices[table.SHUFFLE]
    )
    for step in range(first_step, first_step + steps):
        epoch, batch = step // steps_per_epoch, step % steps_per_epoch
        if batch == 0 and choices[table.SHUFFLE]:
            shuffle(choices[table.KEY], epoch, order)
        first = batch * batch_size
        count = min(batch_size, rows - first)
        total = batch_gradient(
            choices,
            layers,
            numbers,
            parameters,
            gradient,
            workspace,
            order,
            first,
            count,
            is_constant and step > first_step,
        )
        if not choices[table.UPDATE_EACH_LAYER]:
            call(
                choices[table.OPTIMIZER],
                at(gradient, 0),
                at(numbers, 0),
                at(parameters, 0),
                parameters.size,
            )
        losses[epoch] += total / rows


@entry
def gradient(choices, layers, numbers, parameters, workspace, order, out):
    """Fill `out` with the gradient of the mean loss; returns the sum of the rows' losses."""
    rows = choices[table.ROWS]
    return batch_gradient(
        choices, layers, numbers, parameters, out, workspace, order, 0, rows, False
    )


@helper
def batch_gradient(
    choices, layers, numbers, parameters, gradient, workspace, order, first, count, is_gathered
):
    """The gradient by the rows order[first : first + count]; returns the sum of their losses.

    In chunks of what the workspace holds. They follow each other in the sums as the rows do,
    so that the bits of the gradient do not depend on their size.

    is_gathered : the workspace holds these rows already, all of them.
    """
    capacity = choices[table.CAPACITY]
    total = 0.0
    for start in range(0, count, capacity):
        rows = min(capacity, count - start)
        width = panel_width(rows, workspace.itemsize)
        if not is_gathered:
            chosen = at(order, first + start)
            gather_inputs(choices, layers, workspace, chosen, rows, width)
            gather_targets(choices, layers, workspace, chosen, rows, width)
        forward_panels(choices, layers, parameters, workspace, rows, width, False)
        total += loss_of_panels(choices, layers, workspace, rows, width, count)
        back_propagate(
            choices, layers, numbers, parameters, gradient, workspace, rows, width, start
        )
    return total
