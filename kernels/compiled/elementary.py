"""Exponentials and logarithms without branches or calls, so that loops over them become vectors.

Numba without a vector library calls the C library once per number for these. Each function is
within 4 units in the last place of the true value, over the whole range, in both dtypes; NaN,
infinities and subnormals included.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import by_dtype, helper


@intrinsic
def multiply_add(typing, x, y, z):
    """x * y + z, in one rounding where the host has the instruction."""

    def emit(context, builder, signature, arguments):
        return _emit_multiply_add(builder, *arguments)

    return x(x, x, x), emit


def _emit_multiply_add(builder, x, y, z):
    name = f"llvm.fmuladd.{x.type.intrinsic_name}"
    function = builder.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(x.type, [x.type] * 3)
        function = ir.Function(builder.module, kind, name)
    return builder.call(function, [x, y, z])


@intrinsic
def to_bits(typing, x):
    """The bits of a float, as an integer of its width."""
    integer = types.int64 if x == types.float64 else types.int32

    def emit(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return integer(x), emit


@intrinsic
def from_bits(typing, bits, like):
    """The float of the type of `like` that has these bits (Numba widens narrow integers)."""

    def emit(context, builder, signature, arguments):
        integer = context.get_value_type(types.Integer.from_bitwidth(like.bitwidth, True))
        narrow = builder.trunc(arguments[0], integer)
        return builder.bitcast(narrow, context.get_value_type(like))

    return like(bits, like), emit


@intrinsic
def polynomial(typing, x, coefficients):
    """The polynomial with these coefficients, the highest power's first, by Horner's rule."""

    def emit(context, builder, signature, arguments):
        value, packed = arguments
        terms = cgutils.unpack_tuple(builder, packed)
        result = terms[0]
        for term in terms[1:]:
            result = _emit_multiply_add(builder, result, value, term)
        return result

    return x(x, coefficients), emit


class _Format:
    """What the algorithms need to know of a floating-point format."""

    def __init__(self, real, integer, mantissa_bits):
        info = np.finfo(real)
        self.real, self.integer = real, integer
        self.mantissa_bits = integer(mantissa_bits)
        # Adding 1.5 * 2^mantissa rounds to a whole number and leaves it in the lowest bits:
        # a conversion that every vector unit has.
        self.round = real(1.5 * 2.0**mantissa_bits)
        self.round_bits = self.bits(self.round)
        self.one_bits = self.bits(1.0)
        # log(2) in two parts, the first so short that its multiples by an exponent are exact.
        self.log2_high = real(math.floor(math.log(2) * 2.0**12) / 2.0**12)
        self.log2_low = real((math.log(2) - float(self.log2_high)) + LOG2_REMAINDER)
        self.log2_e = real(math.log2(math.e))
        self.smallest_normal = info.smallest_normal
        # Where exp is 0 and infinity for certain, even times large numbers, and 2^n in two steps
        # still fits.
        self.lowest = real(2 * math.ceil(math.log(info.smallest_normal)))
        self.highest = real(math.ceil(math.log(info.max)) + 1)

    def bits(self, value):
        return self.real(value).view(self.integer)


# What the double nearest to log(2) leaves out.
LOG2_REMAINDER = 2.319046813846299616e-17
_DOUBLE = _Format(np.float64, np.int64, 52)
_SINGLE = _Format(np.float32, np.int32, 23)


def _reduced(form):
    log2_e, round_, round_bits = form.log2_e, form.round, form.round_bits
    minus_high, minus_low = -form.log2_high, -form.log2_low
    lowest, highest, one_bits, mantissa_bits = (
        form.lowest,
        form.highest,
        form.one_bits,
        form.mantissa_bits,
    )
    half = form.integer(1)

    def reduced(x):
        x = lowest if x < lowest else x
        x = highest if x > highest else x
        rounded = multiply_add(x, log2_e, round_)
        n = rounded - round_
        r = multiply_add(n, minus_low, multiply_add(n, minus_high, x))
        # In two steps, because 2^n itself overflows or is subnormal before the result is.
        exponent = to_bits(rounded) - round_bits
        first = exponent >> half
        second = exponent - first
        return (
            r,
            from_bits((first << mantissa_bits) + one_bits, x),
            from_bits((second << mantissa_bits) + one_bits, x),
        )

    return reduced


def _series(form, terms):
    """`terms` is how many make the first one left out less than a quarter of a rounding."""
    coefficients = tuple(form.real(1 / math.factorial(power)) for power in range(terms, 1, -1))

    def series(x):
        return multiply_add(x * x, polynomial(x, coefficients), x)

    return series


def _log(form, terms):
    """k log(2) + log(m), sqrt(1/2) <= m < sqrt(2), with log(m) = 2 artanh(f / (2 + f)), f = m - 1.

    As in W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 5;
    the series is Taylor's.
    """
    real, integer = form.real, form.integer
    zero, half, one, two, infinity = real(0), real(0.5), real(1), real(2), real(np.inf)
    nan, nothing = real(np.nan), integer(0)
    high, low = form.log2_high, form.log2_low
    smallest, lift = form.smallest_normal, real(2.0 ** (int(form.mantissa_bits) + 2))
    lift_exponent = integer(int(form.mantissa_bits) + 2)
    root_half, mantissa_bits = form.bits(math.sqrt(0.5)), form.mantissa_bits
    round_, round_bits = form.round, form.round_bits
    series = tuple(real(2 / (2 * power + 1)) for power in range(terms, 0, -1))

    def log(x):
        is_subnormal = x < smallest
        normal = x * lift if is_subnormal else x
        exponent = (to_bits(normal) - root_half) >> mantissa_bits
        f = from_bits(to_bits(normal) - (exponent << mantissa_bits), x) - one
        exponent -= lift_exponent if is_subnormal else nothing
        k = from_bits(exponent + round_bits, x) - round_
        s = f / (two + f)
        square = s * s
        # 2 s = f - s f, and s f = f^2 / 2 - s f^2 / 2: f itself is exact, the rest is small.
        half_square = half * f * f
        rest = s * multiply_add(square, polynomial(square, series), half_square)
        value = multiply_add(k, high, f - (half_square - multiply_add(k, low, rest)))
        value = value if x < infinity else x
        value = value if x > zero else -infinity
        return value if x >= zero else nan

    return log


def _log1p(form):
    """log(1 + x): the logarithm of the rounded sum, and a correction for what rounding took."""
    one = form.real(1)

    def log1p(x):
        u = one + x
        lost = x - (u - one) if x < one else one - (u - x)
        value, correction = log(u), lost / u
        # Nothing to correct at -1, at infinity, and where there is no logarithm.
        return value + correction if abs(correction) < one else value

    return log1p


# x as r, |r| <= log(2) / 2, and two powers of 2, whose product times exp(r) is exp(x).
reduced = by_dtype("reduced", _reduced(_DOUBLE), _reduced(_SINGLE))
# exp(x) - 1 for such an r, by Taylor's series.
series = by_dtype("series", _series(_DOUBLE, 13), _series(_SINGLE, 7))
log = by_dtype("log", _log(_DOUBLE, 10), _log(_SINGLE, 5))
log1p = by_dtype("log1p", _log1p(_DOUBLE), _log1p(_SINGLE))


@helper
def exp(x):
    r, first, second = reduced(x)
    return (type(x)(1) + series(r)) * first * second


@helper
def exp_parts(x, low):
    """exp(x + low), |low| small, as q and two powers of 2 whose product times 1 + q it is."""
    r, first, second = reduced(x)
    return series(r + low), first, second


@helper
def times_exp(a, parts):
    """a times the exponential in these parts: right even where that is too small for all digits."""
    q, first, second = parts
    return multiply_add(a, q, a) * first * second


@helper
def expm1(x):
    r, first, second = reduced(x)
    q, one, power = series(r), type(x)(1), first * second
    # 2^n overflows before the result does, but long after 1 is nothing to it.
    return multiply_add(q, power, power - one) if x < type(x)(40) else (one + q) * first * second
