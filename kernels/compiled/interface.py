"""What the compiled path offers: the functions of the reference path, with the same arguments.

Each call has a workspace of its own, so that several threads may share a network. The choices
hold addresses: what stands there is kept alive by the caller, or by a variable of its own here.
"""

import functools

import numpy as np

from . import binding, drop_in, network, table, training
from .prediction import Predictor
from .program import Program

_program = functools.lru_cache(maxsize=64)(Program)


def predictor(plan, parameters):
    """A function for predictions one after the other; see the reference's."""
    return Predictor(plan, parameters).predict


def predict(plan, parameters, X, rows=None):
    """The output activations, (rows, n_L)."""
    return Predictor(plan, parameters).predict_rows(X, rows)


def forward(plan, parameters, X):
    """Returns ([X, z_1, ..., z_L], [X, a_1, ..., a_L])."""
    program = _program(plan)
    choices, workspace = program.for_rows(parameters, X, keep_logits=True)
    choices[table.SCATTER] = program.address(binding.scatter, "scatter_rows")
    layer_inputs = [X] + [np.empty((len(X), layer.n_out), X.dtype) for layer in plan.layers]
    outputs = [X] + [np.empty_like(z) for z in layer_inputs[1:]]
    kept = _addresses(layer_inputs, outputs)
    network.forward(choices, program.layers, _order(X), kept)
    del workspace
    return layer_inputs, outputs


def backward(plan, parameters, layer_inputs, outputs, targets, learning_rate):
    """One update as in the drop-in, from what `forward` returned; changes the parameters."""
    program = _program(plan)
    X = outputs[0]
    choices, workspace = program.for_rows(parameters, X, whole=True, keep_logits=True)
    gradient = np.empty_like(parameters)
    choices[table.GRADIENT] = gradient.ctypes.data
    program.with_targets(choices, targets)
    program.with_derivatives()
    choices[table.GATHER_KEPT] = program.gather_rows(X)
    choices[table.OPTIMIZER] = program.address(binding.optimizer, "sgd")
    team = program.team(choices, 1)
    team.numbers[0, 0] = learning_rate
    drop_in.backward(
        choices,
        program.layers,
        _order(X),
        _addresses(layer_inputs, outputs),
        team.members[0],
    )
    del workspace, gradient


def loss(plan, parameters, X, targets, weights=None, rows=None):
    """The sum over the rows of weight times loss, without penalties."""
    program = _program(plan)
    order = _order(X, rows)
    choices, workspace = program.for_rows(parameters, X, len(order))
    kept = program.with_loss(choices, plan.loss_kernel, targets, weights)
    choices[table.ONLY_LOSS] = 1
    total = np.zeros(1)
    training.train(
        choices,
        program.layers,
        order,
        total,
        order,  # for the position
        program.team(choices, 1).members[0],
    )
    del kept, workspace
    return total[0]


def gradient(plan, parameters, X, targets, out, weights=None):
    """Fill `out` with the gradient of the mean loss and the penalties; returns their value."""
    program = _program(plan)
    choices, workspace = program.for_rows(parameters, X)
    choices[table.GRADIENT] = out.ctypes.data
    kept = program.with_loss(choices, plan.loss_kernel, targets, weights)
    program.with_slopes(choices)
    team = program.team(choices, 1)
    value = training.gradient(choices, program.layers, _order(X), team.members[0])
    del kept, workspace
    return value


def penalty(plan, parameters, gradient=None):
    """The value of the penalties on the weights; their gradient is added to `gradient`."""
    value = np.zeros(1)
    if plan.l1 or plan.l2:
        penalize = binding.function(binding.penalizing, "penalize", plan.dtype)
        if gradient is None:
            gradient = np.empty_like(parameters)
        for layer in plan.layers:
            w, g = parameters[layer.weights], gradient[layer.weights]
            penalize(plan.l1, plan.l2, w.ctypes.data, g.ctypes.data, value.ctypes.data, w.size)
    return value[0]


def trainer(plan, parameters, X, targets, run, losses):
    """A function of (last_step, budget, threads=1) that takes steps; see the reference's `train`.

    The budget is in chunks: what is left of a batch is done in the next call. The number of
    threads, at most the run's, may change from call to call.
    """
    program = _program(plan)
    choices, workspace = program.for_rows(
        parameters,
        X,
        run.batch_size,
        training=True,
        each_layer=run.update_each_layer,
        threads=run.n_threads,
    )
    kept = program.with_loss(choices, run.loss, targets, run.weights)
    program.with_slopes(choices)
    numbers, norms = program.with_run(choices, kept[0], run)
    team_of = functools.cache(functools.partial(program.team, choices))

    def train(last_step, budget, threads=1, keep=(parameters, X, workspace, kept, norms)):
        position = run.position
        position[table.LAST_STEP], position[table.BUDGET] = last_step, budget
        choices[table.RATES], choices[table.N_RATES] = run.rates.ctypes.data, len(run.rates)
        step = position[table.STEP]
        numbers[step % 2, : run.numbers.size] = run.numbers

        def follow(member):
            return training.train(
                choices,
                program.layers,
                run.order,
                losses,
                position,
                member,
            )

        try:
            is_finite = team_of(threads).run(follow)
        except RuntimeError:  # the system has no more threads; nothing was done
            is_finite = team_of(1).run(follow)
        run.numbers[:] = numbers[position[table.STEP] % 2, : run.numbers.size]
        if not is_finite:
            run.numbers[0] = run.rates[min(position[table.STEP] - step, len(run.rates) - 1)]
        return is_finite

    return train


def _order(X, rows=None):
    return np.arange(len(X), dtype=np.int64) if rows is None else rows


def _addresses(layer_inputs, outputs):
    pairs = zip(layer_inputs[1:], outputs[1:], strict=True)
    return np.array([(z.ctypes.data, a.ctypes.data) for z, a in pairs], np.int64)
