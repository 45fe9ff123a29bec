"""What the calling core can do at best, measured: multiply-adds, and bytes read.

There is no twin in the reference: nothing is computed that a network needs.
"""

from time import perf_counter

import numpy as np
from llvmlite import ir
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .jit import entry
from .microkernel import TILE_ROWS, TILE_VECTORS, lanes

# As many sums as the register tile has: more than any core has multiply-adds under way.
CHAINS = TILE_ROWS * TILE_VECTORS
# For this long the same short run is taken again and again, and the best one counts: others use
# the core, too, and its clock rises.
SECONDS = 0.04
ROUNDS = 50_000
READ_BYTES = 4 * 1024 * 1024


def flops_per_second(dtype_name):
    """Measure the rate of independent multiply-adds on full vectors: 2 FLOPs a lane.

    dtype_name : "float64" or "float32".  Takes 40 ms.
    """
    factor = np.dtype(dtype_name).type(0.5)
    flops = 2 * lanes(factor.itemsize) * CHAINS * ROUNDS
    return flops / _best_seconds(multiply_adds, factor, ROUNDS)


def bytes_per_second(n_bytes):
    """Measure how fast a buffer of so many bytes (at least 8) is read, again and again.

    The figure is that of the cache that the buffer fits into, or of the memory. Takes 40 ms, or
    as long as one reading.
    """
    # Ones: the system maps all pages of zeros to a single one, which stays in the cache.
    numbers = np.ones(n_bytes // 8, np.int64)
    times = max(1, READ_BYTES // numbers.nbytes)
    return times * numbers.nbytes / _best_seconds(read_all, numbers, times)


def target():
    """(triple, processor, features such as "+avx2") that machine code is made for."""
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    return triple, processor, features.split(",")


def _best_seconds(function, *arguments):
    function(*arguments)  # compiles, and warms the caches
    best, end = float("inf"), perf_counter() + SECONDS
    while True:
        began = perf_counter()
        function(*arguments)
        now = perf_counter()
        best = min(best, now - began)
        if now >= end:
            return best


@entry
def read_all(numbers, times):
    """The sum of all numbers, so many times over."""
    total = 0
    for _ in range(times):
        for i in range(numbers.size):
            total += numbers[i]
    return total


@entry
def multiply_adds(factor, rounds):
    """The sum of all lanes of all chains after so many rounds of x = x * factor + 1."""
    return chains(factor, rounds)


@intrinsic
def chains(typing, factor, rounds):
    """See `multiply_adds`; rounds is at least 1."""

    def emit(context, builder, signature, arguments):
        scalar, bits = context.get_value_type(signature.args[0]), signature.args[0].bitwidth
        return _emit_chains(builder, scalar, lanes(bits // 8), *arguments)

    return factor(factor, rounds), emit


def _emit_chains(builder, scalar, width, factor, rounds):
    vector, index = ir.VectorType(scalar, width), ir.IntType(32)
    kind = f"v{width}f{64 if scalar == ir.DoubleType() else 32}"
    # As in the register tile: one instruction where the host has it.
    multiply_add = builder.module.declare_intrinsic(
        f"llvm.fmuladd.{kind}", fnty=ir.FunctionType(vector, [vector] * 3)
    )
    factors = ir.Constant(vector, ir.Undefined)
    for lane in range(width):
        factors = builder.insert_element(factors, factor, index(lane))
    ones = ir.Constant(vector, [1.0] * width)

    before = builder.block
    loop, after = (builder.append_basic_block(f"chains.{name}") for name in ("loop", "after"))
    builder.branch(loop)
    builder.position_at_end(loop)
    left = builder.phi(rounds.type)
    left.add_incoming(rounds, before)
    sums = [builder.phi(vector) for _ in range(CHAINS)]
    results = [builder.call(multiply_add, [x, factors, ones]) for x in sums]
    for place, (x, result) in enumerate(zip(sums, results, strict=True)):
        # Each from a start of its own: equal chains would be merged into one.
        x.add_incoming(ir.Constant(vector, [float(place)] * width), before)
        x.add_incoming(result, loop)
    next_left = builder.sub(left, rounds.type(1))
    left.add_incoming(next_left, loop)
    builder.cbranch(builder.icmp_signed("!=", next_left, rounds.type(0)), loop, after)

    builder.position_at_end(after)
    total = scalar(0.0)
    for result in results:
        for lane in range(width):
            total = builder.fadd(total, builder.extract_element(result, index(lane)))
    return total
