"""The normal distribution's upper tail Q and the derivative of GELU, without the factor
exp(-x^2 / 2), for x >= 0. phi is the density.
"""

import numpy as np

from .twofold import constant, product

PI = "3.14159265358979323846264338327950288419716940"
# phi(0) = 1 / sqrt(2 pi).
PEAK = "0.398942280401432677939946059934381868475858631"
# The zero x_0 of Q(x) - x phi(x), and exp(x_0^2 / 2) times Q and this function's derivative there.
ZERO = "0.751791524693564457457904946779524039664471153"
TAIL = "0.299921425247720590995512269848658839293319705"
SLOPE = "-0.57240617522761457466725834691092320709498182"

TAYLOR_TERMS = 54
STEPS = 24


def scaled_tail(x):
    """exp(x^2 / 2) x Q(x)."""
    (tail, low), (slope, _), (peak, _) = (constant(digits, x) for digits in (TAIL, SLOPE, PEAK))
    t, rest = _series(np.minimum(x, 1.5))
    near = x * (tail + (t * (slope + peak + rest) + low))
    return np.where(x < 1.5, near, _sum(x))


def scaled_slope(x):
    """exp(x^2 / 2) (Q(x) - x phi(x))."""
    (slope, slope_low), (peak, low) = constant(SLOPE, x), constant(PEAK, x)
    t, rest = _series(np.minimum(x, 2.5))
    far = np.maximum(x, 2.5)
    density, density_low = product(far, peak)
    far = (_sum(far) / far - (density_low + low * far)) - density
    return np.where(x < 2.5, t * (slope + (rest + slope_low)), far)


def _series(x):
    """t = x - x_0, and the terms from t^2 on, over t, of Taylor's series of both functions.

    R = Q / phi has R' = x R - 1, so (k + 1) c_(k + 1) = x_0 c_k + c_(k - 1) for k > 0.
    """
    zero, low = constant(ZERO, x)
    peak, _ = constant(PEAK, x)
    t = (x - zero) - low
    c = [zero, zero * zero - 1]
    for k in range(1, TAYLOR_TERMS):
        c.append((zero * c[k] + c[k - 1]) / (k + 1))
    rest = np.zeros_like(t)
    for coefficient in reversed(c[2:]):
        rest = (rest + peak * coefficient) * t
    return t, rest


def _sum(x):
    """exp(x^2 / 2) x Q(x), from the midpoint rule for an integral, with steps of pi / 8.

        Q(x) = x / 8 exp(-x^2 / 2) sum_k exp(-t_k^2 / 2) / (t_k^2 + x^2) + 1 / (1 + exp(16 x)),

    t_k = (k + 1/2) pi / 8, to a relative exp(-128); the last term, of a pole, only for x < 16
    (D. B. Hunter and T. Regan, Mathematics of Computation 26, 1972). What the sum is for infinite
    x, 1 / sqrt(2 pi), is taken out: what remains is small and loses nothing.
    """
    peak, low = constant(PEAK, x)
    pi, _ = constant(PI, x)
    square = x * x
    lost = -low
    for k in reversed(range(STEPS)):
        t = ((k + 0.5) * pi / 8) ** 2
        lost = lost + np.exp(-t / 2) / 8 * t / (t + square)
    near = np.minimum(x, 16)
    pole = near * np.exp(near * near / 2) / (1 + np.exp(16 * near))
    return (peak - lost) + np.where(x < 16, pole, 0)
