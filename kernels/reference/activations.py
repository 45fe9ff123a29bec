"""Activations and what they do to a gradient that passes back through them.

z : logits, (rows, features).  out : activations, the same shape.
``<name>_backward(z, a, delta)`` multiplies delta in place by the derivative at z; a, the
activations, only softmax reads.
``<name>_with_slope(z, out)`` also puts the derivative where z was; `slope_backward` multiplies by
it.

Each value and derivative is correct to a few units in the last place for every z. Sums of positive
terms lose no digits; where a derivative has a zero z_0, it is written with differences from what
its terms are there. In the negative tail exp(z) loses digits before the value does: it is divided
by exp(-z), in two steps.
"""

import numpy as np

from .elementary import LEFT, RIGHT, exp_parts, quotient, wide
from .normal import scaled_slope, scaled_tail
from .twofold import constant, cubic, product

LEAKY_SLOPE = "0.01"
SELU_SCALE = "1.0507009873554804934193349852946"
SELU_ALPHA = "1.6732632423543772848170429916717"
# 2 sqrt(2 / pi), and 0.044715 and 0.134145 times that.
GELU_LINEAR = "1.59576912160573071175978423973752747390343452"
GELU_CUBIC = "0.0713548162726002487763387522798635409955920748"
GELU_SLOPE = "0.214064448817800746329016256839590622986776224"
# Where derivatives are 0, and how far around these the formulas lose digits.
NEAR = 0.3
SILU_ZERO = "-1.27846454276107379510935873902298015543947749"
MISH_ZERO = "-1.19243121451549521213758834042073940560068641"
# v and w of `gelu_tanh_backward` there.
GELU_TANH_ZERO = "-1.23115487233189878296291757862718345031997392"
GELU_TANH_ZERO_SLOPE = "-1.29195521191476713459497683327812580584222617"


def identity(z, out):
    """z."""
    out[...] = z


def identity_backward(z, a, delta):
    """The derivative is 1."""


def relu(z, out):
    """max(0, z)."""
    np.maximum(z, 0, out=out)


def relu_backward(z, a, delta):
    """The derivative is 1 where z > 0 and 0 elsewhere, 0 included."""
    delta *= np.heaviside(z, 0)


def leaky_relu(z, out):
    """z where z > 0, else 0.01 z (Maas, Hannun, Ng, 2013)."""
    slope, _ = constant(LEAKY_SLOPE, z)
    out[...] = np.where(z > 0, z, slope * z)


def leaky_relu_backward(z, a, delta):
    """1 where z > 0, else 0.01."""
    slope, _ = constant(LEAKY_SLOPE, z)
    delta *= np.maximum(np.heaviside(z, 0), slope)


def elu(z, out):
    """z where z > 0, else exp(z) - 1 (Clevert, Unterthiner, Hochreiter, 2016)."""
    out[...] = np.where(z > 0, z, np.expm1(np.minimum(wide(z), 0)))


def elu_backward(z, a, delta):
    """1 where z > 0, else exp(z)."""
    delta *= np.exp(np.minimum(wide(z), 0))


def selu(z, out):
    """s z where z > 0, else s alpha (exp(z) - 1) (Klambauer, Unterthiner, Mayr, Hochreiter, 2017).

    With these s and alpha, mean 0 and variance 1 pass through layers unchanged.
    """
    z = wide(z)
    (scale, _), (alpha, _) = constant(SELU_SCALE, z), constant(SELU_ALPHA, z)
    out[...] = scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def selu_backward(z, a, delta):
    """s where z > 0, else s alpha exp(z)."""
    z = wide(z)
    (scale, _), (alpha, _) = constant(SELU_SCALE, z), constant(SELU_ALPHA, z)
    delta *= scale * np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))


def sigmoid(z, out):
    """1 / (1 + exp(-z)), written with exp(-|z|) so that nothing overflows."""
    z = wide(z)
    e = np.exp(-np.abs(z))
    out[...] = np.where(z >= 0, 1, e) / (1 + e)


def sigmoid_backward(z, a, delta):
    """s (1 - s), s = sigmoid(z): with e = exp(-|z|), e / (1 + e)^2."""
    e = np.exp(-np.abs(wide(z)))
    delta *= e / (1 + e * (2 + e))


def tanh(z, out):
    """The hyperbolic tangent."""
    out[...] = np.tanh(wide(z))


def tanh_backward(z, a, delta):
    """1 - tanh(z)^2 = 4 / (2 + exp(-2 |z|) + exp(2 |z|))."""
    x = 2 * np.minimum(np.abs(wide(z)), -LEFT)
    delta *= quotient(4, 2 + np.exp(-x), exp_parts(x))


def sigmoid_with_slope(z, out):
    """`sigmoid`, and its derivative where z was."""
    sigmoid(z, out)
    _leave_slope(sigmoid_backward, z)


def tanh_with_slope(z, out):
    """`tanh`, and its derivative where z was."""
    tanh(z, out)
    _leave_slope(tanh_backward, z)


def _leave_slope(backward, z):
    slope = np.ones_like(z)
    backward(z, None, slope)
    z[...] = slope


def slope_backward(slope, a, delta):
    """The derivative is what was left where z was."""
    delta *= slope


def softplus(z, out):
    """log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)) (Dugas et al., 2001)."""
    z = wide(z)
    out[...] = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_backward(z, a, delta):
    """sigmoid(z)."""
    derivative = np.empty_like(wide(z))
    sigmoid(z, derivative)
    delta *= derivative


def silu(z, out):
    """z sigmoid(z) = z / (1 + exp(-z)) (Elfwing, Uchibe, Doya, 2018), also called swish."""
    z = np.maximum(wide(z), LEFT)
    out[...] = quotient(z, 1, exp_parts(-z))


def silu_backward(z, a, delta):
    """s (1 + z (1 - s)), s = sigmoid(z): with e = exp(z), (1 + z + e) / (2 + e + 1 / e).

    Near the zero z_0, where exp(z_0) = p = -1 - z_0, the numerator is t + p (exp(t) - 1),
    t = z - z_0.
    """
    z = np.clip(wide(z), LEFT, RIGHT)
    z_0, low = constant(SILU_ZERO, z)
    e, t = np.exp(z), z - z_0
    near = t - ((1 + z_0) * np.expm1(np.minimum(t, NEAR) - low) + low)
    numerator = np.where(np.abs(t) < NEAR, near, (1 + z) + e)
    delta *= quotient(numerator, 2 + e, exp_parts(-z))


def mish(z, out):
    """z tanh(softplus(z)) (Misra, 2020).

    With e = exp(z), tanh(log(1 + e)) = (2 + e) / (2 + e + 2 / e).
    """
    z = wide(z)
    x = np.clip(z, LEFT, RIGHT)
    half = np.exp(x) / 2
    out[...] = np.where(z > RIGHT, z, quotient(x + x * half, 1 + half, exp_parts(-x)))


def mish_backward(z, a, delta):
    """w / d with e = exp(z), w = 4 (1 + z) + (6 + 4 z) e + 4 e^2 + e^3, d = (2 + 2 e + e^2)^2 / e.

    Near the zero z_0, where exp(z_0) = p, the terms of w are taken as differences from those at
    z_0: with t = z - z_0 and m = exp(t) - 1 these are multiples of t and of m, as e = p (1 + m).
    For z > 0 it is 1 - (d - w) / d, written with exp(-z).
    """
    z = np.clip(wide(z), LEFT, RIGHT)
    z_0, low = constant(MISH_ZERO, z)
    e, t = np.exp(-np.abs(z)), (z - z_0) - low
    m, p = np.expm1(np.minimum(t, NEAR)), np.exp(z_0)
    near = 4 * (1 + p) * t + m * (p * (6 + 4 * z + p * (4 * (2 + m) + p * (3 + m * (3 + m)))))
    w = np.where(np.abs(t) < NEAR, near, 4 * (1 + z) + e * (6 + 4 * z + e * (4 + e)))
    below = quotient(w / 4, 2 + e * (2 + e * (1 + e / 4)), exp_parts(-z))
    above = e * e * (4 * z - 2 + e * (4 * (z - 1) - 4 * e))
    above = 1 + above / (1 + e * (4 + e * (8 + e * (8 + 4 * e))))
    delta *= np.where(z < 0, below, above)


def gelu(z, out):
    """z Phi(z), Phi the normal distribution function (Hendrycks, Gimpel, 2016)."""
    z = np.maximum(wide(z), LEFT)
    x = np.minimum(np.abs(z), -LEFT)
    square, low = product(x, x)
    tail = quotient(scaled_tail(x), 0, exp_parts(square / 2, low / 2))
    out[...] = np.where(z < 0, -tail, z - tail)


def gelu_backward(z, a, delta):
    """Phi(z) + z phi(z), phi the density; the derivatives at z and -z sum to 1."""
    x = np.minimum(np.abs(wide(z)), -LEFT)
    square, low = product(x, x)
    below = quotient(scaled_slope(x), 0, exp_parts(square / 2, low / 2))
    delta *= np.where(z < 0, below, 1 - below)


def gelu_tanh(z, out):
    """z (1 + tanh(v / 2)) / 2 = z / (1 + exp(-v)), v = 2 sqrt(2 / pi) (z + 0.044715 z^3).

    The approximation of GELU by Hendrycks and Gimpel, 2016.
    """
    z = np.maximum(wide(z), LEFT)
    v, low = cubic(np.minimum(z, RIGHT), constant(GELU_LINEAR, z), constant(GELU_CUBIC, z))
    out[...] = quotient(z, 1, exp_parts(-v, -low))


def gelu_tanh_backward(z, a, delta):
    """s + w s (1 - s), s = 1 / (1 + exp(-v)), w = z v': (1 + w + e) / (2 + e + 1 / e), e = exp(v).

    Near the zero z_0, where exp(v_0) = p = -1 - w_0, the numerator is
    w - w_0 + p (exp(v - v_0) - 1).
    """
    z = np.clip(wide(z), LEFT, RIGHT)
    linear = constant(GELU_LINEAR, z)
    v, v_low = cubic(z, linear, constant(GELU_CUBIC, z))
    w, w_low = cubic(z, linear, constant(GELU_SLOPE, z))
    v_0, v_0_low = constant(GELU_TANH_ZERO, z)
    w_0, w_0_low = constant(GELU_TANH_ZERO_SLOPE, z)
    e, t = np.exp(np.minimum(v, RIGHT)), v - v_0
    e += e * v_low
    change = (1 + w_0) * np.expm1(np.minimum(t, NEAR) + (v_low - v_0_low))
    near = (w - w_0) - (change - (w_low - w_0_low))
    numerator = np.where(np.abs(t) < NEAR, near, (1 + w) + (e + w_low))
    delta *= quotient(numerator, 2 + e, exp_parts(-v, -v_low))


def softmax(z, out):
    """exp(z) / sum(exp(z)) over the features; a shift by the maximum changes nothing."""
    np.exp(z - z.max(axis=1, keepdims=True), out=out)
    out /= out.sum(axis=1, keepdims=True)


def softmax_backward(z, a, delta):
    """a (delta - sum(a delta)): the Jacobian, diag(a) - a a^T, times delta."""
    delta -= (a * delta).sum(axis=1, keepdims=True)
    delta *= a
