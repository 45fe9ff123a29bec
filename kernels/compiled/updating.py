"""From the rows to the new weights: what a thread does to the parameters that it owns.

Names are those of `network`; member : the thread's, see `team`.
The gradient is used block by block, while it is in the cache, or late: where all of it stays
there, or where something has to be known of all of it before, its norm or the penalties.
"""

from . import table, team
from .backpropagation import layer_gradient
from .jit import ONE, helper
from .microkernel import TILE_ROWS
from .network import numbers, row_of
from .pointers import at, call, doubles


@helper
def begin_numbers(choices, step, rate, member):
    """The optimizer's numbers for a step. Those that a step changes have two places in turn."""
    shared = at(doubles(choices[table.OPTIMIZER_NUMBERS]), step % 2 * table.MOST_NUMBERS)
    own = doubles(member[team.NUMBERS])
    for i in range(table.MOST_NUMBERS):
        own[i] = shared[i]
    own[0] = rate


@helper
def end_numbers(choices, step, member):
    """For the next step; the threads write the same."""
    if member[team.FIRST] < member[team.LAST]:
        shared = at(doubles(choices[table.OPTIMIZER_NUMBERS]), (step + 1) % 2 * table.MOST_NUMBERS)
        changed = at(doubles(member[team.NUMBERS]), table.MOST_NUMBERS)
        for i in range(table.MOST_NUMBERS):
            shared[i] = changed[i]


@helper
def has_sums(choices):
    """Whether an update needs sums over the whole gradient, and so over what others own."""
    return choices[table.PENALIZE] != 0 or choices[table.CLIP_NORM] != 0


@helper
def work_on_weights(
    choices,
    layers,
    parameters,
    gradient,
    workspace,
    place,
    count,
    width,
    accumulate,
    is_last,
    update_step,
    member,
):
    """The gradient by the rows of a layer's weights that the thread owns, and their update.

    count : rows of the chunk, which is the last of its batch if `is_last`.
    update_step : the optimizer's number of the step, or 0 where the update comes later.
    """
    rows, layer = at(member, team.ROWS + 2 * place), row_of(layers, place)
    n_out, start = layer[table.N_OUT], layer[table.WEIGHTS]
    row, bottom, is_used_up = rows[0], rows[1], update_step != 0 and accumulate == 0
    while row < bottom:
        end = min(row + layer[table.BLOCK_ROWS], bottom)
        # What nobody will ask for again takes the place of the first block's, in the cache.
        origin = at(gradient, (rows[0] - row) * n_out) if is_used_up else gradient
        layer_gradient(choices, layer, origin, workspace, count, width, accumulate, row, end)
        if is_last:
            finish_gradient(choices, layer, parameters, origin, row, end)
        if update_step:
            first, n = start + row * n_out, (end - row) * n_out
            update(choices, parameters, origin, first, n, 0.0, update_step, member)
        row = end


@helper
def finish_gradient(choices, layer, parameters, gradient, top, bottom):
    """Penalties, clipping of numbers, and the sums that the norm is made of, tile by tile."""
    if choices[table.CLIP_VALUE] == 0 and not has_sums(choices):
        return
    settings = doubles(choices[table.SETTINGS])
    n_in, n_out = layer[table.N_IN], layer[table.N_OUT]
    for row in range(top, bottom, TILE_ROWS):
        end = min(row + TILE_ROWS, bottom)
        first = layer[table.WEIGHTS] + row * n_out
        weights, slope = at(parameters, first), at(gradient, first)
        penalties = at(doubles(choices[table.SUMS]), layer[table.FIRST_SUM] + row // TILE_ROWS)
        if choices[table.PENALIZE]:
            penalties[0] = 0.0
            n = (min(end, n_in) - row) * n_out
            l1, l2 = settings[table.L1], settings[table.L2]
            call(choices[table.PENALIZE], l1, l2, weights, slope, penalties, n)
        n = (end - row) * n_out
        if choices[table.CLIP_VALUE]:
            call(choices[table.CLIP_VALUE], settings[table.VALUE_LIMIT], slope, n)
        if choices[table.CLIP_NORM]:
            squares = at(penalties, choices[table.N_SUMS])
            call(choices[table.SQUARED_NORM], slope, squares, n)


@helper
def sum_of_tiles(choices, which):
    """The penalties, 0, or the squares, 1, of all tiles in their order."""
    sums = at(doubles(choices[table.SUMS]), which * choices[table.N_SUMS])
    total = 0.0
    for i in range(choices[table.N_SUMS]):
        total += sums[i]
    return total


@helper
def update_late(choices, layers, parameters, gradient, update_step, member):
    """The update of all that the thread owns, when the whole gradient is known."""
    squared_norm = sum_of_tiles(choices, ONE) if choices[table.CLIP_NORM] else 0.0
    block = layers[table.BLOCK_ROWS] * layers[table.N_OUT]
    for first in range(member[team.FIRST], member[team.LAST], block):
        n = min(block, member[team.LAST] - first)
        update(choices, parameters, gradient, first, n, squared_norm, update_step, member)


@helper
def update(choices, parameters, gradient, first, n, squared_norm, update_step, member):
    """From the gradient to the new parameters, `n` of them from `first` on."""
    slope = at(gradient, first)
    if choices[table.CLIP_NORM]:
        limit = doubles(choices[table.SETTINGS])[table.NORM_LIMIT]
        call(choices[table.CLIP_NORM], limit, squared_norm, slope, n)
    # A copy, as some change their numbers: in each block to the same.
    given = doubles(member[team.NUMBERS])
    changed = at(given, table.MOST_NUMBERS)
    for i in range(table.MOST_NUMBERS):
        changed[i] = given[i]
    call(
        choices[table.OPTIMIZER],
        slope,
        changed,
        update_step,
        at(numbers(choices, table.STATE), first),
        at(parameters, first),
        n,
        choices[table.N_PARAMETERS],
    )


@helper
def after_update(choices, layers, parameters, updates, member):
    """The constraint on the weights, and their average."""
    settings = doubles(choices[table.SETTINGS])
    if choices[table.MAX_NORM]:
        team.wait(member)
        limit = settings[table.MAX_NORM_LIMIT]
        # A unit's weights stand in all rows: layers, not rows, are shared out.
        for place in range(member[team.INDEX], choices[table.LAYERS] - 1, member[team.SIZE]):
            layer = row_of(layers, place)
            weights, n_in, n_out = (
                at(parameters, layer[table.WEIGHTS]),
                layer[table.N_IN],
                layer[table.N_OUT],
            )
            norms = at(doubles(choices[table.NORMS]), place * choices[table.MOST_UNITS])
            call(choices[table.MAX_NORM], limit, weights, norms, n_in, n_out)
        team.wait(member)
    if choices[table.AVERAGE]:
        first, n = member[team.FIRST], member[team.LAST] - member[team.FIRST]
        averaged = at(numbers(choices, table.AVERAGED), first)
        since, decay = updates - choices[table.AVERAGE_SINCE], settings[table.AVERAGE_DECAY]
        call(choices[table.AVERAGE], decay, since, at(parameters, first), averaged, n)
