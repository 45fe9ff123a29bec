"""Optimizers: one update of a flat vector of parameters.

Each makes one pass, a `..._step` of every parameter, with what does not depend on the parameter
worked out before it in float64. The operations and their order are the reference's, but for the
divisions that are spared.
"""

from .elementary import root
from .formulas import choose, formula, larger, power, sign, square_root
from .jit import inlined
from .vectors import elementwise


@inlined
def sgd(gradient, numbers, step, state, parameters):
    sgd_step(numbers[0], gradient, parameters)


@elementwise
def sgd_step(learning_rate, g, w):
    return w - learning_rate * g


@inlined
def momentum(gradient, numbers, step, state, parameters):
    momentum_step(numbers[0], numbers[1], gradient, state[0], parameters)


@elementwise
def momentum_step(learning_rate, factor, g, v, w):
    v = factor * v + g
    return v, w - learning_rate * v


@inlined
def nesterov(gradient, numbers, step, state, parameters):
    nesterov_step(numbers[0], numbers[1], gradient, state[0], parameters)


@elementwise
def nesterov_step(learning_rate, factor, g, v, w):
    v = factor * v + g
    return v, w - learning_rate * (g + factor * v)


@inlined
def rmsprop(gradient, numbers, step, state, parameters):
    rate, alpha, eps, factor = numbers[0], numbers[1], numbers[2], numbers[3]
    mean_square, velocity = state[0], state[1]
    rmsprop_step(rate, alpha, 1 - alpha, eps, factor, gradient, mean_square, velocity, parameters)


@elementwise
def rmsprop_step(learning_rate, alpha, rest, eps, factor, g, s, v, w):
    s = alpha * s + rest * (g * g)
    # Not `root`: a velocity is state, whose bits are the reference's.
    v = factor * v + g / (square_root(s) + eps)
    return s, v, w - learning_rate * v


@inlined
def rmsprop_centered(gradient, numbers, step, state, parameters):
    rate, alpha, eps, factor = numbers[0], numbers[1], numbers[2], numbers[3]
    mean_square, velocity, mean = state[0], state[1], state[2]
    centered_step(
        rate, alpha, 1 - alpha, eps, factor, gradient, mean_square, velocity, mean, parameters
    )


@elementwise
def centered_step(learning_rate, alpha, rest, eps, factor, g, s, v, m, w):
    s = alpha * s + rest * (g * g)
    m = alpha * m + rest * g
    v = factor * v + g / (square_root(larger(s - m * m, s.of(0))) + eps)
    return s, v, m, w - learning_rate * v


@inlined
def adagrad(gradient, numbers, step, state, parameters):
    rate = numbers[0] / (1 + (step - 1) * numbers[1])
    adagrad_step(rate, numbers[2], gradient, state[0], parameters)


@elementwise
def adagrad_step(rate, eps, g, s, w):
    s = s + g * g
    return s, w - rate * g / (root(s) + eps)


@inlined
def adam(gradient, numbers, step, state, parameters):
    adam_with_decay(gradient, numbers, step, state, parameters, 0.0)


@inlined
def adamw(gradient, numbers, step, state, parameters):
    adam_with_decay(gradient, numbers, step, state, parameters, numbers[4])


@inlined
def adam_with_decay(gradient, numbers, step, state, parameters, weight_decay):
    beta1, beta2 = numbers[1], numbers[2]
    # One division a parameter: m / (sqrt(s) / c + eps) = c m / (sqrt(s) + c eps).
    c = root(bias_correction(beta2, float(step)))
    rate, eps = numbers[0] * c / bias_correction(beta1, float(step)), numbers[3] * c
    kept, m, s = 1 - numbers[0] * weight_decay, state[0], state[1]
    adam_step(beta1, 1 - beta1, beta2, 1 - beta2, rate, eps, kept, gradient, m, s, parameters)


@elementwise
def adam_step(beta1, rest1, beta2, rest2, rate, eps, kept, g, m, s, w):
    m = beta1 * m + rest1 * g
    s = beta2 * s + rest2 * (g * g)
    return m, s, kept * w - rate * m / (root(s) + eps)


@inlined
def amsgrad(gradient, numbers, step, state, parameters):
    beta1, beta2 = numbers[1], numbers[2]
    # One division a parameter, as in Adam.
    c = root(bias_correction(beta2, float(step)))
    rate, eps = numbers[0] * c / bias_correction(beta1, float(step)), numbers[3] * c
    m, s, most = state[0], state[1], state[2]
    amsgrad_step(beta1, 1 - beta1, beta2, 1 - beta2, rate, eps, gradient, m, s, most, parameters)


@elementwise
def amsgrad_step(beta1, rest1, beta2, rest2, rate, eps, g, m, s, most, w):
    m = beta1 * m + rest1 * g
    s = beta2 * s + rest2 * (g * g)
    most = larger(most, s)
    return m, s, most, w - rate * m / (root(most) + eps)


@inlined
def nadam(gradient, numbers, step, state, parameters):
    beta1, beta2 = numbers[1], numbers[2]
    factor = beta1 * (1 - 0.5 * 0.96 ** (step * numbers[4]))
    next_factor = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * numbers[4]))
    product = numbers[5] * factor
    numbers[5] = product
    c = root(bias_correction(beta2, float(step)))
    of_g = numbers[0] * c * (1 - factor) / (1 - product)
    of_m = numbers[0] * c * next_factor / (1 - product * next_factor)
    eps, m, s = numbers[3] * c, state[0], state[1]
    nadam_step(beta1, 1 - beta1, beta2, 1 - beta2, of_g, of_m, eps, gradient, m, s, parameters)


@elementwise
def nadam_step(beta1, rest1, beta2, rest2, rate_of_g, rate_of_m, eps, g, m, s, w):
    m = beta1 * m + rest1 * g
    s = beta2 * s + rest2 * (g * g)
    return m, s, w - (rate_of_g * g + rate_of_m * m) / (root(s) + eps)


@inlined
def lion(gradient, numbers, step, state, parameters):
    rate, beta1, beta2 = numbers[0], numbers[1], numbers[2]
    kept = 1 - rate * numbers[3]
    lion_step(rate, beta1, 1 - beta1, beta2, 1 - beta2, kept, gradient, state[0], parameters)


@elementwise
def lion_step(learning_rate, beta1, rest1, beta2, rest2, kept, g, m, w):
    direction = sign(beta1 * m + rest1 * g)
    return beta2 * m + rest2 * g, kept * w - learning_rate * direction


@inlined
def rprop(gradient, numbers, step, state, parameters):
    shrink, grow, smallest, largest = numbers[1], numbers[2], numbers[3], numbers[4]
    rprop_step(shrink, grow, smallest, largest, gradient, state[0], state[1], parameters)


@elementwise
def rprop_step(shrink, grow, smallest, largest, g, previous, size, w):
    agreement = g * previous
    size = size * choose(agreement > 0, grow, choose(agreement < 0, shrink, size.of(1)))
    size = choose(size < smallest, smallest, size)
    size = choose(size > largest, largest, size)
    g = choose(agreement < 0, 0, g)
    return g, size, w - sign(g) * size


@formula
def bias_correction(beta, step):
    """1 - beta^step. Numba multiplies for a whole power, with an error that grows with it."""
    return 1 - power(beta, step)
