"""How many floating-point operations there are; a fused multiply-add is two."""

from itertools import pairwise


def of_product(n_in: int, n_out: int, rows: int) -> int:
    """A layer forward, its weights' gradient, or its inputs' gradient."""
    return 2 * n_in * n_out * rows


def of_prediction(layer_sizes, rows: int) -> int:
    """The products of all layers; activations are not counted."""
    return sum(of_product(n_in, n_out, rows) for n_in, n_out in pairwise(layer_sizes))


def of_step(layer_sizes, rows: int) -> int:
    """Three products a layer, but for the gradient by the network's inputs; nothing else."""
    return 3 * of_prediction(layer_sizes, rows) - of_product(*layer_sizes[:2], rows)
