"""A whole network: forward, loss and back-propagation.

plan : what the network is; `plan.layers` in order, each with n_in, n_out, activation and the
    `span` of the flat vectors where its weights and bias stand.
parameters, gradient : flat vectors, all layers one after the other.
"""

import numpy as np

from . import activations, batches, layers, losses, optimizers


def predict(plan, parameters, X):
    """The output activations, (rows, n_L)."""
    return forward(plan, parameters, X)[1][-1]


def forward(plan, parameters, X):
    """Returns ([X, z_1, ..., z_L], [X, a_1, ..., a_L])."""
    layer_inputs, outputs = [X], [X]
    for layer in plan.layers:
        z = np.empty((len(X), layer.n_out), X.dtype)
        a = np.empty_like(z)
        layers.affine(outputs[-1], matrix(parameters, layer), z)
        getattr(activations, layer.activation)(z, a)
        layer_inputs.append(z)
        outputs.append(a)
    return layer_inputs, outputs


def backward(plan, parameters, layer_inputs, outputs, targets, learning_rate):
    """One update as in the drop-in, from what `forward` returned; changes the parameters."""
    delta = (outputs[-1] - all_targets(targets, outputs[-1])) / len(targets)
    numbers = np.array([learning_rate])
    gradient = np.empty_like(parameters)

    def update(layer):
        optimizers.sgd(gradient[layer.span], numbers, parameters[layer.span])

    back_propagate(plan, parameters, layer_inputs, outputs, delta, gradient, after_layer=update)


def loss(plan, parameters, X, targets):
    """The mean loss over the rows."""
    layer_inputs, outputs = forward(plan, parameters, X)
    target = all_targets(targets, outputs[-1])
    return output_delta(plan.loss, layer_inputs[-1], target)[1]


def gradient(plan, parameters, X, targets, out):
    """Fill `out` with the gradient of the mean loss by the parameters; returns the loss."""
    layer_inputs, outputs = forward(plan, parameters, X)
    target = all_targets(targets, outputs[-1])
    delta, value = output_delta(plan.loss, layer_inputs[-1], target)
    back_propagate(plan, parameters, layer_inputs, outputs, delta, out)
    return value


def output_delta(name, z, target):
    """The gradient of the mean loss by the last layer's logits, and the mean loss."""
    delta, values = np.empty_like(z), np.empty(len(z), z.dtype)
    getattr(losses, name)(z, target, z.dtype.type(1 / len(z)), delta, values)
    return delta, values.mean(dtype=np.float64)


def back_propagate(plan, parameters, layer_inputs, outputs, delta, gradient, after_layer=None):
    """Fill `gradient`, from the last layer to the first.

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
            derivative = getattr(activations, f"{plan.layers[place - 1].activation}_backward")
            derivative(layer_inputs[place], outputs[place], previous)
            delta = previous


def matrix(vector, layer):
    """The layer's part of a flat vector, (n_in + 1, n_out): the weights, and the bias below."""
    return vector[layer.span].reshape(layer.n_in + 1, layer.n_out)


def all_targets(targets, like):
    """Targets as rows of numbers, from rows of numbers or from labels."""
    return batch_targets(targets, np.arange(len(targets)), like)


def batch_targets(targets, order, like):
    out = np.empty((len(order), like.shape[1]), like.dtype)
    gather = batches.gather_labels if targets.ndim == 1 else batches.gather_rows
    gather(targets, order, out)
    return out
