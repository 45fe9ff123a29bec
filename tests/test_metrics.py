"""Every metric against scikit-learn's, and what is taken for a metric."""

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn

from fastnet import metrics

ROWS = 150
EPS = np.finfo(np.float64).eps
# Scores are ratios of sums of ROWS terms, of at most 1 each; scikit-learn's err as much.
SCORE = {"rel": 0, "abs": 4 * ROWS * EPS}
# Means of terms that are not negative: the error is relative.
MEAN = {"rel": 4 * ROWS * EPS, "abs": 0}


@pytest.fixture(params=["unweighted", "weighted", "some weights are 0"])
def weight(request, rng):
    if request.param == "unweighted":
        return None
    weight = rng.exponential(size=ROWS)
    if request.param == "some weights are 0":
        weight[rng.random(ROWS) < 0.2] = 0
    return weight


def probabilities(rng, rows, n_outputs):
    """In steps of 1/8, so that many are equal, some 0, some 1/2 and some 1."""
    return rng.integers(0, 9, (rows, n_outputs)) / 8


def distributions(rng, rows, classes):
    """Rows that sum to exactly 1, with many ties within and between them."""
    return rng.multinomial(8, np.full(classes, 1 / classes), rows) / 8


def balanced(y, chosen, weight):
    return sklearn.balanced_accuracy_score(y, chosen, sample_weight=weight)


# --------------------------------------------------------------------------------- one sigmoid


def test_one_sigmoid_output(weight, rng):
    y = rng.integers(0, 2, (ROWS, 1)).astype(float)
    p = probabilities(rng, ROWS, 1)
    labels, chosen = y[:, 0].astype(int), (p[:, 0] > 0.5).astype(int)
    weights = {"sample_weight": weight}
    expected = {
        "accuracy": sklearn.accuracy_score(labels, chosen, **weights),
        "balanced_accuracy": balanced(labels, chosen, weight),
        "f1": sklearn.f1_score(labels, chosen, **weights),
        "auc": sklearn.roc_auc_score(labels, p[:, 0], **weights),
        "log_loss": sklearn.log_loss(labels, p[:, 0], **weights),
    }
    for name, value in expected.items():
        bound = MEAN if name == "log_loss" else SCORE
        _, function, _ = metrics.resolve(name, "sigmoid")
        assert function(y, p, weight) == pytest.approx(value, **bound), name


def test_a_half_is_not_chosen_and_no_positive_target():
    half = np.array([[0.5], [np.nextafter(0.5, 1)]])
    assert metrics.accuracy(np.array([[0.0], [1.0]]), half, None, softmax=False) == 1
    assert metrics.accuracy(half, np.array([[0.1], [0.9]]), None, softmax=False) == 1


def test_log_loss_of_targets_between_0_and_1():
    y, p = np.array([[0.25]]), np.array([[0.125]])
    expected = -0.25 * math.log(0.125) - 0.75 * math.log(0.875)
    assert metrics.log_loss(y, p, None, softmax=False) == pytest.approx(expected, rel=8 * EPS)


def test_auc_counts_pairs(rng):
    """By its definition, pair by pair: scikit-learn's and this could share a mistake."""
    y = np.array([1, 0, 1, 0, 0], float)
    p = np.array([0.5, 0.5, 0.9, 0.1, 0.9])
    weight = np.array([1.0, 2, 3, 4, 5])
    pairs = [(i, j) for i in range(5) for j in range(5) if y[i] > y[j]]
    total = sum(weight[i] * weight[j] for i, j in pairs)
    above = sum(weight[i] * weight[j] * (np.sign(p[i] - p[j]) + 1) / 2 for i, j in pairs)
    area = metrics.auc(y[:, np.newaxis], p[:, np.newaxis], weight, softmax=False)
    assert area == pytest.approx(above / total, rel=20 * EPS)


# ----------------------------------------------------------------------------- several sigmoids


def test_several_sigmoid_outputs(weight, rng):
    y = rng.integers(0, 2, (ROWS, 3)).astype(float)
    # Near enough to the targets that whole rows are right.
    p = np.clip(np.abs(y - 0.6 * probabilities(rng, ROWS, 3)), 0, 1)
    labels, chosen = y.astype(int), (p > 0.5).astype(int)
    weights = {"sample_weight": weight}
    columns = range(3)
    expected = {
        "accuracy": sklearn.accuracy_score(labels, chosen, **weights),
        "balanced_accuracy": np.mean(
            [balanced(labels[:, j], chosen[:, j], weight) for j in columns]
        ),
        "f1": sklearn.f1_score(labels, chosen, average="macro", **weights),
        "auc": sklearn.roc_auc_score(labels, p, **weights),
        "log_loss": np.mean([sklearn.log_loss(labels[:, j], p[:, j], **weights) for j in columns]),
    }
    assert 0.1 < expected["accuracy"] < 0.9
    for name, value in expected.items():
        bound = MEAN if name == "log_loss" else SCORE
        _, function, _ = metrics.resolve(name, "sigmoid")
        assert function(y, p, weight) == pytest.approx(value, **bound), name


def test_an_output_without_positives_and_without_any_chosen():
    y, p = np.array([[0.0, 1], [0, 0]]), np.array([[0.1, 0.9], [0.2, 0.1]])
    assert metrics.f1(y, p, None, softmax=False) == 0.5
    # Of output 0 half of the negatives are right, of output 1 everything.
    p[0, 0] = 0.6
    assert metrics.balanced_accuracy(y, p, None, softmax=False) == 0.75


# -------------------------------------------------------------------------------------- softmax


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("targets", ["labels", "one-hot"])
def test_softmax(classes, targets, weight, rng):
    labels = rng.integers(0, classes, ROWS)
    p = distributions(rng, ROWS, classes)
    y = labels if targets == "labels" else np.eye(classes)[labels]
    chosen = p.argmax(axis=1)
    weights = {"sample_weight": weight}
    if classes == 2:
        area = sklearn.roc_auc_score(labels, p[:, 1], **weights)
    else:
        area = sklearn.roc_auc_score(labels, p, multi_class="ovr", average="macro", **weights)
    expected = {
        "accuracy": sklearn.accuracy_score(labels, chosen, **weights),
        "balanced_accuracy": balanced(labels, chosen, weight),
        "f1": sklearn.f1_score(labels, chosen, average="macro", **weights),
        "auc": area,
        "log_loss": sklearn.log_loss(labels, p, **weights),
    }
    for name, value in expected.items():
        bound = MEAN if name == "log_loss" else SCORE
        _, function, _ = metrics.resolve(name, "softmax")
        assert function(y, p, weight) == pytest.approx(value, **bound), name


def test_a_class_that_is_neither_in_y_nor_chosen_does_not_count(rng):
    """Class 1 is never right and never chosen, class 2 is chosen only, class 4 right only."""
    labels = rng.choice([0, 3, 4], ROWS)
    p = distributions(rng, ROWS, 5) * [1, 0, 1, 1, 0]
    p[:, 0] += 1 - p.sum(axis=1)
    chosen = p.argmax(axis=1)
    assert set(chosen) == {0, 2, 3}
    expected = sklearn.f1_score(labels, chosen, average="macro")
    assert metrics.f1(labels, p, None, softmax=True) == pytest.approx(expected, **SCORE)
    # What scikit-learn's balanced accuracy does besides with a warning.
    expected = sklearn.recall_score(labels, chosen, average="macro", labels=[0, 3, 4])
    measured = metrics.balanced_accuracy(labels, p, None, softmax=True)
    assert measured == pytest.approx(expected, **SCORE)
    expected = sklearn.log_loss(labels, p, labels=range(5))
    assert metrics.log_loss(labels, p, None, softmax=True) == pytest.approx(expected, **MEAN)


def test_a_class_whose_rows_weigh_nothing():
    labels, p, weight = np.array([0, 1, 1]), np.eye(3)[[0, 1, 0]], np.array([0.0, 1, 1])
    chosen = p.argmax(axis=1)
    f1 = sklearn.f1_score(labels, chosen, average="macro", sample_weight=weight)
    assert metrics.f1(labels, p, weight, softmax=True) == pytest.approx(f1, **SCORE)
    # Half of class 1 is found, and class 0 is as good as absent.
    assert metrics.balanced_accuracy(labels, p, weight, softmax=True) == 0.5


def test_log_loss_of_rows_that_are_probabilities():
    y, p = np.array([[0.25, 0.75]]), np.array([[0.875, 0.125]])
    expected = -0.25 * math.log(0.875) - 0.75 * math.log(0.125)
    assert metrics.log_loss(y, p, None, softmax=True) == pytest.approx(expected, rel=8 * EPS)


def test_one_hot_rows_of_sigmoids_are_not_those_of_softmax():
    """From saturated predictions alone the two could not be told apart."""
    y, p = np.eye(3), np.eye(3)[[0, 1, 1]]
    assert metrics.balanced_accuracy(y, p, None, softmax=True) == pytest.approx(2 / 3)
    # (1 + 1) / 2, (1 + 1/2) / 2 and (0 + 1) / 2
    assert metrics.balanced_accuracy(y, p, None, softmax=False) == pytest.approx(2.25 / 3)


# ---------------------------------------------------------------- clipping, one row, NaN, absence


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_log_loss_is_clipped_by_the_eps_of_the_dtype(dtype):
    eps = float(np.finfo(dtype).eps)
    p = np.array([[0, 1], [1, 0], [0.25, 0.75]], dtype)
    labels = np.array([0, 0, 1])
    bound = {"rel": 8 * eps}
    expected = sklearn.log_loss(labels, p)
    assert expected == pytest.approx((-math.log(eps) - math.log(0.75)) / 3, **bound)
    assert metrics.log_loss(labels, p, None, softmax=True) == pytest.approx(expected, **bound)
    expected = sklearn.log_loss(labels, p[:, 1])
    y, positive = labels[:, np.newaxis].astype(dtype), p[:, 1:]
    assert metrics.log_loss(y, positive, None, softmax=False) == pytest.approx(expected, **bound)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_one_row_of_softmax(label):
    y, p = np.array([label]), np.array([[0.25, 0.625, 0.125]])
    right = float(label == 1)
    assert metrics.accuracy(y, p, None, softmax=True) == right
    assert metrics.balanced_accuracy(y, p, None, softmax=True) == right
    assert metrics.f1(y, p, None, softmax=True) == right
    expected = sklearn.log_loss(y, p, labels=[0, 1, 2])
    assert metrics.log_loss(y, p, None, softmax=True) == pytest.approx(expected, **MEAN)


@pytest.mark.parametrize("label", [0, 1])
def test_one_row_of_a_sigmoid(label):
    y, p = np.array([[float(label)]]), np.array([[0.75]])
    assert metrics.accuracy(y, p, None, softmax=False) == label
    assert metrics.balanced_accuracy(y, p, None, softmax=False) == label
    assert metrics.f1(y, p, None, softmax=False) == label
    expected = sklearn.log_loss([label], p[:, 0], labels=[0, 1])
    assert metrics.log_loss(y, p, None, softmax=False) == pytest.approx(expected, **MEAN)


def test_auc_says_which_class_is_missing():
    p = np.array([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3]])
    with pytest.raises(ValueError, match=r"every class, and y has none of class 1$"):
        metrics.auc(np.array([0, 2]), p, None, softmax=True)
    with pytest.raises(ValueError, match=r"y has none of class 2$"):
        metrics.auc(np.array([0, 1, 2]), p[[0, 1, 1]], np.array([1.0, 1, 0]), softmax=True)
    y = np.array([[1.0, 1, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match=r"y has none that is 0 in output 1$"):
        metrics.auc(y, p, None, softmax=False)
    with pytest.raises(ValueError, match=r"y has none that is 1 in output 0$"):
        metrics.auc(y[:, 2:], p[:, 2:], None, softmax=False)


def test_auc_of_predictions_that_are_nan_is_nan():
    y, p = np.array([[0.0], [1], [1]]), np.array([[0.1], [0.9], [np.nan]])
    assert math.isnan(metrics.auc(y, p, None, softmax=False))


# ------------------------------------------------------------------------------------ regression


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_regression(n_outputs, dtype, weight, rng):
    y = (rng.standard_normal((ROWS, n_outputs)) * [1, 10, 100][:n_outputs] + 1).astype(dtype)
    prediction = y + rng.standard_normal((ROWS, n_outputs)).astype(dtype)
    wide = [array.astype(np.float64) for array in (y, prediction)]
    expected = {
        "r2": sklearn.r2_score(*wide, sample_weight=weight),
        "mse": sklearn.mean_squared_error(*wide, sample_weight=weight),
        "mae": sklearn.mean_absolute_error(*wide, sample_weight=weight),
    }
    for name, value in expected.items():
        _, function, _ = metrics.resolve(name, "identity")
        bound = SCORE if name == "r2" else MEAN
        assert function(y, prediction, weight) == pytest.approx(value, **bound), name


def test_r2_of_a_constant_output(rng):
    # Halves, so that the mean is exact and nothing deviates from it.
    y = np.full((9, 3), 2.5)
    y[:, 2] = rng.standard_normal(9)
    prediction = y + np.array([0, 1, 0.5])
    expected = sklearn.r2_score(y, prediction)
    assert metrics.r2(y, prediction, None) == pytest.approx(expected, **SCORE)
    assert metrics.r2(y[:, :2], prediction[:, :2], None) == 0.5


def test_r2_of_one_row_is_nan():
    y, prediction = np.array([[1.0]]), np.array([[1.0]])
    assert math.isnan(metrics.r2(y, prediction, None))
    assert metrics.mse(y, prediction, None) == metrics.mae(y, prediction, None) == 0


def test_predictions_that_diverged_give_no_warning():
    y = np.array([[1.0], [2.0]])
    for value in (1e200, np.inf):
        diverged = np.full((2, 1), value)
        assert metrics.r2(y, diverged, None) == -math.inf
        assert metrics.mse(y, diverged, None) == math.inf
        assert metrics.mae(y, diverged, None) == value
    for name in ("r2", "mse", "mae"):
        assert math.isnan(metrics.METRICS[name][0](y, y * np.nan, None))


# --------------------------------------------------------------------------- names and callables


@pytest.mark.parametrize("name", metrics.METRICS)
def test_the_mode_points_to_the_perfect_prediction(name):
    output = "sigmoid"
    resolved, function, mode = metrics.resolve(name, output)
    y = np.array([[0.0], [1], [1], [0]])
    perfect, wrong = function(y, y, None), function(y, 1 - y, None)
    assert resolved == name
    assert perfect == {"max": max, "min": min}[mode](perfect, wrong)
    assert perfect != wrong


def mean_of_predictions(y, prediction):
    return prediction.mean()


def test_a_callable_is_a_metric():
    name, function, mode = metrics.resolve(mean_of_predictions, "identity")
    assert (name, mode) == ("mean_of_predictions", "min")
    value = function(np.zeros((2, 1)), np.array([[1.0], [2.0]], np.float32), np.ones(2))
    assert value == 1.5
    assert type(value) is float


def test_a_callable_object_may_say_that_more_is_better():
    class Share:
        mode = "max"

        def __call__(self, y, prediction):
            return 1

    name, function, mode = metrics.resolve(Share(), "softmax")
    assert (name, function(None, None, None), mode) == ("Share", 1.0, "max")


def test_what_a_callable_must_not_do():
    _, function, _ = metrics.resolve(lambda y, prediction: "much", "identity")
    with pytest.raises(TypeError, match="metric <lambda> returned a str, expected a number"):
        function(None, None, None)

    def upwards(y, prediction):
        return 0.0

    upwards.mode = "up"
    with pytest.raises(ValueError, match="mode of metric upwards is 'up', expected one of 'max'"):
        metrics.resolve(upwards, "identity")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("acuracy", "accuracy"), ("logloss", "log_loss"), ("r2_score", None), ("los", "loss")],
)
def test_an_unknown_name_is_answered_with_the_known_ones(name, nearest):
    with pytest.raises(ValueError, match=f"monitor is '{name}', expected one of") as caught:
        metrics.resolve(name, "sigmoid")
    message = str(caught.value)
    assert all(repr(known) in message for known in ("loss", *metrics.METRICS))
    assert message.endswith(f"; did you mean {nearest!r}?") == (nearest is not None)


@pytest.mark.parametrize("value", [None, 1, ["accuracy"], b"accuracy"])
def test_what_is_no_name_is_refused(value):
    with pytest.raises(TypeError, match=f"monitor is a {type(value).__name__}, expected"):
        metrics.resolve(value, "sigmoid")


CLASSES = {"accuracy", "balanced_accuracy", "f1", "auc", "log_loss"}
NUMBERS = {"r2", "mse", "mae"}


@pytest.mark.parametrize(
    ("output", "allowed"),
    [
        ("sigmoid", CLASSES | NUMBERS),
        ("softmax", CLASSES),
        ("identity", NUMBERS),
        ("softplus", NUMBERS),
        ("tanh", NUMBERS),
    ],
)
def test_a_metric_must_make_sense_for_the_output(output, allowed):
    assert set(metrics.METRICS) == CLASSES | NUMBERS
    for name in allowed:
        metrics.check(name, output)
    for name in set(metrics.METRICS) - allowed:
        with pytest.raises(
            ValueError, match=f"monitor is '{name}' .*'{output}', expected"
        ) as caught:
            metrics.resolve(name, output)
        listed = str(caught.value).split("expected one of ")[1]
        assert set(listed.replace("'", "").split(", ")) == {"loss", *allowed}
