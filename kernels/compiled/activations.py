"""Activations, and what they do to a gradient that passes back through them.

Elementwise kernels take flat arrays of any length; `softmax` takes a panel, (features, width),
with one more row in `out`, or `a`, that it uses as scratch. Definitions and their sources stand
in the reference; here one exponential, of -x = -|z|, serves both signs. Both sides of a choice are
computed before it, so that loops become vectors; a NaN is neither below nor above, and must end in
an expression that has it.
"""

from .elementary import exp, exp_parts, expm1, log1p, multiply_add, polynomial, times_exp
from .jit import helper
from .normal import scaled_slope, scaled_tail
from .twofold import constant, cubic, product
from .zeros import NEAR, near_gelu_tanh, near_mish, near_silu

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
# 2 sqrt(2 / pi), and 0.044715 and 0.134145 times that.
GELU_LINEAR = constant("1.59576912160573071175978423973752747390343452")
GELU_CUBIC = constant("0.0713548162726002487763387522798635409955920748")
GELU_SLOPE = constant("0.214064448817800746329016256839590622986776224")


@helper
def identity(z, out):
    for i in range(z.size):
        out[i] = z[i]


@helper
def identity_backward(z, a, delta):
    pass


@helper
def relu(z, out):
    zero = z.dtype.type(0)
    for i in range(z.size):
        # Written so that a NaN stays one.
        out[i] = zero if z[i] <= zero else z[i]


@helper
def relu_backward(z, a, delta):
    for i in range(z.size):
        delta[i] *= step(z[i], z.dtype.type(0))


@helper
def leaky_relu(z, out):
    zero, slope = z.dtype.type(0), z.dtype.type(LEAKY_SLOPE)
    for i in range(z.size):
        out[i] = z[i] if z[i] > zero else slope * z[i]


@helper
def leaky_relu_backward(z, a, delta):
    for i in range(z.size):
        delta[i] *= step(z[i], z.dtype.type(LEAKY_SLOPE))


@helper
def elu(z, out):
    zero = z.dtype.type(0)
    for i in range(z.size):
        below = expm1(smaller(z[i], zero))
        out[i] = z[i] if z[i] > zero else below


@helper
def elu_backward(z, a, delta):
    zero = z.dtype.type(0)
    for i in range(z.size):
        delta[i] *= exp(smaller(z[i], zero))


@helper
def selu(z, out):
    real = z.dtype.type
    zero, scale, depth = real(0), real(SELU_SCALE), real(SELU_SCALE * SELU_ALPHA)
    for i in range(z.size):
        below = depth * expm1(smaller(z[i], zero))
        out[i] = scale * z[i] if z[i] > zero else below


@helper
def selu_backward(z, a, delta):
    real = z.dtype.type
    zero, scale, depth = real(0), real(SELU_SCALE), real(SELU_SCALE * SELU_ALPHA)
    for i in range(z.size):
        below = depth * exp(smaller(z[i], zero))
        delta[i] *= scale if z[i] > zero else below


@helper
def logistic(x):
    """1 / (1 + exp(-x)) of one number, with exp(-|x|) so that nothing overflows."""
    e = exp(-abs(x))
    # Numba widens a float32 that meets a whole number, so the constants come from x's own type.
    one = type(x)(1)
    return (one if x >= type(x)(0) else e) / (one + e)


@helper
def sigmoid(z, out):
    for i in range(z.size):
        out[i] = logistic(z[i])


@helper
def sigmoid_backward(z, a, delta):
    for i in range(z.size):
        e = exp(-abs(z[i]))
        delta[i] *= e / squared_sum(e)


@helper
def tanh(z, out):
    zero, two = z.dtype.type(0), z.dtype.type(2)
    for i in range(z.size):
        t = expm1(-two * size(z[i]))
        out[i] = (t if z[i] < zero else -t) / (two + t)


@helper
def tanh_backward(z, a, delta):
    real = z.dtype.type
    zero, one, two, four = real(0), real(1), real(2), real(4)
    for i in range(z.size):
        parts = exp_parts(-two * size(z[i]), zero)
        e = times_exp(one, parts)
        delta[i] *= times_exp(four / squared_sum(e), parts)


@helper
def softplus(z, out):
    zero = z.dtype.type(0)
    for i in range(z.size):
        out[i] = larger(z[i], zero) + log1p(exp(-abs(z[i])))


@helper
def softplus_backward(z, a, delta):
    for i in range(z.size):
        delta[i] *= logistic(z[i])


@helper
def silu(z, out):
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(z.size):
        x = size(z[i])
        parts = exp_parts(-x, zero)
        denominator = one + times_exp(one, parts)
        below, above = times_exp(-x / denominator, parts), z[i] / denominator
        out[i] = below if z[i] < zero else above


@helper
def silu_backward(z, a, delta):
    real = z.dtype.type
    zero, one, near = real(0), real(1), real(-NEAR)
    for i in range(z.size):
        x = size(z[i])
        parts = exp_parts(-x, zero)
        e = times_exp(one, parts)
        square = squared_sum(e)
        t, close = near_silu(-x)
        below = times_exp(((one - x) + e) / square, parts)
        above = (one + multiply_add(x, e, e)) / square
        below = close if t > near else below
        delta[i] *= below if z[i] < zero else above


@helper
def mish(z, out):
    real = z.dtype.type
    zero, one, two = real(0), real(1), real(2)
    for i in range(z.size):
        x = size(z[i])
        parts = exp_parts(-x, zero)
        e = times_exp(one, parts)
        below, above = e * (one + e), two * e * e
        below = times_exp(-x * (one - below / (two + e + below)), parts)
        above = z[i] * (one - above / (one + two * e + above))
        out[i] = below if z[i] < zero else above


@helper
def mish_backward(z, a, delta):
    real = z.dtype.type
    zero, one, two, four, six, eight = real(0), real(1), real(2), real(4), real(6), real(8)
    near = real(-NEAR)
    for i in range(z.size):
        x = size(z[i])
        parts = exp_parts(-x, zero)
        e = times_exp(one, parts)
        t, close = near_mish(-x)
        below = polynomial(e, (one, four, six - four * x, four * (one - x)))
        below = times_exp(below / polynomial(e, (one, four, eight, eight, four)), parts)
        square = polynomial(e, (four, eight, eight, four, one))
        above = polynomial(e, (-four, four * x - four, four * x - two, zero, zero))
        above = one + above / square
        below = close if t > near else below
        delta[i] *= below if z[i] < zero else above


@helper
def gelu(z, out):
    zero, half = z.dtype.type(0), z.dtype.type(0.5)
    for i in range(z.size):
        x = size(z[i])
        square, low = product(x, x)
        tail, missing = scaled_tail(x)
        tail = times_exp(tail, exp_parts(-half * square, missing - half * low))
        out[i] = -tail if z[i] < zero else z[i] - tail


@helper
def gelu_backward(z, a, delta):
    zero, one, half = z.dtype.type(0), z.dtype.type(1), z.dtype.type(0.5)
    for i in range(z.size):
        x = size(z[i])
        square, low = product(x, x)
        slope, missing = scaled_slope(x)
        slope = times_exp(slope, exp_parts(-half * square, missing - half * low))
        delta[i] *= slope if z[i] < zero else one - slope


@helper
def gelu_tanh(z, out):
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(z.size):
        x = size(z[i])
        v, low = cubic(x, GELU_LINEAR, GELU_CUBIC)
        parts = exp_parts(-v, -low)
        denominator = one + times_exp(one, parts)
        below, above = times_exp(-x / denominator, parts), z[i] / denominator
        out[i] = below if z[i] < zero else above


@helper
def gelu_tanh_backward(z, a, delta):
    real = z.dtype.type
    zero, one, near = real(0), real(1), real(-NEAR)
    for i in range(z.size):
        x = size(z[i])
        v, low = cubic(x, GELU_LINEAR, GELU_CUBIC)
        w, w_low = cubic(x, GELU_LINEAR, GELU_SLOPE)
        parts = exp_parts(-v, -low)
        e = times_exp(one, parts)
        square = squared_sum(e)
        t, close = near_gelu_tanh(-x)
        below = times_exp(((one - w) + (e - w_low)) / square, parts)
        above = (one + multiply_add(w, e, e)) / square
        below = close if t > near else below
        delta[i] *= below if z[i] < zero else above


@helper
def softmax(z, out):
    features, width = z.shape
    scratch = out[features]
    for j in range(width):
        scratch[j] = z[0, j]
    for i in range(1, features):
        for j in range(width):
            scratch[j] = larger(z[i, j], scratch[j])
    for i in range(features):
        for j in range(width):
            out[i, j] = exp(z[i, j] - scratch[j])
    for j in range(width):
        scratch[j] = out[0, j]
    for i in range(1, features):
        for j in range(width):
            scratch[j] += out[i, j]
    for i in range(features):
        for j in range(width):
            out[i, j] /= scratch[j]


@helper
def softmax_backward(z, a, delta):
    features, width = delta.shape
    scratch = a[features]
    for j in range(width):
        scratch[j] = a[0, j] * delta[0, j]
    for i in range(1, features):
        for j in range(width):
            scratch[j] += a[i, j] * delta[i, j]
    for i in range(features):
        for j in range(width):
            delta[i, j] = a[i, j] * (delta[i, j] - scratch[j])


@helper
def larger(x, y):
    """The larger of two numbers, NaN if either is."""
    return x if x > y or x != x else y


@helper
def smaller(x, limit):
    """The smaller of a number and a limit, NaN if the number is."""
    return limit if x > limit else x


@helper
def size(z):
    """|z|, but no larger than where exponentials vanish: 0 times infinity would be NaN."""
    x, limit = abs(z), type(z)(1000)
    return limit if x > limit else x


@helper
def step(z, below):
    """1 above 0, `below` at 0 and below, NaN for NaN."""
    zero, one = type(z)(0), type(z)(1)
    return one if z > zero else below if z <= zero else z


@helper
def squared_sum(e):
    """(1 + e)^2, rounded less often than as it stands."""
    one, two = type(e)(1), type(e)(2)
    return polynomial(e, (one, two, one))
