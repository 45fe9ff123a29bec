"""NeuralNetwork: what is imported, and the drop-in."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property

import numpy as np

from . import buffers, initialization, threads, validation
from .architecture import plan_of
from .backend import choose as choose_backend
from .backend import load as load_backend
from .training import evaluation, progress
from .training.callbacks import Callbacks
from .training.data import Data, rows_left, validation_set
from .training.history import History
from .training.loop import Training
from .training.options import Options
from .training.pace import Speed
from .training.state import TrainingState
from .training.stopping import Monitor

# The number of an epoch that no training reaches: its order splits off the validation rows.
SPLIT = 2**62


class NeuralNetwork:
    """A multi-layer perceptron.

    Without options a replacement for the class that people write when they learn, number for
    number: ReLU in the hidden layers, a sigmoid at the output. It runs on a compiled path (the
    default) or a readable NumPy one.

    Parameters
    ----------
    layer_sizes : sequence of int
        Inputs, hidden layers, outputs; at least two positive numbers.
    hidden : str, Activation, or list of these, optional
        The activation of the hidden layers, or a list with one for each: "identity", "sigmoid",
        "tanh", "relu", "leaky_relu" (slope 0.01), "elu", "selu", "gelu", "gelu_tanh", "silu",
        "mish", "softplus", or an `Activation` of your own.
    output : {"identity", "sigmoid", "softmax", "softplus", "tanh"}, optional
        The last layer's activation. Default: the one of the loss, and "sigmoid" without a loss.
    loss : str, Huber, Quantile or Loss, optional
        "binary_cross_entropy" (sigmoid), "cross_entropy" (softmax), "mse", "mae", "huber",
        "quantile" (identity; also softplus, tanh, sigmoid; "mse" with softmax too), "poisson"
        (softplus, or identity for the logarithm of the rate), or a `Loss` of your own. Default:
        the one of the output: the cross-entropies, and "mse" for identity, softplus and tanh.
    init : str, array or list, optional
        The initial weights; see `fastnet.initialization.initial`.
    dropout : float or list of float, optional
        The part of the units that each training step leaves out: one number for the hidden
        layers, or one for the inputs and then one for each hidden layer. Below 1.
    l1, l2 : float, optional
        Add l1 sum|w| + l2/2 sum(w^2) to the loss, over the weights without the biases.
    max_norm : float, optional
        The largest Euclidean norm of the incoming weights of each hidden unit.
    dtype : {"float64", "float32"}
        Of the parameters and of all arithmetic.
    backend : {"compiled", "reference"}, optional
        Default: the environment variable FASTNET_BACKEND, or "compiled".
    seed : int or numpy.random.Generator, optional
        Source of the initial weights and of everything random in training. Default: NumPy's
        global generator, which is drawn from once a layer, `np.random.randn(n_in, n_out)`.
    n_threads : int, optional
        Threads of the compiled path; the results are the same bits with any number of them.
        Default: as many as pay for the size of the network and of the batch, at most the cores
        that this process may use and that no other training in it is using; one in a worker of
        multiprocessing or joblib.

    Attributes
    ----------
    n_threads : int or None
        As above; it can be changed.
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
        self,
        layer_sizes,
        *,
        hidden="relu",
        output=None,
        loss=None,
        init="he_normal",
        dropout=0.0,
        l1=0.0,
        l2=0.0,
        max_norm=None,
        dtype="float64",
        backend=None,
        seed=None,
        n_threads=None,
    ) -> None:
        self.backend = choose_backend(backend)
        self._plan = plan_of(
            layer_sizes,
            hidden=hidden,
            output=output,
            loss=loss,
            dropout=dropout,
            l1=l1,
            l2=l2,
            max_norm=max_norm,
            dtype=dtype,
            backend=self.backend,
        )
        self.n_threads = validation.threads(n_threads)
        self._rng = validation.rng(seed)
        self._parameters = initialization.initial(self._plan, init, self._rng)
        self._state = TrainingState()
        self.activations: list[np.ndarray] = []
        self.layer_inputs: list[np.ndarray] = []
        # What training takes on this machine, by the rows of a batch.
        self._speeds: dict[int, Speed] = {}

    def __getstate__(self) -> dict:
        # The predictor holds addresses in this process.
        left_out = ("_predictor", "_speeds")
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state) -> None:
        self.__dict__.update(state)
        self.__dict__.pop("_predictor", None)
        self._speeds = {}
        # What sends networks to other processes may map their arrays read-only.
        self._parameters = np.array(self._parameters)
        self._state = copy.deepcopy(self._state)

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
        X = self._inputs(X)
        X = np.ascontiguousarray(X, self.dtype)
        self.layer_inputs, self.activations = self._path.forward(self._plan, self._parameters, X)
        return self.activations[-1]

    def predict(self, X, n_threads=None) -> np.ndarray:
        """The result of `forward(X)`, keeping nothing. Threads may call it at the same time.

        On the compiled path a row has the same bits alone, in any batch, and on any number of
        threads.

        Parameters
        ----------
        X : array_like, (rows, n_0) or (n_0,)
            Finite real numbers of any dtype. Those of another than the network's are converted a
            part at a time.
        n_threads : int, optional
            Threads for this call, among which the rows are shared out; on the reference path
            NumPy has its own. Default: the network's `n_threads`, or as many as pay; one where
            there is too little work to share.

        Returns
        -------
        ndarray, (rows, n_L)
            In the network's dtype.

        Raises
        ------
        ValueError, TypeError
            In one sentence, where an argument is not as described.
        """
        # In a loop over single rows all checks of any input would take most of the time: these are
        # what the kernels rely on.
        if not (
            type(X) is np.ndarray
            and X.dtype.kind in "fiub"
            and 0 < X.ndim < 3
            and X.shape[-1] == self._plan.layer_sizes[0]
            and X.size
        ):
            X = self._inputs(X)
        # Nor is there a microsecond to think about threads.
        if n_threads is None and len(X) < threads.ROWS_TO_SHARE:
            out = self._predictor(X)
        else:
            out = self._predict_on_threads(X, n_threads)
        if out is None:
            # Says which numbers are wrong, unless another thread has changed them meanwhile.
            out = self._path.predict(self._plan, self._parameters, self._inputs(X))
        return out

    def backward(self, X, y, learning_rate=0.01) -> None:
        """One step of gradient descent from the activations kept by the last `forward`.

        Each layer is updated before delta passes back through its weights, as in the class
        that this one replaces; `train(optimizer="sgd")` takes the exact gradient. For networks
        with sigmoid or softmax and its own cross-entropy, without dropout, l1, l2 and max_norm.

        X : the rows given to `forward`.  y : as in `train`.
        """
        if self._plan.drop_in_loss is None:
            raise ValueError(
                "backward is for sigmoid or softmax with its cross-entropy, without dropout, l1, "
                "l2 and max_norm; train(X, y, 1, optimizer='sgd') is a step of any network"
            )
        if not self.activations:
            raise ValueError("backward needs the activations of a forward call, there was none")
        X = self._inputs(X)
        kept = len(self.activations[0])
        if len(X) != kept:
            raise ValueError(f"X has {len(X)} rows, expected the {kept} of the last forward")
        targets = validation.targets(y, kept, self._plan)
        rate = validation.learning_rate(learning_rate, self.dtype)
        layer_inputs = self._kept("layer_inputs", kept)
        activations = self._kept("activations", kept)
        self._path.backward(self._plan, self._parameters, layer_inputs, activations, targets, rate)

    def loss(self, X, y, *, sample_weight=None) -> float:
        """The mean loss over the rows, with the penalties; no unit is dropped.

        Cross-entropies from the logits in their stable form. The mean is over rows and outputs,
        for softmax over rows, weighted where rows have weights.

        X, y, sample_weight : as in `train`.
        """
        data = Data.of(self._plan, X, y, sample_weight)
        return evaluation.mean_loss(self._path, self._plan, self._parameters, data)

    def gradients(self, X, y, *, sample_weight=None) -> np.ndarray:
        """The gradient of `loss(X, y)` by the parameters, laid out as `parameters`."""
        return self._value_and_gradient(self._parameters, X, y, sample_weight)[1]

    def value_and_gradient(
        self, parameters, X, y, *, sample_weight=None
    ) -> tuple[float, np.ndarray]:
        """The loss and its gradient at given parameters; the network stays as it is.

        For optimizers and samplers that drive a function of a flat vector, such as
        `scipy.optimize.minimize(network.value_and_gradient, network.parameters, (X, y),
        jac=True)`.

        Parameters
        ----------
        parameters : array_like, (n_parameters,)
        X, y, sample_weight : as in `train`.

        Returns
        -------
        float, ndarray (n_parameters,) of the network's dtype
        """
        vector = validation.array_of_shape(
            parameters, "parameters", self._parameters.shape, self.dtype
        )
        return self._value_and_gradient(np.ascontiguousarray(vector), X, y, sample_weight)

    def _value_and_gradient(self, vector, X, y, sample_weight):
        data = Data.of(self._plan, X, y, sample_weight)
        out = np.empty_like(self._parameters)
        value = self._path.gradient(self._plan, vector, data.X, data.targets, out, data.weights)
        return float(value), out

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
        schedule=None,
        sample_weight=None,
        class_weight=None,
        label_smoothing=0.0,
        clip_norm=None,
        clip_value=None,
        average=None,
        input_noise=0.0,
        validation=None,
        monitor=None,
        patience=None,
        min_delta=0.0,
        max_seconds=None,
        callbacks=None,
        checkpoint=None,
        every=1,
        on_interrupt="return",
        n_threads=None,
    ) -> History:
        """Gradient descent; returns the loss of each epoch, taken before its updates.

        Training goes on where the last call ended: the state of the optimizer, the schedule, the
        average and the order of the rows belong to the network, and train(5) twice is train(10),
        bit for bit; a schedule that ends needs its number of epochs then, `Cosine(10)`. Training
        goes on from the last step, even where the network holds the average or the best of its
        parameters; from these after `patience` has ended a training, and from parameters that
        were changed in between. `reset_training` forgets all of it.

        Parameters
        ----------
        X : array_like, (rows, n_0)
            Finite real numbers. An array of whole numbers, float32 or float64, in memory or in a
            file (`numpy.memmap`), is converted a batch at a time and never copied whole: on the
            compiled path not for a batch of all rows either, but for the drop-in's own update,
            which keeps the activations of its batch.
        y : array_like
            (rows, n_L) numbers, or (rows,) where there is one output: in [0, 1] for a
            cross-entropy, at least 0 for "poisson". For softmax (rows,) labels 0 ... n_L - 1, or
            rows of probabilities. With several quantiles, one column for each target.
        epochs : int
            Passes over the data.
        learning_rate : float
            Of an optimizer that is named; an optimizer object has its own.
        verbose : bool or "always"
            For the drop-in's own update the loss of every hundredth epoch, one a line; otherwise
            a progress bar where stderr is a terminal, or "always".
        batch_size : int, optional
            Rows of a mini-batch; the last of an epoch may be shorter. Default: all rows.
        shuffle : bool
            Draw a new order of the rows for each epoch. Used only with a batch size.
        optimizer : str or Optimizer, optional
            "sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "amsgrad", "adamw",
            "nadam", "lion", "rprop", or an object of `fastnet.optimizers`. Default: plain
            gradient descent. For a network that `backward` is for, and with no option from
            `schedule` to `input_noise`, that is the update of `backward` and, for a sigmoid
            output, the loss that goes with it, log(p + 1e-8); otherwise "sgd", the exact
            gradient.
        schedule : str or Schedule, optional
            How the learning rate changes: "cosine", "one_cycle", "inverse_scaling", "plateau",
            or an object of `fastnet.schedules`.
        sample_weight : array_like, (rows,), optional
            What each row counts, at least 0. A weight of 2 is the row twice: means over a batch
            are divided by the sum of its weights.
        class_weight : "balanced" or dict of label to weight, optional
            What each row of a class counts besides; "balanced" is rows / (classes x rows of the
            class). Classes that a dict leaves out count 1.
        label_smoothing : float
            Moves this part of the targets to all classes alike; for cross-entropies.
        clip_norm, clip_value : float, optional
            The largest norm of the gradient, and the largest size of each of its numbers, which
            are clipped first.
        average : float, optional
            The decay of an exponential moving average of the parameters, between 0 and 1. The
            network is measured and left with the average; going on starts from the last step.
        input_noise : float
            The standard deviation of Gaussian noise on the inputs.
        validation : (X, y), (X, y, sample_weight) or float, optional
            What the network is measured on after each epoch, or the fraction of the rows that
            is held out for that, drawn once for the network, of each label its share. The best
            parameters are restored at the end.
        monitor : str or function, optional
            What "best" means: the validation loss (default, "loss"), "accuracy",
            "balanced_accuracy", "f1", "auc", "log_loss", "r2", "mse", "mae", or a function of
            (y, predictions), less of which is better unless it has an attribute mode = "max".
        patience : int, optional
            Stop after so many epochs in a row without anything better.
        min_delta : float
            How much better is better.
        max_seconds : float, optional
            Stop after this time, between two steps if need be.
        callbacks : function, object, or list of these, optional
            Functions of (network, history), called after each epoch, or objects with any of the
            methods on_train_begin, on_epoch_end and on_train_end of (network, history). One that
            returns True after an epoch stops the training. The network has the parameters of
            the last step then, not the average.
        checkpoint : str or path, optional
            A file that holds all that `NeuralNetwork.load` needs to go on, written whole or not
            at all, after each `every` epochs and at the end.
        every : int
            Epochs between two checkpoints.
        on_interrupt : {"return", "raise"}
            What Ctrl-C does after training has stopped and the network is whole, within half a
            second; on the reference path after the step at hand. Before the first step it
            raises KeyboardInterrupt.
        n_threads : int, optional
            Threads for this call. Default: the network's `n_threads`.

        Returns
        -------
        History
            A list of the losses, penalties included: with mini-batches the mean over the rows,
            weighted as they are, of each batch's loss before its update. And what was noted
            beside them.

        Warns
        -----
        DivergenceWarning
            Where the loss or a weight is no finite number any more. Training stops there, and
            the network keeps the last finite weights.

        Notes
        -----
        Memory on the compiled path, beside the data and the network:

        - vectors of the parameters' length for the gradient, for the last finite parameters and
          for the optimizer's state (of Adam two); `average` and `validation` take one each, two
          more at the end, and `checkpoint` as many as it writes, for as long as that takes;
        - 8 bytes a row of the data for its place in the order, and again for each of a label, a
          weight and being held out;
        - a workspace, allocated once, and for `validation` a second one while it measures. For
          each row that is worked on at a time it has the inputs, four numbers a unit, the targets,
          another number for each input of a layer where units are dropped, and at most 256 bytes
          a layer. These rows are the batch, or of a larger one at most 256 in float32 and 128 in
          float64, or, where that is more, as many as fit into a quarter of the processor's
          second-level cache for each thread; for the drop-in's own update always the batch; and in
          each chunk up to 31 that round it up;
        - for each thread packed weights, and the sums of narrow networks: at most half of that
          cache, or half a megabyte.
        """
        plan = self._plan
        verbose = progress.check_verbose(verbose)
        data = Data.of(plan, X, y, sample_weight, class_weight)
        options = Options.of(
            plan,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            shuffle=shuffle,
            optimizer=optimizer,
            schedule=schedule,
            weighted=data.weights is not None,
            label_smoothing=label_smoothing,
            clip_norm=clip_norm,
            clip_value=clip_value,
            average=average,
            input_noise=input_noise,
            max_seconds=max_seconds,
            on_interrupt=on_interrupt,
            callbacks=callbacks,
            checkpoint=checkpoint,
            every=every,
            n_threads=self._threads(n_threads),
        )
        held_out = validation_set(plan, data, validation)
        watch = Monitor.of(plan, held_out, monitor, patience, min_delta)
        # A copy, which becomes the network's when nothing can fail any more.
        state, vector = replace(self._state), self._parameters
        options.check_rows(rows_left(data, held_out), state.steps_of(options.schedule))
        start = state.start_from(vector)
        if watch and isinstance(held_out, Data):
            watch.begin(self._path, held_out, state, start)
        if state.key is None and options.needs_key(plan, held_out):
            state.key = self._new_key()
        if watch and isinstance(held_out, float):
            order = np.empty(len(data), np.int64)
            load_backend("reference", "shuffling").shuffle(state.key, SPLIT, order)
            data, held_out = data.split(held_out, order)
            watch.begin(self._path, held_out, state, start)
        state.use_optimizer(options.optimizer, plan.size, plan.dtype)
        state.use_schedule(options.schedule)
        state.use_average(options.average, start)
        training = Training(self._path, plan, vector, state, data, options, watch, self._speeds)
        callbacks = Callbacks(self, options.callbacks, training.history)
        callbacks.begin()
        self._state = state
        vector[...] = start
        training.run(
            progress.reporter(verbose, options.epochs, options.is_drop_in and watch is None),
            callbacks.at_epoch_end,
            _checkpoints().saver(self, options, watch is not None) if options.checkpoint else None,
        )
        callbacks.end()
        if options.checkpoint:
            self.save(options.checkpoint)
        if training.history.stopped_by == "interrupt" and options.on_interrupt == "raise":
            raise KeyboardInterrupt
        return training.history

    @property
    def epochs_trained(self) -> int:
        """The epochs of all trainings so far, one that was interrupted included."""
        return self._state.epochs

    def reset_training(self) -> None:
        """Forget everything about the training so far but the parameters."""
        self._state = TrainingState()

    def save(self, path) -> None:
        """Write the network and what going on with its training needs into a file.

        The file holds no code. An existing one is replaced at once; see `load`.

        path : str or os.PathLike
        """
        _checkpoints().save(path, self)

    @classmethod
    def load(cls, path, *, custom=(), backend=None) -> NeuralNetwork:
        """The network that `save`, or `train(checkpoint=...)`, wrote.

        Parameters
        ----------
        path : str or os.PathLike
        custom : list of Activation and Loss
            Those of your own that it was made with; the file has only their names.
        backend : {"compiled", "reference"}, optional
            As in the constructor.

        Raises
        ------
        ValueError
            Where the file is damaged, cut short, foreign, or from a newer version.
        OSError
            Where it cannot be read.
        """
        return _checkpoints().load(path, cls, custom, backend)

    def _threads(self, asked):
        """The threads of a call; on the reference path NumPy has its own."""
        asked = self.n_threads if asked is None else asked
        return 1 if asked is None and self.backend == "reference" else asked

    def _predict_on_threads(self, X, n_threads):
        rows, paid_by = X.size // self.layer_sizes[0], threads.paid_by_prediction
        if n_threads is None and paid_by(self._plan, rows) < 2:
            return self._predictor(X)
        asked = validation.threads(self._threads(n_threads))
        claim = threads.Claim(self._plan, rows, asked, paid_by)
        return self._predictor(X, claim.n_threads)

    def _new_key(self) -> int:
        if self._rng is None:
            return int(np.random.randint(2**63 - 1, dtype=np.int64))
        return int(self._rng.integers(2**63 - 1))

    @cached_property
    def _predictor(self):
        return self._path.predictor(self._plan, self._parameters)

    @property
    def _path(self):
        return load_backend(self.backend)

    def _inputs(self, X):
        return validation.inputs(X, self.layer_sizes[0], self.dtype, row_allowed=True)

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


def _real(x):
    """The float dtype in which a function of x is computed: its own, or float64."""
    dtype = np.asarray(x).dtype
    return dtype if dtype.kind == "f" else np.float64


def _checkpoints():
    """Imported late: json, zipfile and others are a quarter of the time of `import fastnet`."""
    from . import checkpoints

    return checkpoints
