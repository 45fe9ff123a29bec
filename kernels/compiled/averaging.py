"""The exponential moving average of the parameters."""

from .jit import helper


@helper
def average(decay, step, parameters, averaged):
    share = averaged.dtype.type(1 - decay)
    if step == 1:
        for i in range(parameters.size):
            averaged[i] = parameters[i]
    else:
        for i in range(parameters.size):
            averaged[i] += share * (parameters[i] - averaged[i])
