"""Where PyTorch's optimizers go on a small problem, for machines without PyTorch.

python -m tests.trajectories.make    writes trajectories.json anew
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("trajectories.json")
STEPS, EVERY = 200, 20

# Name -> the class, which is called the same in both, and its arguments as fastnet names them.
CASES = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop, momentum": ("RMSprop", {"alpha": 0.9, "eps": 1e-3, "momentum": 0.7}),
    "rmsprop, centered": ("RMSprop", {"eps": 1e-4, "centered": True}),
    "rmsprop, centered, momentum": (
        "RMSprop",
        {"alpha": 0.95, "eps": 1e-2, "momentum": 0.5, "centered": True},
    ),
    "adagrad": ("Adagrad", {"learning_rate": 0.2}),
    "adagrad, decay": ("Adagrad", {"learning_rate": 0.2, "lr_decay": 0.01, "eps": 1e-3}),
    "adagrad, initial": ("Adagrad", {"learning_rate": 0.3, "initial_accumulator_value": 0.1}),
    "adam": ("Adam", {}),
    "adam, betas": ("Adam", {"learning_rate": 0.02, "betas": (0.4, 0.95), "eps": 1e-3}),
    "adam, no averages": ("Adam", {"learning_rate": 0.01, "betas": (0.0, 0.0), "eps": 1e-2}),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "betas": (0.9, 0.8), "amsgrad": True}),
    "adamw": ("AdamW", {}),
    "adamw, decay": ("AdamW", {"learning_rate": 0.02, "eps": 1e-4, "weight_decay": 0.3}),
    "nadam": ("NAdam", {}),
    "nadam, decay": (
        "NAdam",
        {"learning_rate": 0.015, "betas": (0.8, 0.99), "eps": 1e-4, "momentum_decay": 0.2},
    ),
    "lion": ("Lion", {"learning_rate": 0.003}),
    "lion, decay": ("Lion", {"learning_rate": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.2}),
    "rprop": ("Rprop", {}),
    "rprop, narrow": (
        "Rprop",
        {"learning_rate": 0.1, "etas": (0.7, 1.4), "step_sizes": (0.01, 0.2)},
    ),
}

ROWS, N = 24, 7
START = np.cos(3.0 * np.arange(N))
# Least squares whose columns shrink by half, so that some parameters are learned slowly.
_X = np.cos(1 + 0.7 * np.outer(np.arange(ROWS), 1 + np.arange(N))) * 0.5 ** np.arange(N)
_Y = 2 * np.sin(np.arange(ROWS))


def gradient(parameters, step):
    """Of the mean squared error over one of four batches in turn, which keeps it from 0."""
    X, y = _X[step % 4 :: 4], _Y[step % 4 :: 4]
    residual = (X * parameters).sum(axis=1) - y
    return (X * residual[:, None]).mean(axis=0)


def trajectory(update):
    """Every 20th of 200 steps, (10, N); `update` changes the parameters by (step, parameters)."""
    parameters, kept = START.copy(), []
    for step in range(1, STEPS + 1):
        update(step, parameters)
        if step % EVERY == 0:
            kept.append(parameters.copy())
    return np.array(kept)


def torch_trajectory(name):
    """The trajectory of one case, by PyTorch in float64."""
    import torch

    kind, arguments = CASES[name]
    arguments = {("lr" if key == "learning_rate" else key): v for key, v in arguments.items()}
    before = torch.get_default_dtype()
    # PyTorch keeps scalars, as NAdam's product, in the default dtype.
    torch.set_default_dtype(torch.float64)
    try:
        tensor = torch.from_numpy(START.copy())
        optimizer = getattr(torch.optim, kind)([tensor], **arguments)

        def update(step, parameters):
            tensor.grad = torch.from_numpy(gradient(parameters, step))
            optimizer.step()
            parameters[:] = tensor.numpy()

        return trajectory(update)
    finally:
        torch.set_default_dtype(before)


def lion_trajectory(name):
    """The same for Lion, which PyTorch has not: algorithm 2 of the paper, number by number."""
    arguments = {"betas": (0.9, 0.99), "weight_decay": 0.0} | CASES[name][1]
    rate, decay = arguments["learning_rate"], arguments["weight_decay"]
    (beta1, beta2), averages = arguments["betas"], [0.0] * N

    def update(step, parameters):
        for i, g in enumerate(gradient(parameters, step).tolist()):
            mixed = beta1 * averages[i] + (1 - beta1) * g
            direction = (mixed > 0) - (mixed < 0)
            averages[i] = beta2 * averages[i] + (1 - beta2) * g
            parameters[i] -= rate * (direction + decay * parameters[i])

    return trajectory(update)


def recomputed(name):
    """The trajectory of one case, from its source."""
    return lion_trajectory(name) if CASES[name][0] == "Lion" else torch_trajectory(name)


def stored():
    """Name -> the trajectory on file."""
    return {name: np.array(rows) for name, rows in json.loads(FILE.read_text()).items()}


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(recomputed(name).tolist())}" for name in CASES]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
