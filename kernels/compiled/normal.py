"""The normal distribution's upper tail Q and the derivative of GELU, without the factor
exp(-x^2 / 2), for x >= 0.

What remains is smooth up to infinity and close to a polynomial in (x - c) / (x + c)
(M. M. Shepherd and J. G. Laframboise, Mathematics of Computation 36, 1981). The coefficients, the
highest power's first, make the largest relative error small for x below 39 and 14.6; beyond, the
factor is 0. A test holds them against the functions.
"""

from .formulas import polynomial
from .twofold import constant, nearest

CENTRE = 5.125
# Times x + 5/4 the tail is nearly flat at 0 and at infinity, where the ratio is least exact.
TAIL_SHIFT = 1.25
# The derivative of GELU is 0 at minus this.
SLOPE_ZERO = constant("0.751791524693564457457904946779524039664471153")

TAIL_DOUBLE = (
    2.6233878913217406e-09,
    7.040222291778428e-09,
    -1.90417574863695e-08,
    -6.351798290982727e-08,
    1.2488615225718117e-07,
    3.9122016816120626e-07,
    -1.0101976159706434e-06,
    -1.90447892505442e-06,
    9.064435010150773e-06,
    1.8686230979336442e-06,
    -7.328870126721261e-05,
    0.00014302734607047376,
    0.00024675168166156587,
    -0.002152265414391486,
    0.0067212770533866826,
    -0.013520504425148103,
    0.018378158271743928,
    -0.012873787267023365,
    -0.012390322337611859,
    0.0611926276723824,
    -0.1259195984576506,
    0.479181743416969,
)
TAIL_SINGLE = (
    0.0002620891,
    0.00027803172,
    -0.0022074636,
    0.0066892463,
    -0.013512897,
    0.018385235,
    -0.012874051,
    -0.012390883,
    0.061192624,
    -0.12591958,
    0.47918174,
)
SLOPE_DOUBLE = (
    2.627324699852085e-10,
    6.88070829592642e-10,
    -2.104090672905979e-09,
    -6.583735306502791e-09,
    1.5958156472696265e-08,
    4.413932021305473e-08,
    -1.478961911169678e-07,
    -2.224147697799169e-07,
    1.510322668571869e-06,
    -3.5159643530654677e-07,
    -1.3808266630387147e-05,
    3.836674307274703e-05,
    3.51362361590741e-05,
    -0.0006259277436470631,
    0.0027310464379025085,
    -0.008048644791917386,
    0.01866033958727716,
    -0.0361254078756009,
    0.060259998879167644,
    -0.08830570792775709,
    0.4503360483508835,
)
SLOPE_SINGLE = (
    5.883118e-05,
    3.926266e-05,
    -0.0006352417,
    0.0027266536,
    -0.00804731,
    0.018661175,
    -0.036125477,
    0.06025995,
    -0.088305704,
    0.45033604,
)


def _ratio(x, double, single):
    """The polynomial of (x - CENTRE) / (x + CENTRE), about 1/2, and what rounding takes of it."""
    *others, last = {64: double, 32: single}[x.kind[1]]
    s = (x - CENTRE) / (x + CENTRE)
    rest = s * polynomial(s, others)
    value = last + rest
    return value, 2 * ((last - value) + rest)


def scaled_tail(x):
    """exp(x^2 / 2) x Q(x), and what is missing, relative to it."""
    value, missing = _ratio(x, TAIL_DOUBLE, TAIL_SINGLE)
    return x * value / (x + TAIL_SHIFT), missing


def scaled_slope(x):
    """exp(x^2 / 2) (Q(x) - x phi(x)), phi the density, and what is missing, relative to it."""
    zero, zero_low = nearest(x, SLOPE_ZERO)
    value, missing = _ratio(x, SLOPE_DOUBLE, SLOPE_SINGLE)
    return ((zero - x) + zero_low) * value, missing
