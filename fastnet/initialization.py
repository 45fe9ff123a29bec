"""Initial weights: by name, one name a layer, or as they are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from . import buffers
from .kernels.memory import aligned_zeros
from .plan import Plan
from .validation import array_of_shape, one_of


def initial(plan: Plan, init, rng) -> np.ndarray:
    """A flat vector of initial parameters; biases that are not given are 0.

    Parameters
    ----------
    plan : Plan
    init : str, list or ndarray
        A name for all layers; a list with a name or an (n_in, n_out) array for each layer; or
        an array of all parameters, (n_parameters,), laid out as `NeuralNetwork.parameters`.
        Arrays are copied. The weights of the names, with U(l) uniform in [-l, l):

        - "he_normal", "he_uniform": variance 2 / n_in, N(0, 2 / n_in) and U(sqrt(6 / n_in)).
          He, Zhang, Ren, Sun, ICCV 2015, equation 10; for ReLU.
        - "glorot_normal", "glorot_uniform": variance 2 / (n_in + n_out), N(0, 2 / (n_in + n_out))
          and U(sqrt(6 / (n_in + n_out))). Glorot, Bengio, AISTATS 2010, equations 12 and 16;
          for tanh and sigmoid.
        - "lecun_normal", "lecun_uniform": variance 1 / n_in, N(0, 1 / n_in) and U(sqrt(3 / n_in)).
          LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, equation 16; for tanh, and for
          SELU (Klambauer, Unterthiner, Mayr, Hochreiter, NIPS 2017).
        - "orthogonal": uniformly distributed W with W^T W = I, or W W^T = I where n_out > n_in.
          Saxe, McClelland, Ganguli, ICLR 2014. The last bits are those of NumPy's LAPACK.
        - "zeros": for a last layer whose outputs start equal.
    rng : numpy.random.Generator or None
        None draws from NumPy's global generator. Names draw n_in * n_out float64 numbers each,
        layer after layer, "zeros" none.

    Returns
    -------
    ndarray, (n_parameters,), of the plan's dtype

    Raises
    ------
    ValueError, TypeError
        In one sentence, where `init` is not as described. Nothing is drawn then.
    """
    parameters = aligned_zeros(plan.size, plan.dtype)
    if isinstance(init, np.ndarray):
        parameters[...] = _finite(init, "init", (plan.size,), plan.dtype)
        return parameters
    draw = np.random if rng is None else rng
    chosen = _of_layers(plan, init)
    for weights, choice in zip(buffers.weights(plan, parameters), chosen, strict=True):
        weights[...] = RULES[choice](draw, *weights.shape) if isinstance(choice, str) else choice
    return parameters


def _of_layers(plan: Plan, init) -> list[str | np.ndarray]:
    """For each layer the name of a rule, or its weights."""
    if isinstance(init, str):
        return [one_of(init, "init", RULES)] * len(plan.layers)
    if isinstance(init, bytes) or not isinstance(init, Sequence):
        raise TypeError(
            f"init is a {type(init).__name__}, expected a name, a list with a name or an array "
            f"for each layer, or an array of all {plan.size} parameters"
        )
    if len(init) != len(plan.layers):
        raise ValueError(
            f"init has {len(init)} entries, expected {len(plan.layers)}, one for each layer, "
            f"or an array of all {plan.size} parameters"
        )
    return [
        one_of(choice, f"init[{i}]", RULES)
        if isinstance(choice, str)
        else _finite(choice, f"init[{i}]", (layer.n_in, layer.n_out), plan.dtype)
        for i, (choice, layer) in enumerate(zip(init, plan.layers, strict=True))
    ]


def _finite(value, name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    array = array_of_shape(value, name, shape, dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a NaN or an infinity, expected finite numbers")
    return array


def _normal(variance: Callable[[int, int], float]) -> Callable[..., np.ndarray]:
    def rule(draw, n_in, n_out):
        return draw.standard_normal((n_in, n_out)) * math.sqrt(variance(n_in, n_out))

    return rule


def _uniform(variance: Callable[[int, int], float]) -> Callable[..., np.ndarray]:
    def rule(draw, n_in, n_out):
        # The variance of a uniform number in [-l, l) is l^2 / 3.
        limit = math.sqrt(3 * variance(n_in, n_out))
        return draw.uniform(-limit, limit, (n_in, n_out))

    return rule


def _he(n_in: int, n_out: int) -> float:
    return 2 / n_in


def _glorot(n_in: int, n_out: int) -> float:
    return 2 / (n_in + n_out)


def _lecun(n_in: int, n_out: int) -> float:
    return 1 / n_in


def _orthogonal(draw, n_in: int, n_out: int) -> np.ndarray:
    normal = draw.standard_normal((n_in, n_out))
    wide = n_out > n_in
    q, r = np.linalg.qr(normal.T if wide else normal)
    # QR is unique, and Q uniformly distributed, where R's diagonal is positive (Mezzadri,
    # Notices of the AMS 54, 2007).
    q *= np.copysign(1, np.diag(r))
    return q.T if wide else q


def _zeros(draw, n_in: int, n_out: int) -> np.ndarray:
    return np.zeros((n_in, n_out))


RULES: dict[str, Callable[..., np.ndarray]] = {
    "he_normal": _normal(_he),
    "he_uniform": _uniform(_he),
    "glorot_normal": _normal(_glorot),
    "glorot_uniform": _uniform(_glorot),
    "lecun_normal": _normal(_lecun),
    "lecun_uniform": _uniform(_lecun),
    "orthogonal": _orthogonal,
    "zeros": _zeros,
}
