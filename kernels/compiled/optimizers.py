"""Optimizers: one update of a flat vector of parameters.

Each makes one pass, with what does not depend on the parameter worked out before it in float64.
The operations and their order are the reference's, but for the divisions that are spared.
"""

import math

from .activations import larger
from .jit import helper


@helper
def sgd(gradient, numbers, step, state, parameters):
    learning_rate = parameters.dtype.type(numbers[0])
    for i in range(parameters.size):
        parameters[i] -= learning_rate * gradient[i]


@helper
def momentum(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, factor = real(numbers[0]), real(numbers[1])
    velocity = state[0]
    for i in range(parameters.size):
        velocity[i] = factor * velocity[i] + gradient[i]
        parameters[i] -= learning_rate * velocity[i]


@helper
def nesterov(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, factor = real(numbers[0]), real(numbers[1])
    velocity = state[0]
    for i in range(parameters.size):
        velocity[i] = factor * velocity[i] + gradient[i]
        parameters[i] -= learning_rate * (gradient[i] + factor * velocity[i])


@helper
def rmsprop(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, alpha, rest = real(numbers[0]), real(numbers[1]), real(1 - numbers[1])
    eps, factor = real(numbers[2]), real(numbers[3])
    mean_square, velocity = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        mean_square[i] = alpha * mean_square[i] + rest * (g * g)
        velocity[i] = factor * velocity[i] + g / (math.sqrt(mean_square[i]) + eps)
        parameters[i] -= learning_rate * velocity[i]


@helper
def rmsprop_centered(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    learning_rate, alpha, rest = real(numbers[0]), real(numbers[1]), real(1 - numbers[1])
    eps, factor, zero = real(numbers[2]), real(numbers[3]), real(0)
    mean_square, velocity, mean = state[0], state[1], state[2]
    for i in range(parameters.size):
        g = gradient[i]
        mean_square[i] = alpha * mean_square[i] + rest * (g * g)
        mean[i] = alpha * mean[i] + rest * g
        variance = larger(mean_square[i] - mean[i] * mean[i], zero)
        velocity[i] = factor * velocity[i] + g / (math.sqrt(variance) + eps)
        parameters[i] -= learning_rate * velocity[i]


@helper
def adagrad(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    rate, eps = real(numbers[0] / (1 + (step - 1) * numbers[1])), real(numbers[2])
    sum_of_squares = state[0]
    for i in range(parameters.size):
        g = gradient[i]
        sum_of_squares[i] += g * g
        parameters[i] -= rate * g / (math.sqrt(sum_of_squares[i]) + eps)


@helper
def adam(gradient, numbers, step, state, parameters):
    adam_with_decay(gradient, numbers, step, state, parameters, 0.0)


@helper
def adamw(gradient, numbers, step, state, parameters):
    adam_with_decay(gradient, numbers, step, state, parameters, numbers[4])


@helper
def adam_with_decay(gradient, numbers, step, state, parameters, weight_decay):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    # One division a parameter: m / (sqrt(s) / root + eps) = root m / (sqrt(s) + root eps).
    root = math.sqrt(bias_correction(numbers[2], step))
    rate, eps = real(numbers[0] * root / bias_correction(numbers[1], step)), real(numbers[3] * root)
    kept = real(1 - numbers[0] * weight_decay)
    first_moment, second_moment = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        first_moment[i] = beta1 * first_moment[i] + rest1 * g
        second_moment[i] = beta2 * second_moment[i] + rest2 * (g * g)
        change = rate * first_moment[i] / (math.sqrt(second_moment[i]) + eps)
        parameters[i] = kept * parameters[i] - change


@helper
def amsgrad(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    # One division a parameter: m / (sqrt(s) / root + eps) = root m / (sqrt(s) + root eps).
    root = math.sqrt(bias_correction(numbers[2], step))
    rate, eps = real(numbers[0] * root / bias_correction(numbers[1], step)), real(numbers[3] * root)
    first_moment, second_moment, largest = state[0], state[1], state[2]
    for i in range(parameters.size):
        g = gradient[i]
        first_moment[i] = beta1 * first_moment[i] + rest1 * g
        second_moment[i] = beta2 * second_moment[i] + rest2 * (g * g)
        largest[i] = larger(largest[i], second_moment[i])
        parameters[i] -= rate * first_moment[i] / (math.sqrt(largest[i]) + eps)


@helper
def nadam(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    factor = numbers[1] * (1 - 0.5 * 0.96 ** (step * numbers[4]))
    next_factor = numbers[1] * (1 - 0.5 * 0.96 ** ((step + 1) * numbers[4]))
    product = numbers[5] * factor
    numbers[5] = product
    root = math.sqrt(bias_correction(numbers[2], step))
    rate_of_gradient = real(numbers[0] * root * (1 - factor) / (1 - product))
    rate_of_moment = real(numbers[0] * root * next_factor / (1 - product * next_factor))
    eps = real(numbers[3] * root)
    first_moment, second_moment = state[0], state[1]
    for i in range(parameters.size):
        g = gradient[i]
        first_moment[i] = beta1 * first_moment[i] + rest1 * g
        second_moment[i] = beta2 * second_moment[i] + rest2 * (g * g)
        direction = rate_of_gradient * g + rate_of_moment * first_moment[i]
        parameters[i] -= direction / (math.sqrt(second_moment[i]) + eps)


@helper
def lion(gradient, numbers, step, state, parameters):
    real = parameters.dtype.type
    beta1, rest1 = real(numbers[1]), real(1 - numbers[1])
    beta2, rest2 = real(numbers[2]), real(1 - numbers[2])
    learning_rate, kept = real(numbers[0]), real(1 - numbers[0] * numbers[3])
    first_moment = state[0]
    for i in range(parameters.size):
        g = gradient[i]
        direction = sign(beta1 * first_moment[i] + rest1 * g)
        parameters[i] = kept * parameters[i] - learning_rate * direction
        first_moment[i] = beta2 * first_moment[i] + rest2 * g


@helper
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


@helper
def sign(x):
    """-1, 0 or 1 of one number; a NaN stays one."""
    zero, one = type(x)(0), type(x)(1)
    return one if x > zero else (-one if x < zero else x)


@helper
def bias_correction(beta, step):
    """1 - beta^step. Numba multiplies for a whole power, with an error that grows with it."""
    return 1 - beta ** float(step)
