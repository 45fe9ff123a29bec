"""Activations, and what they do to a gradient that passes back through them.

Elementwise kernels, on flat arrays, are written as what becomes of one number of each; `softmax`
as what is done with one row of a panel, (features, width), beside which `out`, or `a`, has a row
more. Kernels with the slope make two numbers, for z and for out. Definitions and their sources
stand in the reference; here one exponential, of -x = -|z|, serves both signs. Both sides of a
choice are computed before it; a NaN is neither below nor above, and must end in an expression that
has it.
"""

import math

from .elementary import (
    exp_parts,
    exp_up_to_0,
    expm1_up_to_0,
    lifted_exp,
    lifted_expm1,
    log1p_up_to_1,
    lowered,
    times_exp,
)
from .formulas import choose, larger, multiply_add, polynomial, smaller, with_sign
from .normal import scaled_slope, scaled_tail
from .twofold import constant, cubic, product
from .vectors import elementwise, rowwise
from .zeros import NEAR, near_gelu_tanh, near_mish, near_silu

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
# 2 sqrt(2 / pi), and 0.044715 and 0.134145 times that.
GELU_LINEAR = constant("1.59576912160573071175978423973752747390343452")
GELU_CUBIC = constant("0.0713548162726002487763387522798635409955920748")
GELU_SLOPE = constant("0.214064448817800746329016256839590622986776224")


@elementwise
def identity(z, out):
    return z


@elementwise
def identity_backward(z, a, delta):
    return delta


@elementwise
def relu(z, out):
    # Written so that a NaN stays one.
    return choose(z <= 0, 0, z)


@elementwise
def relu_backward(z, a, delta):
    return delta * step(z, 0)


@elementwise
def leaky_relu(z, out):
    return choose(z > 0, z, LEAKY_SLOPE * z)


@elementwise
def leaky_relu_backward(z, a, delta):
    return delta * step(z, LEAKY_SLOPE)


@elementwise
def elu(z, out):
    return choose(z > 0, z, expm1_up_to_0(smaller(z, 0)))


@elementwise
def elu_backward(z, a, delta):
    return delta * exp_up_to_0(smaller(z, 0))


@elementwise
def selu(z, out):
    below = SELU_SCALE * SELU_ALPHA * expm1_up_to_0(smaller(z, 0))
    return choose(z > 0, SELU_SCALE * z, below)


@elementwise
def selu_backward(z, a, delta):
    below = SELU_SCALE * SELU_ALPHA * exp_up_to_0(smaller(z, 0))
    return delta * choose(z > 0, SELU_SCALE, below)


def logistic(x):
    """1 / (1 + exp(-x)), with exp(-|x|) so that nothing overflows."""
    e = exp_up_to_0(-abs(x))
    return choose(x >= 0, 1, e) / (1 + e)


@elementwise
def sigmoid(z, out):
    return logistic(z)


@elementwise
def sigmoid_backward(z, a, delta):
    parts = exp_parts(-abs(z))
    e = lifted_exp(parts)
    return delta * lowered(e / square(1 + e), parts)


@elementwise
def tanh(z, out):
    t = expm1_up_to_0(-2 * abs(z))
    return with_sign(t / (2 + t), z)


@elementwise
def tanh_backward(z, a, delta):
    parts = exp_parts(-2 * abs(z))
    e = lifted_exp(parts)
    return delta * lowered(e / square(multiply_add(0.5, e, 0.5)), parts)


@elementwise
def sigmoid_with_slope(z, out):
    parts = exp_parts(-abs(z))
    e = lifted_exp(parts)
    share = 1 / (1 + e)
    slope = lowered(bell(e, share), parts)
    return slope, choose(z >= 0, share, lowered(e * share, parts))


@elementwise
def tanh_with_slope(z, out):
    parts = exp_parts(-2 * abs(z))
    e = lifted_exp(parts)
    share = 1 / (1 + e)
    slope = lowered(4 * bell(e, share), parts)
    return slope, with_sign(lifted_expm1(parts) * share, z)


@elementwise
def slope_backward(slope, a, delta):
    return delta * slope


@elementwise
def softplus(z, out):
    return larger(z, z.of(0)) + log1p_up_to_1(exp_up_to_0(-abs(z)))


@elementwise
def softplus_backward(z, a, delta):
    return delta * logistic(z)


@elementwise
def silu(z, out):
    parts = exp_parts(-abs(z))
    value = bounded(z) / (1 + lifted_exp(parts))
    return choose(z < 0, times_exp(value, parts), value)


@elementwise
def silu_backward(z, a, delta):
    x = size(z)
    parts = exp_parts(-x)
    e = lifted_exp(parts)
    slope = choose(z < 0, (1 - x) + e, 1 + multiply_add(x, e, e)) / square(1 + e)
    return delta * choose(z < 0, near_zero(near_silu(-x), times_exp(slope, parts)), slope)


@elementwise
def mish(z, out):
    x = size(z)
    parts = exp_parts(-x)
    e = lifted_exp(parts)
    # From 1 to tanh(log(1 + exp(z))), and that over exp(-x) for z < 0.
    small = choose(z < 0, e * (1 + e), 2 * e * e)
    factor = 1 - small / (choose(z < 0, 2 + e, 1 + 2 * e) + small)
    return choose(z < 0, times_exp(-x * factor, parts), z * factor)


@elementwise
def mish_backward(z, a, delta):
    x = size(z)
    parts = exp_parts(-x)
    e = lifted_exp(parts)
    below = polynomial(e, (1, 4, 6 - 4 * x, 4 * (1 - x)))
    above = polynomial(e, (-4, 4 * x - 4, 4 * x - 2)) * (e * e)
    low, high = polynomial(e, (1, 4, 8, 8, 4)), polynomial(e, (4, 8, 8, 4, 1))
    slope = choose(z < 0, below, above) / choose(z < 0, low, high)
    below = near_zero(near_mish(-x), times_exp(slope, parts))
    return delta * choose(z < 0, below, 1 + slope)


@elementwise
def gelu(z, out):
    x = size(z)
    x_square, low = product(x, x)
    tail, missing = scaled_tail(x)
    tail = times_exp(tail, exp_parts(-0.5 * x_square, missing - 0.5 * low))
    return choose(z < 0, -tail, z - tail)


@elementwise
def gelu_backward(z, a, delta):
    x = size(z)
    x_square, low = product(x, x)
    slope, missing = scaled_slope(x)
    slope = times_exp(slope, exp_parts(-0.5 * x_square, missing - 0.5 * low))
    return delta * choose(z < 0, slope, 1 - slope)


@elementwise
def gelu_tanh(z, out):
    x = size(z)
    v, low = cubic(x, GELU_LINEAR, GELU_CUBIC)
    parts = exp_parts(-v, -low)
    value = bounded(z) / (1 + lifted_exp(parts))
    return choose(z < 0, times_exp(value, parts), value)


@elementwise
def gelu_tanh_backward(z, a, delta):
    x = size(z)
    v, low = cubic(x, GELU_LINEAR, GELU_CUBIC)
    w, w_low = cubic(x, GELU_LINEAR, GELU_SLOPE)
    parts = exp_parts(-v, -low)
    e = lifted_exp(parts)
    below, above = (1 - w) + (e - w_low), 1 + multiply_add(w, e, e)
    slope = choose(z < 0, below, above) / square(1 + e)
    return delta * choose(z < 0, near_zero(near_gelu_tanh(-x), times_exp(slope, parts)), slope)


@rowwise
def softmax(z, out):
    largest = z.fold(-math.inf, lambda i, value: larger(z[i], value))

    def exponential(i, total):
        out[i] = e = exp_up_to_0(z[i] - largest)
        return total + e

    share = 1 / z.fold(0, exponential)

    def finish(i):
        out[i] = out[i] * share

    z.for_each(finish)


@rowwise
def softmax_backward(z, a, delta):
    mean = delta.fold(0, lambda i, value: value + a[i] * delta[i])

    def finish(i):
        delta[i] = a[i] * (delta[i] - mean)

    delta.for_each(finish)


def bell(e, share):
    """e / (1 + e)^2, where share is about 1 / (1 + e), whose square alone would be 2 units off."""
    square = share * share
    value = e * square
    missing = multiply_add(-value, multiply_add(e, 2 + e, 1), e)
    return multiply_add(missing, square, value)


def size(z):
    """|z|, but no larger than where exponentials vanish: 0 times infinity would be NaN."""
    return smaller(abs(z), 1000)


def bounded(z):
    """z, but not so far below 0 that it is infinite."""
    return choose(z < -1000, -1000, z)


def near_zero(near, otherwise):
    """A derivative by `near`, what `zeros` makes of a number, if it is close enough."""
    t, close = near
    return choose(t > -NEAR, close, otherwise)


def step(z, below):
    """1 above 0, `below` at 0 and below, NaN for NaN."""
    return choose(z > 0, 1, choose(z <= 0, below, z))


def square(x):
    return x * x
