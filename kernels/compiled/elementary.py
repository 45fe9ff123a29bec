"""Exponentials, logarithms and roots without branches or calls, so that loops become vectors.

Numba without a vector library calls the C library once per number for these. Each function is
within 4 units in the last place of the true value, over its whole range, in both dtypes; NaN,
infinities and subnormals included. A test holds the tables of coefficients, which make the
largest error small, against the functions.
"""

import math

import numpy as np
from numba.core.registry import cpu_target

from .formulas import (
    bits,
    choose,
    formula,
    from_bits,
    multiply_add,
    polynomial,
    square_root,
)

# Where a vector has 512 bits a host's multiplications are twice as many, not its square roots.
ROOT_BY_MULTIPLICATION = "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2]

# (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2, the highest power's coefficient first.
EXP_DOUBLE = (
    2.505430824122076e-08,
    2.762517945289658e-07,
    2.7557404236935433e-06,
    2.4801507833261657e-05,
    0.00019841269725043775,
    0.0013888888928945359,
    0.008333333333385373,
    0.04166666666658724,
    0.166666666666666,
    0.5000000000000004,
)
EXP_SINGLE = (0.0013885082, 0.008366431, 0.041667152, 0.16666545, 0.49999997)
# (2 artanh(s) - 2 s) / s^3 in s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1).
LOG_DOUBLE = (
    0.1471452271395268,
    0.15322551246219843,
    0.1818321599987567,
    0.22222205629396727,
    0.28571428669645393,
    0.39999999999762414,
    0.6666666666666679,
)
LOG_SINGLE = (0.29773834, 0.3998179, 0.66666734)
# 1 / sqrt(1 - e), for |e| <= 0.0685.
ROOT_DOUBLE = (
    0.24759547922657665,
    0.2750234652180422,
    0.3124970195501329,
    0.3749972212811286,
    0.5000000014055171,
    1.0000000007206915,
)
ROOT_SINGLE = (0.37612292973586187, 0.5010965304943245, 0.9999994878186372)
# What the double nearest to log(2) leaves out.
LOG2_REMAINDER = 2.319046813846299616e-17


class _Format:
    """What the algorithms need to know of a floating-point format."""

    def __init__(self, real, integer, root_guess, exp, log, root):
        info = np.finfo(real)
        self.mantissa_bits = info.nmant
        # Adding 1.5 * 2^mantissa rounds to a whole number and leaves it in the lowest bits:
        # a conversion that every vector unit has. With the bias it is the exponent of a float.
        self.round = 1.5 * 2.0**info.nmant
        self.round_biased = self.round + info.maxexp - 1
        self.round_bits, self.one_bits, self.root_half_bits = (
            int(real(value).view(integer)) for value in (self.round, 1, math.sqrt(0.5))
        )
        self.mantissa_mask = 2**info.nmant - 1
        # log(2) in two parts, the first so short that its multiples by an exponent are exact.
        self.log2_high = math.floor(math.log(2) * 2.0**12) / 2.0**12
        self.log2_low = (math.log(2) - self.log2_high) + LOG2_REMAINDER
        self.smallest_normal = float(info.smallest_normal)
        # exp is subnormal below `deep`, the same times 2^lift is not above `lowest`; there exp is
        # 0, even times a thousand. Above `highest` it is infinite.
        self.deep = math.ceil(math.log(info.smallest_normal))
        self.lift = 2 ** (info.nexp - 2)
        self.lowest = 1.5 * math.log(info.smallest_normal)
        self.highest = math.ceil(math.log(info.max)) + 1
        # exp(x) - 1 is -1 there.
        self.flat = math.floor(math.log(info.eps)) - 2
        self.root_guess, self.exp, self.log, self.root = root_guess, exp, log, root


_FORMATS = {
    64: _Format(np.float64, np.int64, 0x5FE6E95CC7B537A9, EXP_DOUBLE, LOG_DOUBLE, ROOT_DOUBLE),
    32: _Format(np.float32, np.int32, 0x5F374A3F, EXP_SINGLE, LOG_SINGLE, ROOT_SINGLE),
}


def format_of(x):
    return _FORMATS[x.kind[1]]


# ------------------------------------------------------------------------- exponentials


def reduced(x):
    """(r, n + round_biased): x = r + n log(2), |r| <= log(2) / 2."""
    form = format_of(x)
    rounded = multiply_add(x, math.log2(math.e), form.round_biased)
    n = rounded - form.round_biased
    return multiply_add(n, -form.log2_low, multiply_add(n, -form.log2_high, x)), rounded


def series(r):
    """exp(r) - 1, with a relative error of a tenth of a rounding."""
    return multiply_add(r * r, polynomial(r, format_of(r).exp), r)


def power_of_two(rounded):
    """2^n, a normal number, for an n as `reduced` gives it."""
    return from_bits(bits(rounded) << format_of(rounded).mantissa_bits, rounded)


def exp_parts(x, low=None):
    """exp(x + low), x <= 0 and |low| small, in parts for `times_exp` and `lifted_exp`."""
    form = format_of(x)
    x = choose(x < form.lowest, form.lowest, x)
    r, rounded = reduced(x)
    is_deep = x < form.deep
    power = power_of_two(choose(is_deep, rounded + form.lift, rounded))
    return series(r if low is None else r + low), power, is_deep


def lifted_exp(parts):
    """The exponential in these parts, but times 2^lift if `is_deep`: still nothing beside 1."""
    q, power, _ = parts
    return (1 + q) * power


def lifted_expm1(parts):
    """`lifted_exp` less 1."""
    q, power, _ = parts
    return multiply_add(q, power, power - 1)


def lowered(value, parts):
    """A multiple of `lifted_exp` as that of the exponential: rounded once if it is subnormal."""
    return choose(parts[2], value * 2.0 ** -format_of(value).lift, value)


def times_exp(a, parts):
    """a times the exponential in these parts."""
    q, power, _ = parts
    return lowered(multiply_add(a, q, a) * power, parts)


@formula
def exp_up_to_0(x):
    """exp(x), x <= 0."""
    parts = exp_parts(x)
    return lowered(lifted_exp(parts), parts)


@formula
def exp(x):
    form = format_of(x)
    x = choose(x < form.lowest, form.lowest, x)
    x = choose(x > form.highest, form.highest, x)
    r, rounded = reduced(x)
    # In two steps, because 2^n itself overflows or is subnormal before the result is.
    lift = choose(x < form.deep, x.of(form.lift), choose(x > form.lift / 2, x.of(-form.lift), 0))
    down = power_of_two(form.round_biased - lift)
    return (1 + series(r)) * power_of_two(rounded + lift) * down


@formula
def expm1_up_to_0(x):
    """exp(x) - 1, x <= 0."""
    flat = format_of(x).flat
    r, rounded = reduced(choose(x < flat, flat, x))
    power = power_of_two(rounded)
    return multiply_add(series(r), power, power - 1)


# ------------------------------------------------------------------------- logarithms


def log_near_1(f, k):
    """log(1 + f) + k log(2), sqrt(1/2) <= 1 + f < sqrt(2).

    log(1 + f) = 2 artanh(s), s = f / (2 + f), as in W. J. Cody and W. Waite, Software Manual for
    the Elementary Functions, 1980, chapter 5.
    """
    form = format_of(f)
    s = f / (2 + f)
    square = s * s
    # 2 s = f - s f, and s f = f^2 / 2 - s f^2 / 2: f itself is exact, the rest is small.
    half_square = 0.5 * f * f
    rest = s * multiply_add(square, polynomial(square, form.log), half_square)
    small = half_square - multiply_add(k, form.log2_low, rest)
    return multiply_add(k, form.log2_high, f - small)


@formula
def log(x):
    form = format_of(x)
    is_subnormal = x < form.smallest_normal
    lifted_by = form.mantissa_bits + 2
    normal = choose(is_subnormal, x * 2.0**lifted_by, x)
    # The exponent of sqrt(2) x, with its bias, and what is left of x, from sqrt(1/2) on.
    shifted = bits(normal) + (form.one_bits - form.root_half_bits)
    exponent = shifted >> form.mantissa_bits
    f = from_bits((shifted & form.mantissa_mask) + form.root_half_bits, x) - 1
    k = from_bits(exponent + form.round_bits, x) - form.round_biased
    value = log_near_1(f, choose(is_subnormal, k - lifted_by, k))
    value = choose(x < math.inf, value, x)
    value = choose(x > 0, value, -math.inf)
    return choose(x >= 0, value, math.nan)


@formula
def log1p_up_to_1(x):
    """log(1 + x), 0 <= x <= 1."""
    is_large = x > math.sqrt(2) - 1
    f = choose(is_large, 0.5 * x - 0.5, x)
    return log_near_1(f, choose(is_large, x.of(1), 0))


# ------------------------------------------------------------------------- roots


@formula
def root(x):
    """sqrt(x), x >= 0."""
    if not ROOT_BY_MULTIPLICATION:
        return square_root(x)
    form = format_of(x)
    # Such numbers have no exponent to halve, or lose the digits of what is left of them.
    is_small = x < 2.0 ** (-1.5 * form.lift)
    lifted = choose(is_small, x * 2.0**form.lift, x)
    guess = from_bits(form.root_guess - (bits(lifted) >> 1), x)
    value = lifted * guess
    factor = polynomial(multiply_add(-value, guess, 1), form.root)
    value, half_inverse = value * factor, 0.5 * guess * factor
    # One step of Newton's.
    value = multiply_add(multiply_add(-value, value, lifted), half_inverse, value)
    value = choose(is_small, value * 2.0 ** (-form.lift / 2), value)
    return choose(x < math.inf, value, x)
