"""Numbers too small for all their digits, which processors take a hundred times as long for.

A network that has learned its rows by heart makes many: the softmax of a class that is out of
the question, the squares of such gradients. Training counts them as 0, as others do; what is called
for one array, a prediction, a loss or a gradient, does not.
"""

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

_TRIPLE = cpu_target.target_context.codegen().magic_tuple()[0]
_WORD = ir.IntType(32)
_LONG = ir.IntType(64)


class _X86:
    """The register MXCSR: denormals are zeros, flush to zero."""

    BITS = 0x8040

    @staticmethod
    def read(builder):
        place = builder.alloca(_WORD)
        _call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [place])
        return builder.zext(builder.load(place, typ=_WORD), _LONG)

    @staticmethod
    def write(builder, mode):
        place = builder.alloca(_WORD)
        builder.store(builder.trunc(mode, _WORD), place)
        _call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [place])


class _Arm:
    """The register FPCR: flush to zero, of operands and results."""

    BITS = 1 << 24

    @staticmethod
    def read(builder):
        return _call(builder, "llvm.aarch64.get.fpcr", _LONG, [])

    @staticmethod
    def write(builder, mode):
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), [mode])


class _Other:
    """Where it is not known how: they are computed with, slowly."""

    BITS = 0

    @staticmethod
    def read(builder):
        return _LONG(0)

    @staticmethod
    def write(builder, mode):
        pass


def _call(builder, name, result, arguments):
    function = builder.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


_IS_X86 = _TRIPLE.startswith(("x86_64", "i686"))
_MODE = _X86 if _IS_X86 else _Arm if _TRIPLE.startswith(("aarch64", "arm64")) else _Other


@intrinsic
def without_subnormals(typing):
    """Count them as 0 in this thread from now on; returns the mode that was before."""

    def emit(context, builder, signature, arguments):
        before = _MODE.read(builder)
        _MODE.write(builder, builder.or_(before, _LONG(_MODE.BITS)))
        return before

    return types.int64(), emit


@intrinsic
def restore_mode(typing, mode):
    def emit(context, builder, signature, arguments):
        _MODE.write(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), emit
