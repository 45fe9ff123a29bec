"""fastnet itself."""

import numpy as np

from fastnet import NeuralNetwork


def train(backend, workload, **options):
    """`options` are more of the network's."""
    flat = np.concatenate([array.ravel() for layer in workload.initial for array in layer])
    rng = np.random.default_rng(0)
    unused = rng.bit_generator.state
    network = NeuralNetwork(
        workload.layer_sizes,
        hidden=workload.hidden,
        output=workload.output,
        init=flat,
        dtype=workload.dtype,
        backend=backend,
        seed=rng,
        **workload.network_options,
        **options,
    )
    full = workload.batch_size == workload.rows
    arguments = {
        "epochs": workload.epochs,
        "learning_rate": workload.learning_rate,
        "verbose": False,
        "batch_size": None if full else workload.batch_size,
        "shuffle": False,
        "optimizer": workload.optimizer,
        **workload.train_options,
    }

    def run():
        rng.bit_generator.state = unused
        network.reset_training()
        network.parameters = flat
        network.train(workload.X, workload.y, **arguments)
        return [(w, b[0]) for w, b in zip(network.weights, network.biases, strict=True)]

    return run


def predict(workload, **options):
    """`options` are more of the network's."""
    network = NeuralNetwork(
        workload.layer_sizes,
        hidden=workload.hidden,
        output=workload.output,
        init=np.concatenate([array.ravel() for layer in workload.initial for array in layer]),
        dtype=workload.dtype,
        backend="compiled",
        **options,
    )
    return lambda: network.predict(workload.X)
