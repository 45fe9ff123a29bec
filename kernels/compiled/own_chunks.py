"""Chunks that pass through one thread each, of networks that have few weights.

Rows that one thread writes and another reads cost more than their arithmetic: here threads meet
only when a batch is done. Chunks belong to groups in turn, each with sums of its own, and groups
to threads, so that no bit depends on how many threads there are. Names are those of `network`.
"""

import numpy as np

from . import table, team
from .backpropagation import pass_back
from .jit import ONE, ZERO, helper
from .layers import panel_width
from .network import add_losses, gather_inputs, gather_targets, losses_of_part, row_of
from .pointers import at, call, doubles, read, write
from .updating import finish_gradient

GROUPS = 8


@helper
def pass_chunks(
    choices, layers, parameters, workspace, order, count, first, last, scale, is_gathered, member
):
    """Chunks from `first` to `last` of a batch of `count` rows, as far as they are the member's."""
    for chunk in range(first, last):
        if chunk % GROUPS % member[team.SIZE] == member[team.INDEX]:
            pass_chunk(
                choices,
                layers,
                parameters,
                workspace,
                order,
                count,
                chunk,
                scale,
                is_gathered,
                member,
            )


@helper
def pass_chunk(
    choices, layers, parameters, workspace, order, count, chunk, scale, is_gathered, member
):
    """Through the network and back, and into the sums of the chunk's group."""
    capacity = choices[table.CAPACITY]
    start = chunk * capacity
    rows, chosen = min(capacity, count - start), at(order, start)
    width = panel_width(rows, choices[table.LANES], ONE)
    scratch = at(workspace, member[team.SCRATCH])
    group, size = chunk % GROUPS, choices[table.N_PARAMETERS]
    sums = at(workspace, choices[table.LANE_SUMS] + group * size * choices[table.LANES])
    own = at(workspace, member[team.INDEX] * choices[table.CHUNK_SIZE])
    if not is_gathered:
        gather_inputs(choices, layers, own, chosen, start, ZERO, rows, width)
        gather_targets(choices, layers, own, chosen, ZERO, rows, width)
    losses_of_part(
        choices, layers, parameters, own, scratch, chosen, start, ZERO, rows, width, scale
    )
    losses = doubles(choices[table.CHUNK_LOSSES])
    losses[chunk] = add_losses(choices, own, chosen, rows, width, 0.0)
    for place in range(choices[table.LAYERS] - 1, -1, -1):
        layer = row_of(layers, place)
        call(
            choices[table.ADD_BY_LANES],
            at(own, layer[table.INPUT] * capacity),
            at(own, layer[table.DELTA] * capacity),
            at(sums, layer[table.WEIGHTS] * choices[table.LANES]),
            layer[table.N_IN],
            layer[table.N_OUT],
            rows,
            width,
            np.int64(chunk >= GROUPS),
        )
        if place > 0:
            pass_back(choices, layers, parameters, own, scratch, place, ZERO, rows, width)
    if start + GROUPS * capacity >= count:
        of_group = at(workspace, choices[table.GROUP_GRADIENTS] + group * size)
        call(choices[table.ADD_UP_LANES], sums, of_group, size)


@helper
def add_up_chunks(choices, layers, parameters, gradient, workspace, chunks, member):
    """The member's part of the gradient, when all have passed; returns the sum of the losses."""
    size = choices[table.N_PARAMETERS]
    of_group = at(workspace, choices[table.GROUP_GRADIENTS])
    for i in range(member[team.FIRST], member[team.LAST]):
        total = read(of_group, i)
        for group in range(1, min(chunks, GROUPS)):
            total += read(of_group, group * size + i)
        write(gradient, i, total)
    for place in range(choices[table.LAYERS]):
        rows = at(member, team.ROWS + 2 * place)
        if rows[0] < rows[1]:
            layer = row_of(layers, place)
            finish_gradient(choices, layer, parameters, gradient, rows[0], rows[1])
    losses, value = doubles(choices[table.CHUNK_LOSSES]), 0.0
    for chunk in range(chunks):
        value += losses[chunk]
    return value
