"""A whole network: forward, loss and back-propagation.

plan : what the network is; `plan.layers` in order, each with n_in, n_out, activation and the
    `span` of the flat vectors where its weights and bias stand.
parameters, gradient : flat vectors, all layers one after the other.
X : (rows, n_0) of any real dtype; the arithmetic is in the dtype of the parameters.
targets : (rows, n_L) numbers, or (rows,) int64 labels.
weights : (rows,) float64, of each row in the mean, or None for a plain mean.
rows : int64, the rows of the data that are meant, or None for all.
"""

import numpy as np

from . import batches, custom, layers
from .dropout import dropout_backward
from .penalties import penalize


def predict(plan, parameters, X, rows=None):
    """The output activations, (rows, n_L)."""
    return forward(plan, parameters, all_inputs(X, parameters, rows))[1][-1]


def predictor(plan, parameters):
    """A function of (X, n_threads=1): as `predict`, but None where a number is not finite.

    It reads the parameters at each call.

    X : (rows, n_0) or (n_0,).  n_threads : NumPy has its own.
    """

    def predict_finite(X, n_threads=1):
        with np.errstate(over="ignore"):
            X = all_inputs(X.reshape(-1, plan.layer_sizes[0]), parameters)
        return predict(plan, parameters, X) if np.isfinite(X).all() else None

    return predict_finite


def forward(plan, parameters, X, drop=None):
    """Returns ([X, z_1, ..., z_L], [X, a_1, ..., a_L]).

    drop : function of (place, a) that drops units of a layer's input `a` in place, in training.
    """
    layer_inputs, outputs = [X], [X]
    for place, layer in enumerate(plan.layers):
        if drop:
            drop(place, outputs[-1])
        z = np.empty((len(X), layer.n_out), X.dtype)
        a = np.empty_like(z)
        layers.affine(outputs[-1], matrix(parameters, layer), z)
        custom.activation(layer.activation)[0](z, a)
        layer_inputs.append(z)
        outputs.append(a)
    return layer_inputs, outputs


def backward(plan, parameters, layer_inputs, outputs, targets, learning_rate):
    """One update as in the drop-in, from what `forward` returned; changes the parameters."""
    delta = (outputs[-1] - batch_targets(targets, slice(None), outputs[-1])) / len(targets)
    gradient = np.empty_like(parameters)

    def update(layer):
        parameters[layer.span] -= parameters.dtype.type(learning_rate) * gradient[layer.span]

    back_propagate(plan, parameters, layer_inputs, outputs, delta, gradient, after_layer=update)


def loss(plan, parameters, X, targets, weights=None, rows=None):
    """The sum over the rows of weight times loss, without penalties."""
    layer_inputs, outputs = forward(plan, parameters, all_inputs(X, parameters, rows))
    chosen = slice(None) if rows is None else rows
    target = batch_targets(targets, chosen, outputs[-1])
    scale = np.ones(len(target), parameters.dtype)
    values = output_delta(plan, plan.loss_kernel, layer_inputs[-1], outputs[-1], target, scale)[1]
    if weights is not None:
        values = values * weights[chosen]
    return values.sum(dtype=np.float64)


def gradient(plan, parameters, X, targets, out, weights=None):
    """Fill `out` with the gradient of the mean loss and the penalties; returns their value."""
    layer_inputs, outputs = forward(plan, parameters, all_inputs(X, parameters))
    target = batch_targets(targets, slice(None), outputs[-1])
    scale = row_scale(weights, slice(None), target)
    kernel = plan.loss_kernel
    delta, values = output_delta(plan, kernel, layer_inputs[-1], outputs[-1], target, scale)
    back_propagate(plan, parameters, layer_inputs, outputs, delta, out)
    return (values * scale).sum(dtype=np.float64) + penalty(plan, parameters, out)


def output_delta(plan, kernel, z, a, target, scale):
    """The gradient by the last layer's logits, and the loss of each row.

    kernel : a function of the logits, or of the output through which its gradient then passes.
    """
    delta, values = np.empty_like(z), np.empty(len(z), z.dtype)
    start = z if plan.is_of_logits(kernel) else a
    custom.loss(kernel)(start, target, np.array(plan.loss_numbers), scale, delta, values)
    if start is a:
        custom.activation(plan.output)[1](z, a, delta)
    return delta, values


def back_propagate(
    plan, parameters, layer_inputs, outputs, delta, gradient, masks=None, after_layer=None
):
    """Fill `gradient`, from the last layer to the first.

    masks : of the units that were dropped, by the place of the layer that they are inputs of.
    `after_layer` is called as soon as a layer's gradient is known: what it does to the weights
    is what delta then passes through.
    """
    for place in reversed(range(len(plan.layers))):
        layer = plan.layers[place]
        layers.weight_gradient(outputs[place], delta, False, matrix(gradient, layer))
        if after_layer:
            after_layer(layer)
        if place:
            previous = np.empty_like(outputs[place])
            layers.input_delta(delta, matrix(parameters, layer), previous)
            if masks and place in masks:
                dropout_backward(masks[place], previous)
            derivative = custom.activation(plan.layers[place - 1].activation)[1]
            derivative(layer_inputs[place], outputs[place], previous)
            delta = previous


def penalty(plan, parameters, gradient=None):
    """The value of the penalties on the weights; their gradient is added to `gradient`."""
    value = np.zeros(1)
    if plan.l1 or plan.l2:
        if gradient is None:
            gradient = np.empty_like(parameters)
        for layer in plan.layers:
            place = layer.weights
            penalize(plan.l1, plan.l2, parameters[place], gradient[place], value)
    return value[0]


def matrix(vector, layer):
    """The layer's part of a flat vector, (n_in + 1, n_out): the weights, and the bias below."""
    return vector[layer.span].reshape(layer.n_in + 1, layer.n_out)


def all_inputs(X, like, rows=None):
    """The rows of X in the dtype of the parameters."""
    return (X if rows is None else X[rows]).astype(like.dtype, copy=False)


def batch_targets(targets, chosen, like):
    """Targets of the chosen rows as rows of numbers, from rows of numbers or from labels."""
    out = np.empty_like(like)
    order = np.arange(len(targets))[chosen]
    gather = batches.gather_labels if targets.ndim == 1 else batches.gather_rows
    gather(targets, order, out)
    return out


def row_scale(weights, chosen, like):
    """What each row counts in the mean over the chosen rows; all 0 where all weights are."""
    if weights is None:
        return np.full(len(like), 1 / len(like), like.dtype)
    total = weights[chosen].sum()
    return (weights[chosen] * (1 / total if total > 0 else 0)).astype(like.dtype)
