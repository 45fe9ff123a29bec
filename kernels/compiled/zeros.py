"""Derivatives near their zeros, where the formulas cancel.

From NEAR below a zero z_0 up to 0 the derivative is t times a polynomial in t = z - z_0. The
coefficients, the highest power's first, make the largest relative error small; a test holds them
against the functions.
"""

import numpy as np

from .elementary import polynomial
from .jit import by_dtype
from .twofold import constant

NEAR = 0.5
SILU_ZERO = constant("-1.27846454276107379510935873902298015543947749")
MISH_ZERO = constant("-1.19243121451549521213758834042073940560068641")
GELU_TANH_ZERO = constant("-0.752461422071016258487954443288916090605392178")

SILU_DOUBLE = (
    1.3397474517458057e-10,
    -9.080731012121329e-10,
    1.1693462674378252e-09,
    2.5573901942181275e-09,
    4.068922144577285e-09,
    -1.8186062762655206e-08,
    -9.275373172260741e-08,
    -3.079572144606707e-08,
    8.601060100803369e-07,
    2.346075863160359e-06,
    -2.942675048594775e-06,
    -2.9733543809071407e-05,
    -4.0905335624591245e-05,
    0.00018570724320063518,
    0.0007985218812533064,
    0.0001266274101294205,
    -0.006606589138328857,
    -0.01522265522318968,
    0.018874814223781695,
    0.1466487969969469,
    0.2178117057198001,
)
SILU_SINGLE = (
    9.957323e-06,
    -4.5354816e-05,
    -3.918632e-05,
    0.00019327593,
    0.0007956799,
    0.00012548087,
    -0.006606179,
    -0.015222576,
    0.018874824,
    0.1466488,
    0.2178117,
)
MISH_DOUBLE = (
    6.047657172338174e-10,
    -6.4079030347021655e-09,
    1.7960398549346812e-08,
    -4.1141068916505926e-09,
    -1.1888551590076219e-08,
    -4.696923526062641e-08,
    -1.4574639103899258e-07,
    2.0776778378536288e-08,
    1.0760415282678774e-06,
    2.9097619853657845e-06,
    9.412224633535015e-07,
    -1.729923027996815e-05,
    -5.582862463539079e-05,
    -4.196153087965155e-05,
    0.0002541293295046892,
    0.0009898181071058218,
    0.0010924055434823885,
    -0.0033606849273368974,
    -0.015821126561844125,
    -0.02027182271667597,
    0.041907821043612244,
    0.2047312640801058,
    0.2669479140495345,
)
MISH_SINGLE = (
    1.6338205e-05,
    -8.788125e-05,
    -7.893639e-05,
    0.0003074378,
    0.0009960086,
    0.0010669526,
    -0.0033588451,
    -0.015815986,
    -0.0202723,
    0.04190738,
    0.20473129,
    0.26694793,
)
GELU_TANH_DOUBLE = (
    -2.6938875138922473e-08,
    6.603848833059133e-08,
    1.573293699212503e-07,
    -4.3135901787806665e-07,
    -9.99170690841444e-07,
    2.4364813746513203e-06,
    5.921450366874472e-06,
    -1.5952342764423794e-05,
    -3.495665357787749e-05,
    0.00012425262695719378,
    0.0002639276845797517,
    -0.0009274420711315417,
    -0.002422731847619198,
    0.005261059258767215,
    0.01968230945982443,
    -0.016619328343220087,
    -0.11394448308095681,
    -0.015782853521844657,
    0.3875184461357889,
    0.4304000910248585,
)
GELU_TANH_SINGLE = (
    0.0002834025,
    -0.0008167398,
    -0.002450343,
    0.0052201757,
    0.01969047,
    -0.01661208,
    -0.1139453,
    -0.015783412,
    0.38751847,
    0.4304001,
)


def _near(name, zero, double, single):
    """A function of z: its distance from the zero, and the derivative if that is near."""

    def implementation(real, coefficients):
        high = real(zero[0])
        low = real((zero[0] - float(high)) + zero[1])
        coefficients = tuple(real(value) for value in coefficients)

        def near(x):
            t = (x - high) - low
            return t, t * polynomial(t, coefficients)

        return near

    return by_dtype(name, implementation(np.float64, double), implementation(np.float32, single))


near_silu = _near("near_silu", SILU_ZERO, SILU_DOUBLE, SILU_SINGLE)
near_mish = _near("near_mish", MISH_ZERO, MISH_DOUBLE, MISH_SINGLE)
near_gelu_tanh = _near("near_gelu_tanh", GELU_TANH_ZERO, GELU_TANH_DOUBLE, GELU_TANH_SINGLE)
