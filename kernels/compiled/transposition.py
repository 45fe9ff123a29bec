"""Square blocks of numbers, as wide as a vector register, turned in the registers."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .microkernel import lanes


@intrinsic
def transpose_block(typing, source, stride, rows, out, out_stride):
    """out[j * out_stride + i] = source[i * stride + j] for i, j < the lanes of a vector.

    source, out : pointers to the first element; strides in elements.
    rows : how many rows of the source there are, at least 1; the last stands for what is not.
    The vectors of `out` are written in their order, the ends of two may overlap.
    """
    signature = types.void(source, types.intp, types.intp, out, types.intp)

    def emit(context, builder, signature, arguments):
        source, stride, count, out, out_stride = arguments
        size = stride.type
        block = _Block(context, builder, signature.args[0].dtype)
        last = builder.sub(count, size(1))
        rows = []
        for i in range(block.lanes):
            is_there = builder.icmp_signed("<", size(i), count)
            rows.append(builder.mul(builder.select(is_there, size(i), last), stride))
        block.emit(source, rows, out, out_stride)

    return signature, emit


@intrinsic
def gather_block(typing, source, stride, order, out, out_stride):
    """As `transpose_block` from rows in any order: order[i] of them is row i.

    order : pointer to int64.
    """
    signature = types.void(source, types.intp, order, out, types.intp)

    def emit(context, builder, signature, arguments):
        source, stride, order, out, out_stride = arguments
        size = stride.type
        block = _Block(context, builder, signature.args[0].dtype)
        places = [builder.gep(order, [size(i)], source_etype=size) for i in range(block.lanes)]
        rows = [builder.mul(builder.load(at, typ=size), stride) for at in places]
        block.emit(source, rows, out, out_stride)

    return signature, emit


class _Block:
    def __init__(self, context, builder, dtype):
        self.builder, self.scalar = builder, context.get_data_type(dtype)
        self.itemsize = dtype.bitwidth // 8
        self.lanes = lanes(self.itemsize)
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def emit(self, source, rows, out, out_stride):
        builder = self.builder
        read = [
            builder.load(self._at(source, row), align=self.itemsize, typ=self.vector)
            for row in rows
        ]
        for row, vector in enumerate(self._turned(read)):
            at = self._at(out, builder.mul(out_stride.type(row), out_stride))
            at = builder.bitcast(at, self.vector.as_pointer())
            builder.store(vector, at, align=self.itemsize)

    def _turned(self, rows):
        """Swap ever smaller squares off the diagonal: log2(lanes) rounds of shuffles."""
        rows, n = list(rows), self.lanes
        distance = n // 2
        while distance:
            for i in range(n):
                if not i & distance:
                    upper, lower = rows[i], rows[i + distance]
                    rows[i] = self._shuffle(
                        upper, lower, [n + j - distance if j & distance else j for j in range(n)]
                    )
                    rows[i + distance] = self._shuffle(
                        upper, lower, [n + j if j & distance else j + distance for j in range(n)]
                    )
            distance //= 2
        return rows

    def _shuffle(self, x, y, places):
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), places)
        return self.builder.shuffle_vector(x, y, mask)

    def _at(self, pointer, count):
        return self.builder.gep(pointer, [count], source_etype=self.scalar)
