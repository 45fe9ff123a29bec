"""Optimizers: one update of a flat vector of parameters.

gradient, parameters : (n,).  numbers : float64, laid out as `catalog.OPTIMIZERS` says.
step : 1 at the first update.  state : (slots, n), zeros at first, in the order of
`catalog.OPTIMIZER_STATE`.  Changed in place: parameters and state.

Where the formulas come from is said in `fastnet/optimizers.py`, with the user's objects.
"""

import math

import numpy as np


def sgd(gradient, numbers, step, state, parameters):
    """w = w - learning_rate * g."""
    (learning_rate,) = map(float, numbers)
    parameters -= learning_rate * gradient


def momentum(gradient, numbers, step, state, parameters):
    """v = momentum * v + g, and w = w - learning_rate * v."""
    learning_rate, factor = map(float, numbers)
    (velocity,) = state
    velocity[:] = factor * velocity + gradient
    parameters -= learning_rate * velocity


def nesterov(gradient, numbers, step, state, parameters):
    """v as in `momentum`, and w = w - learning_rate * (g + momentum * v)."""
    learning_rate, factor = map(float, numbers)
    (velocity,) = state
    velocity[:] = factor * velocity + gradient
    parameters -= learning_rate * (gradient + factor * velocity)


def rmsprop(gradient, numbers, step, state, parameters):
    """s = mean of g^2, v = momentum * v + g / (sqrt(s) + eps), w = w - learning_rate * v."""
    learning_rate, alpha, eps, factor = map(float, numbers)
    mean_square, velocity = state
    mean_square[:] = alpha * mean_square + (1 - alpha) * gradient**2
    velocity[:] = factor * velocity + gradient / (np.sqrt(mean_square) + eps)
    parameters -= learning_rate * velocity


def rmsprop_centered(gradient, numbers, step, state, parameters):
    """`rmsprop` with the variance of g in the place of the mean of g^2."""
    learning_rate, alpha, eps, factor = map(float, numbers)
    mean_square, velocity, mean = state
    mean_square[:] = alpha * mean_square + (1 - alpha) * gradient**2
    mean[:] = alpha * mean + (1 - alpha) * gradient
    # Rounding can leave less than nothing of a gradient that stays the same.
    variance = np.maximum(mean_square - mean**2, 0)
    velocity[:] = factor * velocity + gradient / (np.sqrt(variance) + eps)
    parameters -= learning_rate * velocity


def adagrad(gradient, numbers, step, state, parameters):
    """s = sum of g^2, and w = w - rate * g / (sqrt(s) + eps) with a rate that decays as 1 / t."""
    learning_rate, lr_decay, eps = map(float, numbers)
    (sum_of_squares,) = state
    rate = learning_rate / (1 + (step - 1) * lr_decay)
    sum_of_squares += gradient**2
    parameters -= rate * gradient / (np.sqrt(sum_of_squares) + eps)


def adam(gradient, numbers, step, state, parameters):
    """m, s = means of g and g^2; w = w - rate * m / (sqrt(s) / root + eps).

    rate and root hold the corrections for means that began at 0.
    """
    learning_rate, beta1, beta2, eps = map(float, numbers)
    first_moment, second_moment = state
    rate = learning_rate / bias_correction(beta1, step)
    root = math.sqrt(bias_correction(beta2, step))
    first_moment[:] = beta1 * first_moment + (1 - beta1) * gradient
    second_moment[:] = beta2 * second_moment + (1 - beta2) * gradient**2
    parameters -= rate * first_moment / (np.sqrt(second_moment) / root + eps)


def amsgrad(gradient, numbers, step, state, parameters):
    """`adam` with the largest s so far in the place of s."""
    learning_rate, beta1, beta2, eps = map(float, numbers)
    first_moment, second_moment, largest = state
    rate = learning_rate / bias_correction(beta1, step)
    root = math.sqrt(bias_correction(beta2, step))
    first_moment[:] = beta1 * first_moment + (1 - beta1) * gradient
    second_moment[:] = beta2 * second_moment + (1 - beta2) * gradient**2
    np.maximum(largest, second_moment, out=largest)
    parameters -= rate * first_moment / (np.sqrt(largest) / root + eps)


def adamw(gradient, numbers, step, state, parameters):
    """w = w - learning_rate * weight_decay * w, and then `adam`."""
    *numbers_of_adam, weight_decay = map(float, numbers)
    parameters *= 1 - numbers_of_adam[0] * weight_decay
    adam(gradient, numbers_of_adam, step, state, parameters)


def nadam(gradient, numbers, step, state, parameters):
    """`adam` with Nesterov's momentum, whose factor grows with the steps.

    The last of the numbers is the product of these factors so far, 1 at first; it is changed.
    """
    learning_rate, beta1, beta2, eps, decay, product = map(float, numbers)
    first_moment, second_moment = state
    factor = beta1 * (1 - 0.5 * 0.96 ** (step * decay))
    next_factor = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * decay))
    product *= factor
    numbers[-1] = product
    rate_of_gradient = learning_rate * (1 - factor) / (1 - product)
    rate_of_moment = learning_rate * next_factor / (1 - product * next_factor)
    root = math.sqrt(bias_correction(beta2, step))
    first_moment[:] = beta1 * first_moment + (1 - beta1) * gradient
    second_moment[:] = beta2 * second_moment + (1 - beta2) * gradient**2
    direction = rate_of_gradient * gradient + rate_of_moment * first_moment
    parameters -= direction / (np.sqrt(second_moment) / root + eps)


def lion(gradient, numbers, step, state, parameters):
    """w = (1 - learning_rate * weight_decay) * w - learning_rate * sign(mean of g)."""
    learning_rate, beta1, beta2, weight_decay = map(float, numbers)
    (first_moment,) = state
    direction = np.sign(beta1 * first_moment + (1 - beta1) * gradient)
    parameters *= 1 - learning_rate * weight_decay
    parameters -= learning_rate * direction
    first_moment[:] = beta2 * first_moment + (1 - beta2) * gradient


def rprop(gradient, numbers, step, state, parameters):
    """Each parameter has a step size, which grows while the sign of g stays and else shrinks.

    After a change of sign a parameter rests, and its next step size stays as it is.
    """
    _, shrink, grow, smallest, largest = map(float, numbers)
    previous, step_sizes = state
    agreement = gradient * previous
    step_sizes[agreement > 0] *= grow
    step_sizes[agreement < 0] *= shrink
    np.clip(step_sizes, smallest, largest, out=step_sizes)
    previous[:] = gradient
    previous[agreement < 0] = 0
    parameters -= np.sign(previous) * step_sizes


def bias_correction(beta, step):
    """1 - beta^step: what a mean of this factor that began at 0 has seen of its terms."""
    return 1 - beta**step
