"""The register tile, and how wide vector registers are.

``C[m, n] (+)= A[m, k] @ B[k, n]`` for m up to ``TILE_ROWS`` and n up to two vectors. The tile
of C lives in registers while k runs; every element is one chain of fused multiply-adds over
k in order, so its bits do not depend on the tile that it was computed in.
"""

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .jit import helper

_FEATURES = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
_IS_ARM = cpu_target.target_context.codegen().magic_tuple()[0].startswith(("aarch64", "arm64"))

VECTOR_BYTES = 64 if "+avx512f" in _FEATURES else 32 if "+avx" in _FEATURES else 16
# A tile of 12 x 2 vectors wants 24 accumulators, 2 of B and 1 of A: 32 registers.
TILE_ROWS = 12 if "+avx512f" in _FEATURES or _IS_ARM else 6
TILE_VECTORS = 2
# What is left at an edge is done in as few heights as that takes, not in one of each.
_HEIGHTS = (TILE_ROWS, *(height for height in (8, 4, 2, 1) if height < TILE_ROWS))
_HIGHEST_POWER = _HEIGHTS[1]


def lanes(itemsize):
    """How many numbers of `itemsize` bytes one vector register holds."""
    return VECTOR_BYTES // itemsize


@helper
def tile_height(rows):
    """How many of `rows` rows the next tile takes."""
    if rows >= TILE_ROWS:
        return TILE_ROWS
    height = _HIGHEST_POWER
    while height > rows:
        height //= 2
    return height


@intrinsic
def vector_lanes(typing, pointer):
    """How many of the numbers that the pointer or array is of one vector register holds."""

    def emit(context, builder, signature, arguments):
        return ir.Constant(ir.IntType(64), lanes(signature.args[0].dtype.bitwidth // 8))

    return types.int64(pointer), emit


@intrinsic
def multiply_tile(
    typing, a, a_row, a_column, run, a_run, b, b_row, c, c_row, m, n, k, accumulate, rectify
):
    """Multiply into one tile of C.

    a, b, c : pointers to the first elements; strides and sizes in elements.
    a_row, a_column : strides of A along m and along k.
    run, a_run : A goes on elsewhere after each `run` columns, which begin `a_run` apart.
    b_row, c_row : strides of B along k and of C along m; both are contiguous along n.
    m, n, k : m is a `tile_height`, 1 <= n <= TILE_VECTORS vectors. B is read in whole
        vectors, C is read and written only where it is named.
    accumulate : add to C when not 0, overwrite it otherwise.
    rectify : write 0 for what is not above 0, but for NaN, when not 0.
    """
    size = types.intp
    signature = types.void(a, *4 * (size,), b, size, c, *6 * (size,))
    return signature, _emit_tile


def _emit_tile(context, builder, signature, arguments):
    scalar = context.get_data_type(signature.args[0].dtype)
    _Tile(builder, scalar, signature.args[0].dtype.bitwidth // 8, arguments).emit()


class _Tile:
    def __init__(self, builder, scalar, itemsize, arguments):
        self.a, self.a_row, self.a_column, self.run, self.a_run = arguments[:5]
        self.b, self.b_row, self.c, self.c_row = arguments[5:9]
        self.m, self.n, self.k, self.accumulate, self.rectify = arguments[9:]
        self.builder, self.scalar, self.itemsize = builder, scalar, itemsize
        self.lanes = lanes(itemsize)
        self.vector = ir.VectorType(scalar, self.lanes)
        self.size = self.n.type

    def emit(self):
        builder = self.builder
        done = builder.append_basic_block("tile.done")
        is_narrow = builder.icmp_signed("<=", self.n, self.size(self.lanes))
        with builder.if_else(is_narrow) as (narrow, wide):
            for vectors, branch in ((1, narrow), (2, wide)):
                with branch:
                    self._emit_rows(vectors, done)
        builder.unreachable()
        builder.position_at_end(done)

    def _emit_rows(self, vectors, done):
        builder = self.builder
        masks = self._masks(vectors)
        is_full = builder.icmp_signed("==", self.n, self.size(vectors * self.lanes))
        origin = builder.block
        blocks = [builder.append_basic_block(f"tile.{m}x{vectors}") for m in _HEIGHTS]
        for m, block in zip(_HEIGHTS, blocks, strict=True):
            builder.position_at_end(block)
            self._emit_product(m, vectors, masks, is_full)
            builder.branch(done)
        builder.position_at_end(origin)
        choice = builder.switch(self.m, blocks[0])
        for m, block in zip(_HEIGHTS[1:], blocks[1:], strict=True):
            choice.add_case(self.size(m), block)
        # The builder wants a block to go on in; control never comes here.
        builder.position_at_end(builder.append_basic_block("tile.never"))

    def _emit_product(self, m, vectors, masks, is_full):
        builder = self.builder
        zero = [ir.Constant(self.vector, None)] * (m * vectors)
        start = self._read_c(m, vectors, masks, is_full, zero)

        before = builder.block
        runs = builder.append_basic_block("tile.run")
        after = builder.append_basic_block("tile.store")
        builder.cbranch(builder.icmp_signed(">", self.k, self.size(0)), runs, after)

        builder.position_at_end(runs)
        a = self._phi(self.a.type, [(self.a, before)])
        b = self._phi(self.b.type, [(self.b, before)])
        left = self._phi(self.size, [(self.k, before)])
        sums = [self._phi(self.vector, [(value, before)]) for value in start]
        is_last = builder.icmp_signed("<=", left, self.run)
        count = builder.select(is_last, left, self.run)
        next_b, results = self._emit_run(vectors, count, a, b, sums)
        end = builder.block
        a.add_incoming(self._at(a, self.a_run), end)
        b.add_incoming(next_b, end)
        left.add_incoming(builder.sub(left, count), end)
        for value, result in zip(sums, results, strict=True):
            value.add_incoming(result, end)
        builder.cbranch(is_last, after, runs)

        builder.position_at_end(after)
        final = [
            self._phi(self.vector, [(s, before), (r, end)])
            for s, r in zip(start, results, strict=True)
        ]
        self._write_c(m, vectors, masks, is_full, self._rectified(final))

    def _emit_run(self, vectors, count, first_a, first_b, first_sums):
        """`count` steps of k, at least one; returns (where B goes on, sums)."""
        builder = self.builder
        before = builder.block
        loop = builder.append_basic_block("tile.k")
        after = builder.append_basic_block("tile.end")
        builder.branch(loop)

        builder.position_at_end(loop)
        left = self._phi(self.size, [(count, before)])
        a = self._phi(first_a.type, [(first_a, before)])
        b = self._phi(first_b.type, [(first_b, before)])
        sums = [self._phi(self.vector, [(value, before)]) for value in first_sums]
        b_vectors = [self._load(self._at(b, self.size(v * self.lanes))) for v in range(vectors)]
        results = []
        for row in range(len(sums) // vectors):
            at = self._at(a, builder.mul(self.size(row), self.a_row))
            factor = self._splat(builder.load(at, typ=self.scalar))
            for v in range(vectors):
                results.append(self._multiply_add(factor, b_vectors[v], sums[row * vectors + v]))
        a.add_incoming(self._at(a, self.a_column), loop)
        next_b, next_left = self._at(b, self.b_row), builder.sub(left, self.size(1))
        b.add_incoming(next_b, loop)
        left.add_incoming(next_left, loop)
        for value, result in zip(sums, results, strict=True):
            value.add_incoming(result, loop)
        builder.cbranch(builder.icmp_signed("!=", next_left, self.size(0)), loop, after)
        builder.position_at_end(after)
        return next_b, results

    def _read_c(self, m, vectors, masks, is_full, zero):
        builder = self.builder
        from_zero = builder.block
        full, masked, ready = (builder.append_basic_block(f"tile.c{i}") for i in range(3))
        adds = builder.icmp_signed("!=", self.accumulate, self.size(0))
        choose = builder.append_basic_block("tile.c")
        builder.cbranch(adds, choose, ready)
        builder.position_at_end(choose)
        builder.cbranch(is_full, full, masked)

        builder.position_at_end(full)
        plain = [self._load(self._c_at(row, v)) for row in range(m) for v in range(vectors)]
        builder.branch(ready)
        builder.position_at_end(masked)
        load = self._intrinsic(
            "masked.load",
            self.vector,
            [ir.PointerType(), ir.IntType(32), masks[0].type, self.vector],
        )
        align = ir.IntType(32)(self.itemsize)
        some = [
            builder.call(load, [self._c_at(row, v), align, masks[v], zero[0]])
            for row in range(m)
            for v in range(vectors)
        ]
        builder.branch(ready)
        builder.position_at_end(ready)
        return [
            self._phi(self.vector, [(z, from_zero), (p, full), (s, masked)])
            for z, p, s in zip(zero, plain, some, strict=True)
        ]

    def _rectified(self, values):
        builder, zero = self.builder, ir.Constant(self.vector, None)
        before = builder.block
        rectify = builder.append_basic_block("tile.relu")
        after = builder.append_basic_block("tile.write")
        builder.cbranch(builder.icmp_signed("!=", self.rectify, self.size(0)), rectify, after)

        builder.position_at_end(rectify)
        positive = [
            builder.select(builder.fcmp_ordered("<=", value, zero), zero, value) for value in values
        ]
        builder.branch(after)
        builder.position_at_end(after)
        return [
            self._phi(self.vector, [(value, before), (above, rectify)])
            for value, above in zip(values, positive, strict=True)
        ]

    def _write_c(self, m, vectors, masks, is_full, final):
        builder = self.builder
        store = self._intrinsic(
            "masked.store",
            ir.VoidType(),
            [self.vector, ir.PointerType(), ir.IntType(32), masks[0].type],
        )
        align = ir.IntType(32)(self.itemsize)
        places = [(row, v) for row in range(m) for v in range(vectors)]
        with builder.if_else(is_full) as (full, masked):
            with full:
                for value, place in zip(final, places, strict=True):
                    at = builder.bitcast(self._c_at(*place), self.vector.as_pointer())
                    builder.store(value, at, align=self.itemsize)
            with masked:
                for value, (row, v) in zip(final, places, strict=True):
                    builder.call(store, [value, self._c_at(row, v), align, masks[v]])

    def _masks(self, vectors):
        count = ir.VectorType(ir.IntType(32), self.lanes)
        n = self._splat(self.builder.trunc(self.n, ir.IntType(32)))
        return [
            self.builder.icmp_signed(
                "<", ir.Constant(count, list(range(v * self.lanes, (v + 1) * self.lanes))), n
            )
            for v in range(vectors)
        ]

    def _c_at(self, row, v):
        at = self._at(self.c, self.builder.mul(self.size(row), self.c_row))
        return self._at(at, self.size(v * self.lanes))

    def _at(self, pointer, count):
        return self.builder.gep(pointer, [count], source_etype=self.scalar)

    def _load(self, pointer):
        return self.builder.load(pointer, align=self.itemsize, typ=self.vector)

    def _phi(self, kind, incoming):
        phi = self.builder.phi(kind)
        for value, block in incoming:
            phi.add_incoming(value, block)
        return phi

    def _splat(self, value):
        vector = ir.VectorType(value.type, self.lanes)
        index = ir.IntType(32)
        first = self.builder.insert_element(ir.Constant(vector, ir.Undefined), value, index(0))
        zeros = ir.Constant(ir.VectorType(index, self.lanes), None)
        return self.builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)

    def _multiply_add(self, x, y, z):
        # fmuladd is one instruction where the host has it, and a product and a sum elsewhere;
        # llvm.fma would be a call into the C library there.
        function = self._intrinsic("fmuladd", self.vector, [self.vector] * 3)
        return self.builder.call(function, [x, y, z])

    def _intrinsic(self, name, result, arguments):
        kind = f"v{self.lanes}f{8 * self.itemsize}"
        suffix = f"{kind}.p0" if name.startswith("masked") else kind
        function = ir.FunctionType(result, arguments)
        module = self.builder.module
        full_name = f"llvm.{name}.{suffix}"
        existing = module.globals.get(full_name)
        return existing or ir.Function(module, function, full_name)
