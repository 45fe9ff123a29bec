"""Optimizers: one update of a flat vector of parameters.

Each makes one pass, with what does not depend on the parameter worked out before it in float64.
The operations and their order are the reference's, but for the divisions that are spared.
"""

import math

from .elementary import root
from .formulas import formula, larger, power, sign
from .jit import inlined


@inlined
def sgd(gradient, numbers, step, state, parameters):
    learning_rate = parameters.dtype.type(numbers[0])
    for i in range(parameters.size):
        parameters[i] -= learning_rate * gradient[i]


@inlined
def momentum(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, factor = real(numbers[0]), real(numbers[1])
    velocity = state[0]
    for i in range(parameters.size):
        v = factor * velocity[i] + gradient[i]
        velocity[i] = v
        parameters[i] -= learning_rate * v


@inlined
def nesterov(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, factor = real(numbers[0]), real(numbers[1])
    velocity = state[0]
    for i in range(parameters.size):
        g = gradient[i]
        v = factor * velocity[i] + g
        velocity[i] = v
        parameters[i] -= learning_rate * (g + factor * v)


@inlined
def rmsprop(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, alpha, rest = real(numbers[0]), real(numbers[1]), real(1 - numbers[1])
    eps, factor = real(numbers[2]), real(numbers[3])
    mean_square, velocity = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        s = alpha * mean_square[i] + rest * (g * g)
        # Not `root`: a velocity is state, whose bits are the reference's.
        v = factor * velocity[i] + g / (math.sqrt(s) + eps)
        mean_square[i], velocity[i] = s, v
        parameters[i] -= learning_rate * v


@inlined
def rmsprop_centered(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, alpha, rest = real(numbers[0]), real(numbers[1]), real(1 - numbers[1])
    eps, factor, zero = real(numbers[2]), real(numbers[3]), real(0)
    mean_square, velocity, mean = state[0], state[1], state[2]
    for i in range(parameters.size):
        g = gradient[i]
        s = alpha * mean_square[i] + rest * (g * g)
        m = alpha * mean[i] + rest * g
        v = factor * velocity[i] + g / (math.sqrt(larger(s - m * m, zero)) + eps)
        mean_square[i], velocity[i], mean[i] = s, v, m
        parameters[i] -= learning_rate * v


@inlined
def adagrad(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    rate, eps = real(numbers[0] / (1 + (step - 1) * numbers[1])), real(numbers[2])
    sum_of_squares = state[0]
    for i in range(parameters.size):
        g = gradient[i]
        s = sum_of_squares[i] + g * g
        sum_of_squares[i] = s
        parameters[i] -= rate * g / (root(s) + eps)


@inlined
def adam(gradient, numbers, step, state, parameters):
    adam_with_decay(gradient, numbers, step, state, parameters, 0.0)


@inlined
def adamw(gradient, numbers, step, state, parameters):
    adam_with_decay(gradient, numbers, step, state, parameters, numbers[4])


@inlined
def adam_with_decay(gradient, numbers, step, state, parameters, weight_decay):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    # One division a parameter: m / (sqrt(s) / c + eps) = c m / (sqrt(s) + c eps).
    correction = root(bias_correction(numbers[2], float(step)))
    rate = real(numbers[0] * correction / bias_correction(numbers[1], float(step)))
    eps, kept = real(numbers[3] * correction), real(1 - numbers[0] * weight_decay)
    first_moment, second_moment = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        m = beta1 * first_moment[i] + rest1 * g
        s = beta2 * second_moment[i] + rest2 * (g * g)
        first_moment[i], second_moment[i] = m, s
        parameters[i] = kept * parameters[i] - rate * m / (root(s) + eps)


@inlined
def amsgrad(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    # One division a parameter: m / (sqrt(s) / c + eps) = c m / (sqrt(s) + c eps).
    correction = root(bias_correction(numbers[2], float(step)))
    rate = real(numbers[0] * correction / bias_correction(numbers[1], float(step)))
    eps = real(numbers[3] * correction)
    first_moment, second_moment, largest = state[0], state[1], state[2]
    for i in range(parameters.size):
        g = gradient[i]
        m = beta1 * first_moment[i] + rest1 * g
        s = beta2 * second_moment[i] + rest2 * (g * g)
        most = larger(largest[i], s)
        first_moment[i], second_moment[i], largest[i] = m, s, most
        parameters[i] -= rate * m / (root(most) + eps)


@inlined
def nadam(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    factor = numbers[1] * (1 - 0.5 * 0.96 ** (step * numbers[4]))
    next_factor = numbers[1] * (1 - 0.5 * 0.96 ** ((step + 1) * numbers[4]))
    product = numbers[5] * factor
    numbers[5] = product
    correction = root(bias_correction(numbers[2], float(step)))
    rate_of_gradient = real(numbers[0] * correction * (1 - factor) / (1 - product))
    rate_of_moment = real(numbers[0] * correction * next_factor / (1 - product * next_factor))
    eps = real(numbers[3] * correction)
    first_moment, second_moment = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        m = beta1 * first_moment[i] + rest1 * g
        s = beta2 * second_moment[i] + rest2 * (g * g)
        first_moment[i], second_moment[i] = m, s
        parameters[i] -= (rate_of_gradient * g + rate_of_moment * m) / (root(s) + eps)


@inlined
def lion(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    learning_rate, kept = real(numbers[0]), real(1 - numbers[0] * numbers[3])
    first_moment = state[0]
    for i in range(parameters.size):
        g, m = gradient[i], first_moment[i]
        parameters[i] = kept * parameters[i] - learning_rate * sign(beta1 * m + rest1 * g)
        first_moment[i] = beta2 * m + rest2 * g


@inlined
def rprop(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    shrink, grow = real(numbers[1]), real(numbers[2])
    smallest, largest = real(numbers[3]), real(numbers[4])
    zero, one = real(0), real(1)
    previous, step_sizes = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        agreement = g * previous[i]
        factor = shrink if agreement < zero else one
        factor = grow if agreement > zero else factor
        size = factor * step_sizes[i]
        size = smallest if size < smallest else size
        size = largest if size > largest else size
        g = zero if agreement < zero else g
        step_sizes[i], previous[i] = size, g
        parameters[i] -= sign(g) * size


@formula
def bias_correction(beta, step):
    """1 - beta^step. Numba multiplies for a whole power, with an error that grows with it."""
    return 1 - power(beta, step)
