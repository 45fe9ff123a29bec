"""A team of threads that runs one function: who does what, the barrier, and the launch.

Each thread has a row of numbers of its own, its `member`, which says what it owns: panels of the
batch while rows pass through the network, and rows of the weights while their gradient is made
and used. Every number is made by one thread, in an order that does not depend on the team.
"""

import ctypes
import functools
import threading

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .jit import helper
from .microkernel import TILE_ROWS
from .pointers import call, integers
from .table import MOST_NUMBERS

# Places of a member.
INDEX = 0
SIZE = 1
BARRIER = 2  # address
YIELD = 3  # address of the system's call that lets another thread run, 0 where there is none
SCRATCH = 4  # of its own, a place in the workspace
NUMBERS = 5  # of the optimizer, for the step at hand: address
FIRST = 6  # of the parameters that it updates, in the flat vector ...
LAST = 7  # ... and the one behind the last
ROWS = 8  # of each layer's weights: the first, and the one behind the last

# The barrier counts who has come and, a line of the cache apart, how often it has opened.
COME, OPENED, BARRIER_SIZE = 0, 8, 16
# Longer than threads on idle cores wait for each other, shorter than a scheduler's slice.
SPINS = 200

_IS_X86 = cpu_target.target_context.codegen().magic_tuple()[0].startswith(("x86", "i686"))


@helper
def wait(member):
    """Until all of the team have come here; what they wrote before can be read after."""
    if member[SIZE] == 1:
        return
    barrier = integers(member[BARRIER])
    round_ = load_shared(barrier, OPENED)
    if add_shared(barrier, COME) == member[SIZE] - 1:
        barrier[COME] = 0
        store_shared(barrier, OPENED, round_ + 1)
        return
    spins = 0
    while load_shared(barrier, OPENED) == round_:
        pause()
        spins += 1
        # The one that is waited for may have lost its core.
        if spins > SPINS and member[YIELD]:
            call(member[YIELD])


@helper
def share(member, count):
    """Which of `count` things belong to this thread: the first, and the one behind the last."""
    index, size = member[INDEX], member[SIZE]
    if size == 1:
        return 0, count
    return index * count // size, (index + 1) * count // size


@intrinsic
def load_shared(typing, pointer, place):
    """A number that another thread may have written, with all that it wrote before."""

    def emit(context, builder, signature, arguments):
        at = _address(context, builder, signature, arguments)
        return builder.load_atomic(at, "acquire", 8, typ=ir.IntType(64))

    return types.int64(pointer, place), emit


@intrinsic
def store_shared(typing, pointer, place, value):
    """Write a number for other threads, behind all that was written before."""

    def emit(context, builder, signature, arguments):
        at = _address(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], at, "release", 8)
        return context.get_dummy_value()

    return types.void(pointer, place, types.int64), emit


@intrinsic
def add_shared(typing, pointer, place):
    """Add 1 to a number that other threads add to as well; returns what it was."""

    def emit(context, builder, signature, arguments):
        at = _address(context, builder, signature, arguments)
        return builder.atomic_rmw("add", at, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(pointer, place), emit


def _address(context, builder, signature, arguments):
    place = context.cast(builder, arguments[1], signature.args[1], types.intp)
    return builder.gep(arguments[0], [place], source_etype=ir.IntType(64))


@intrinsic
def pause(typing):
    """Leave the core to its other thread for a moment; nothing where there is no such hint."""

    def emit(context, builder, signature, arguments):
        if _IS_X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            name = "llvm.x86.sse2.pause"
            function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
            builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), emit


class Team:
    """The members of a team for a network, and what they share.

    layers : of the plan.  scratch : the place of the first member's, and the size of each.
    apart : whether a layer is updated before the next gradient, so that each layer is shared out
        and not all of them together.
    """

    def __init__(self, size, layers, scratch, apart):
        self._barrier = np.zeros(BARRIER_SIZE, np.int64)
        self.numbers = np.zeros((size, 2 * MOST_NUMBERS))
        self.members = np.zeros((size, ROWS + 2 * len(layers)), np.int64)
        spans = [[layer] for layer in layers] if apart else [layers]
        for index, member in enumerate(self.members):
            rows = [pair for span in spans for pair in rows_of(span, index, size)]
            owned = [
                layer.start + row * layer.n_out
                for layer, (first, end) in zip(layers, rows, strict=True)
                if first < end
                for row in (first, end)
            ] or [0]
            member[:ROWS] = (
                index,
                size,
                self._barrier.ctypes.data,
                _yield_address(),
                scratch[0] + index * scratch[1],
                self.numbers.ctypes.data + index * self.numbers.strides[0],
                owned[0],
                owned[-1],
            )
            member[ROWS:] = [row for pair in rows for row in pair]

    def run(self, function):
        """Call function(member) for each member, each in a thread; returns what the first got.

        Where the system gives no threads RuntimeError is raised, and nothing was called.
        """
        if len(self.members) == 1:
            return function(self.members[0])
        gate, is_open = threading.Lock(), []

        def follow(member):
            with gate:
                pass
            if is_open:
                function(member)

        threads = []
        with gate:
            for member in self.members[1:]:
                thread = threading.Thread(target=follow, args=(member,), daemon=True)
                thread.start()
                threads.append(thread)
            is_open.append(True)
        result = function(self.members[0])
        for thread in threads:
            thread.join()
        return result


def rows_of(layers, index, size):
    """The rows of the weights of each layer that a member owns, as (first, behind the last).

    Layers together are one vector of parameters, which is cut into equal parts, at the nearest
    whole tile.
    """
    if size == 1:
        return [[0, layer.n_in + 1] for layer in layers]
    start, end = layers[0].start, layers[-1].span.stop
    cuts = [start + (end - start) * i // size for i in (index, index + 1)]
    return [[_row_at(layer, cut) for cut in cuts] for layer in layers]


def _row_at(layer, place):
    if place >= layer.span.stop:
        return layer.n_in + 1
    tile = round((place - layer.start) / (layer.n_out * TILE_ROWS))
    return min(max(tile * TILE_ROWS, 0), layer.n_in + 1)


@functools.cache
def _yield_address():
    """Where the system has such a call: sched_yield on Unix, SwitchToThread on Windows."""
    for library, name in ((None, "sched_yield"), ("kernel32", "SwitchToThread")):
        try:
            function = getattr(ctypes.CDLL(library), name)
        except (AttributeError, OSError, TypeError):
            continue
        return ctypes.cast(function, ctypes.c_void_p).value
    return 0
