"""The exponential moving average of the parameters."""

from .jit import helper
from .vectors import elementwise


@helper
def average(decay, step, parameters, averaged):
    if step == 1:
        copy(parameters, averaged)
    else:
        approach(1 - decay, parameters, averaged)


@elementwise
def copy(w, mean):
    return w


@elementwise
def approach(share, w, mean):
    return mean + share * (w - mean)
