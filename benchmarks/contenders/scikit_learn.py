"""MLPClassifier, and MLPRegressor where the outputs are numbers."""

import math
import warnings

import numpy as np

from ..workloads import BETAS, EPS


def train(workload):
    """Started warm from the initial parameters: one `fit` takes all epochs.

    Its Adam is the other form of Kingma and Ba's paper (end of section 2): eps stands beside the
    root that is not corrected. They agree halfway through.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    # Its losses are sums over the outputs, and half of the squares: so much larger, or smaller,
    # is its gradient. Adam's update is the same where eps is, too.
    n_out = workload.layer_sizes[-1]
    factor = {"identity": n_out / 2, "sigmoid": n_out, "softmax": 1}[workload.output]
    y = workload.y
    if workload.output == "sigmoid":
        y = y.astype(np.int64)
    kind = MLPRegressor if workload.output == "identity" else MLPClassifier
    model = kind(
        hidden_layer_sizes=workload.layer_sizes[1:-1],
        activation=workload.hidden,
        solver=workload.optimizer,
        alpha=0,
        batch_size=workload.batch_size,
        learning_rate_init=workload.learning_rate / (factor if workload.optimizer == "sgd" else 1),
        beta_1=BETAS[0],
        beta_2=BETAS[1],
        epsilon=EPS * factor * math.sqrt(1 - BETAS[1] ** (workload.steps / 2)),
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
        warm_start=True,
        max_iter=1,
        tol=0,
        n_iter_no_change=2**31 - 1,
    )
    y = y.ravel() if n_out == 1 else y

    def fit():
        # It took all the epochs that it was to take; that is no news.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(workload.X, y)

    fit()
    model.set_params(max_iter=workload.epochs)

    def run():
        model.coefs_ = [weight.copy() for weight, _ in workload.initial]
        model.intercepts_ = [bias.copy() for _, bias in workload.initial]
        fit()
        return list(zip(model.coefs_, model.intercepts_, strict=True))

    return run


def predict(workload):
    """A model that was fitted for a moment and given the workload's parameters."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    n_in, *hidden, n_out = workload.layer_sizes
    is_numbers = workload.output == "identity"
    model = (MLPRegressor if is_numbers else MLPClassifier)(
        hidden_layer_sizes=hidden, activation=workload.hidden, max_iter=1, batch_size=n_out
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        X = np.zeros((n_out, n_in), workload.dtype)
        model.fit(X, np.eye(n_out, dtype=workload.dtype) if is_numbers else np.arange(n_out))
    model.coefs_ = [weight for weight, _ in workload.initial]
    model.intercepts_ = [bias for _, bias in workload.initial]
    function = model.predict if is_numbers else model.predict_proba
    return lambda: function(workload.X)
