"""What the compiled path offers: the functions of the reference path, with the same arguments.

Each call has a workspace of its own, so that several threads may share a network.
"""

import functools

import numpy as np

from . import binding, network, table, training
from .program import Program

_program = functools.lru_cache(maxsize=64)(Program)


def predict(plan, parameters, X):
    """The output activations, (rows, n_L)."""
    program = _program(plan)
    choices, workspace = program.for_rows(X)
    out = np.empty((len(X), plan.layer_sizes[-1]), X.dtype)
    network.predict(choices, program.layers, parameters, workspace, _order(len(X)), out)
    return out


def forward(plan, parameters, X):
    """Returns ([X, z_1, ..., z_L], [X, a_1, ..., a_L])."""
    program = _program(plan)
    choices, workspace = program.for_rows(X)
    layer_inputs = [X] + [np.empty((len(X), layer.n_out), X.dtype) for layer in plan.layers]
    outputs = [X] + [np.empty_like(z) for z in layer_inputs[1:]]
    kept = _addresses(layer_inputs, outputs)
    order = _order(len(X))
    network.forward(choices, program.layers, parameters, workspace, order, kept)
    return layer_inputs, outputs


def backward(plan, parameters, layer_inputs, outputs, targets, learning_rate):
    """One update as in the drop-in, from what `forward` returned; changes the parameters."""
    program = _program(plan)
    X = outputs[0]
    choices, workspace = program.for_rows(X, whole=True)
    program.with_targets(choices, targets)
    choices[table.OPTIMIZER] = program.address(binding.optimizer, "sgd")
    choices[table.UPDATE_EACH_LAYER] = True
    network.backward(
        choices,
        program.layers,
        np.array([learning_rate]),
        parameters,
        np.empty_like(parameters),
        workspace,
        _order(len(X)),
        _addresses(layer_inputs, outputs),
    )


def loss(plan, parameters, X, targets):
    """The mean loss over the rows."""
    program = _program(plan)
    choices, workspace = program.for_rows(X)
    program.with_loss(choices, plan.loss, targets)
    order = _order(len(X))
    total = network.loss(choices, program.layers, parameters, workspace, order)
    return total / len(X)


def gradient(plan, parameters, X, targets, out):
    """Fill `out` with the gradient of the mean loss by the parameters; returns the loss."""
    program = _program(plan)
    choices, workspace = program.for_rows(X)
    program.with_loss(choices, plan.loss, targets)
    order, unused = _order(len(X)), np.empty(0)
    total = training.gradient(choices, program.layers, unused, parameters, workspace, order, out)
    return total / len(X)


def trainer(plan, parameters, X, targets, run, losses):
    """A function of (first_step, steps) that takes these steps; see the reference's `train`."""
    program = _program(plan)
    choices, workspace = program.for_rows(X, run.batch_size, whole=run.update_each_layer)
    program.with_loss(choices, run.loss, targets)
    choices[table.OPTIMIZER] = program.address(binding.optimizer, run.optimizer)
    choices[table.UPDATE_EACH_LAYER] = run.update_each_layer
    choices[table.BATCH_SIZE], choices[table.SHUFFLE] = run.batch_size, run.shuffle

    # The choices hold addresses only; `keep` keeps the data alive for as long as they do.
    def train(first_step, steps, keep=(X, targets)):
        choices[table.KEY] = run.key
        training.train(
            choices,
            program.layers,
            run.numbers,
            parameters,
            run.gradient,
            workspace,
            run.order,
            losses,
            first_step,
            steps,
        )

    return train


def _order(rows):
    return np.arange(rows, dtype=np.int64)


def _addresses(layer_inputs, outputs):
    pairs = zip(layer_inputs[1:], outputs[1:], strict=True)
    return np.array([(z.ctypes.data, a.ctypes.data) for z, a in pairs], np.int64)
