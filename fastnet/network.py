"""NeuralNetwork: the drop-in."""

from __future__ import annotations

import numpy as np

from . import buffers, initialization, validation
from .backend import choose as choose_backend
from .backend import load as load_backend
from .plan import Plan
from .training import Run, print_epoch, run_slices


class NeuralNetwork:
    """A multi-layer perceptron: ReLU in the hidden layers, sigmoid or softmax at the output.

    A replacement for the class that people write when they learn, number for number, on a
    compiled path (the default) or a readable NumPy one.

    Parameters
    ----------
    layer_sizes : sequence of int
        Inputs, hidden layers, outputs; at least two positive numbers.
    output : {"sigmoid", "softmax"}
        The last layer's activation; its loss is the matching cross-entropy.
    dtype : {"float64", "float32"}
        Of the parameters and of all arithmetic.
    backend : {"compiled", "reference"}, optional
        Default: the environment variable FASTNET_BACKEND, or "compiled".
    seed : int or numpy.random.Generator, optional
        Source of the initial weights and of the order of mini-batches. Default: NumPy's global
        generator, which is drawn from once a layer, `np.random.randn(n_in, n_out)`.

    Attributes
    ----------
    parameters : ndarray, (n_parameters,)
        All weights and biases, layer after layer: (n_in, n_out) weights row by row, then the
        n_out biases.
    weights, biases : sequences of ndarray, (n_in, n_out) and (1, n_out)
        Views of `parameters`; they can be changed in place and assigned to.
    activations, layer_inputs : lists of ndarray, (rows, n)
        [X, a_1, ..., a_L] and [X, z_1, ..., z_L] of the last `forward`; empty before.

    Raises
    ------
    ValueError, TypeError
        In one sentence, where an argument is not as described. Nothing is changed then.
    ImportError
        Where the compiled backend is asked for and Numba is not installed.
    """

    def __init__(
        self, layer_sizes, *, output="sigmoid", dtype="float64", backend=None, seed=None
    ) -> None:
        dtype = validation.dtype_name(dtype)
        sizes = validation.layer_sizes(layer_sizes, dtype)
        output = validation.output(output, sizes[-1])
        self.backend = choose_backend(backend)
        self._rng = validation.rng(seed)
        self._plan = Plan.of(sizes, output, dtype)
        self._parameters = initialization.he_normal(self._plan, self._normal)
        self.activations: list[np.ndarray] = []
        self.layer_inputs: list[np.ndarray] = []

    def _normal(self, n_in, n_out):
        if self._rng is None:
            return np.random.randn(n_in, n_out)
        return self._rng.standard_normal((n_in, n_out))

    def __setstate__(self, state) -> None:
        self.__dict__.update(state)
        # What sends networks to other processes may map their arrays read-only.
        self._parameters = np.array(self._parameters)

    def __repr__(self) -> str:
        return (
            f"NeuralNetwork({list(self.layer_sizes)}, output={self._plan.output!r}, "
            f"dtype={self.dtype!r}, backend={self.backend!r})"
        )

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Inputs, hidden layers, outputs."""
        return self._plan.layer_sizes

    @property
    def dtype(self) -> str:
        """The name of the type of all numbers."""
        return self._plan.dtype

    @property
    def parameters(self) -> np.ndarray:
        """The flat vector of all weights and biases; assignment copies into it."""
        # A view, so that a resize or a change of flags cannot reach what the kernels write.
        return self._parameters[:]

    @parameters.setter
    def parameters(self, value) -> None:
        vector = self._parameters
        vector[...] = validation.array_of_shape(value, "parameters", vector.shape, vector.dtype)

    @property
    def weights(self) -> buffers.LayerArrays:
        """Views of the weights, (n_in, n_out) each."""
        return buffers.weights(self._plan, self._parameters)

    @weights.setter
    def weights(self, values) -> None:
        self.weights[:] = values

    @property
    def biases(self) -> buffers.LayerArrays:
        """Views of the biases, (1, n_out) each."""
        return buffers.biases(self._plan, self._parameters)

    @biases.setter
    def biases(self, values) -> None:
        self.biases[:] = values

    @staticmethod
    def sigmoid(x):
        """1 / (1 + exp(-x)), elementwise, with x clipped to [-500, 500]."""
        x = np.clip(np.asarray(x, _real(x)), -500, 500)
        out = np.empty_like(x)
        load_backend("reference", "activations").sigmoid(x, out)
        return out[()]

    @staticmethod
    def sigmoid_derivative(x):
        """s (1 - s) with s = sigmoid(x), elementwise."""
        s = NeuralNetwork.sigmoid(x)
        return s * (1 - s)

    @staticmethod
    def relu(x):
        """max(0, x), elementwise."""
        return np.maximum(np.asarray(x, _real(x)), 0)

    @staticmethod
    def relu_derivative(x):
        """1.0 where x > 0 and 0.0 elsewhere, elementwise."""
        return (np.asarray(x) > 0).astype(_real(x))[()]

    def forward(self, X) -> np.ndarray:
        """The output activations, (rows, n_L), keeping all layers' for `backward`.

        X : (rows, n_0), or (n_0,) for one row; finite real numbers of any dtype.
        """
        X = self._inputs(X, row_allowed=True)
        self.layer_inputs, self.activations = self._path.forward(self._plan, self._parameters, X)
        return self.activations[-1]

    def predict(self, X) -> np.ndarray:
        """The result of `forward(X)`, keeping nothing."""
        X = self._inputs(X, row_allowed=True)
        return self._path.predict(self._plan, self._parameters, X)

    def backward(self, X, y, learning_rate=0.01) -> None:
        """One step of gradient descent from the activations kept by the last `forward`.

        Each layer is updated before delta passes back through its weights, as in the class
        that this one replaces; `train(optimizer="sgd")` takes the exact gradient.

        X : the rows given to `forward`.  y : as in `train`.
        """
        if not self.activations:
            raise ValueError("backward needs the activations of a forward call, there was none")
        X = self._inputs(X, row_allowed=True)
        kept = len(self.activations[0])
        if len(X) != kept:
            raise ValueError(f"X has {len(X)} rows, expected the {kept} of the last forward")
        targets = self._targets(y, kept)
        rate = validation.learning_rate(learning_rate, self.dtype)
        layer_inputs = self._kept("layer_inputs", kept)
        activations = self._kept("activations", kept)
        self._path.backward(self._plan, self._parameters, layer_inputs, activations, targets, rate)

    def loss(self, X, y) -> float:
        """The mean cross-entropy, from the logits in its stable form.

        Over rows and outputs for a sigmoid output, over rows for softmax.
        """
        X, targets = self._data(X, y)
        return float(self._path.loss(self._plan, self._parameters, X, targets))

    def gradients(self, X, y) -> np.ndarray:
        """The gradient of `loss(X, y)` by the parameters, laid out as `parameters`."""
        X, targets = self._data(X, y)
        out = np.empty_like(self._parameters)
        self._path.gradient(self._plan, self._parameters, X, targets, out)
        return out

    def train(
        self,
        X,
        y,
        epochs=1000,
        learning_rate=0.01,
        verbose=True,
        *,
        batch_size=None,
        shuffle=True,
        optimizer=None,
    ) -> list[float]:
        """Gradient descent; returns the loss of each epoch, taken before its updates.

        Parameters
        ----------
        X : array_like, (rows, n_0)
        y : array_like
            (rows, n_L) numbers in [0, 1], or (rows,) where there is one output. For softmax
            (rows,) labels 0 ... n_L - 1, or one-hot rows.
        epochs : int
            Passes over the data.
        learning_rate : float
        verbose : bool
            Print the loss of every hundredth epoch.
        batch_size : int, optional
            Rows of a mini-batch; the last of an epoch may be shorter. Default: all rows.
        shuffle : bool
            Draw a new order of the rows for each epoch. Used only with a batch size.
        optimizer : {"sgd"}, optional
            "sgd" follows the exact gradient of `loss`. Default: the update of `backward`, and
            for a sigmoid output the loss that goes with it, log(p + 1e-8).

        Returns
        -------
        list of float
            With mini-batches, the mean over the rows of each batch's loss before its update.

        A KeyboardInterrupt passes through between two slices of about 50 ms; the network keeps
        what it has learned.
        """
        X, targets = self._data(X, y)
        epochs = validation.epochs(epochs)
        rate = validation.learning_rate(learning_rate, self.dtype)
        verbose = validation.flag(verbose, "verbose")
        shuffle = validation.flag(shuffle, "shuffle") and batch_size is not None
        if batch_size is not None:
            batch_size = validation.whole_number(batch_size, "batch_size", 1)
        optimizer = validation.optimizer(optimizer)

        rows = len(X)
        run = Run.of(self._plan, self._parameters, rows, optimizer, rate, batch_size, shuffle)
        losses = np.zeros(epochs)
        train = self._path.trainer(self._plan, self._parameters, X, targets, run, losses)
        if shuffle and epochs:
            # Last, so that a call that fails before it trains draws nothing.
            run.key = self._next_shuffle_key()
        run_slices(train, losses, -(-rows // run.batch_size), print_epoch if verbose else None)
        return losses.tolist()

    def _next_shuffle_key(self) -> int:
        # Each call of `train` has an order of its own.
        if self._rng is None:
            return int(np.random.randint(2**63 - 1, dtype=np.int64))
        return int(self._rng.integers(2**63 - 1))

    @property
    def _path(self):
        return load_backend(self.backend)

    def _inputs(self, X, *, row_allowed):
        return validation.inputs(X, self.layer_sizes[0], self.dtype, row_allowed=row_allowed)

    def _kept(self, name, rows):
        """What `forward` kept, which the user may have replaced since, as the kernels want it."""
        arrays = getattr(self, name)
        if len(arrays) != len(self.layer_sizes):
            raise ValueError(
                f"{name} has {len(arrays)} arrays, expected the {len(self.layer_sizes)} of forward"
            )
        return [
            np.ascontiguousarray(
                validation.array_of_shape(array, f"{name}[{i}]", (rows, size), self.dtype)
            )
            for i, (array, size) in enumerate(zip(arrays, self.layer_sizes, strict=True))
        ]

    def _targets(self, y, rows):
        return validation.targets(
            y, rows, self.layer_sizes[-1], self.dtype, labels_allowed=self._plan.takes_labels
        )

    def _data(self, X, y):
        X = self._inputs(X, row_allowed=False)
        return X, self._targets(y, len(X))


def _real(x):
    """The float dtype in which a function of x is computed: its own, or float64."""
    dtype = np.asarray(x).dtype
    return dtype if dtype.kind == "f" else np.float64
