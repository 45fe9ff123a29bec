"""JAX: everything in one jit."""

import functools
import math

import numpy as np

from ..workloads import BETAS, EPS


def forward(hidden, parameters, X):
    """The last layer's sums."""
    a = X
    for place, (weight, bias) in enumerate(parameters):
        a = (hidden(a) if place else a) @ weight + bias
    return a


def train(workload):
    """All steps in one jit: a scan over the epochs around a scan over the batches."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    hidden = {"relu": jax.nn.relu, "tanh": jnp.tanh}[workload.hidden]
    with jax.enable_x64(workload.dtype == "float64"):
        X, y = workload.X, workload.y
        if workload.output == "softmax":
            y = np.eye(workload.layer_sizes[-1], dtype=workload.dtype)[y]
        full = workload.rows // workload.batch_size
        cut = full * workload.batch_size
        batches = tuple(
            jnp.asarray(array[:cut].reshape(full, workload.batch_size, -1)) for array in (X, y)
        )
        rest = tuple(jnp.asarray(array[cut:]) for array in (X, y))

    losses = {
        "identity": lambda z, y: ((z - y) ** 2).mean(),
        "sigmoid": lambda z, y: (jax.nn.softplus(z) - y * z).mean(),
        "softmax": lambda z, y: -(y * jax.nn.log_softmax(z)).sum(axis=1).mean(),
    }

    def loss(parameters, X, y):
        return losses[workload.output](forward(hidden, parameters, X), y)

    rate, (beta1, beta2) = workload.learning_rate, BETAS

    def sgd(parameters, gradients, state):
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), state

    def adam(parameters, gradients, state):
        m, s, time = state
        time += 1
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
        s = jax.tree.map(lambda s, g: beta2 * s + (1 - beta2) * g * g, s, gradients)
        # 1 - beta^time without the rounding of beta in float32.
        step_size = -rate / jnp.expm1(time * math.log(beta1))
        root = jnp.sqrt(-jnp.expm1(time * math.log(beta2)))
        parameters = jax.tree.map(
            lambda p, m, s: p - step_size * m / (jnp.sqrt(s) / root + EPS), parameters, m, s
        )
        return parameters, (m, s, time)

    update = {"adam": adam, "sgd": sgd}[workload.optimizer]

    def step(carry, batch):
        parameters, state = carry
        value, gradients = jax.value_and_grad(loss)(parameters, *batch)
        return update(parameters, gradients, state), value

    @functools.partial(jax.jit, donate_argnums=0)
    def train(parameters, batches, rest):
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        state = zeros, zeros, jnp.zeros((), workload.dtype)

        def epoch(carry, _):
            if full == 1:
                carry, values = step(carry, jax.tree.map(lambda a: a[0], batches))
            else:
                carry, values = lax.scan(step, carry, batches)
            if cut < workload.rows:
                carry, value = step(carry, rest)
                values = jnp.append(values, value)
            return carry, values

        carry = parameters, state if workload.optimizer == "adam" else None
        (parameters, _), values = lax.scan(epoch, carry, length=workload.epochs)
        return parameters, values

    def run():
        with jax.enable_x64(workload.dtype == "float64"):
            start = jax.device_put(workload.initial)
            parameters, _ = jax.block_until_ready(train(start, batches, rest))
        return [(np.asarray(weight), np.asarray(bias)) for weight, bias in parameters]

    return run


def predict(workload):
    """One jit, on an array that is there already."""
    import jax
    import jax.numpy as jnp

    hidden = {"relu": jax.nn.relu, "tanh": jnp.tanh}[workload.hidden]
    output = {
        "identity": lambda z: z,
        "sigmoid": jax.nn.sigmoid,
        "softmax": functools.partial(jax.nn.softmax, axis=1),
    }[workload.output]

    @jax.jit
    def function(parameters, X):
        return output(forward(hidden, parameters, X))

    parameters, X = jax.device_put((workload.initial, workload.X))
    return lambda: function(parameters, X).block_until_ready()
