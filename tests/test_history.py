"""The history of a run: a list of losses first, and what stands beside them."""

import copy
import json
import math
import pickle
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from fastnet.training.history import STOPPED_BY, History


def history_of(epochs, best=None, stopped_by="epochs"):
    """Losses 1, 1/2, 1/3 ..., with everything that can be noted."""
    history = History(1 / (epoch + 1) for epoch in range(epochs))
    history.validation = [2 / (epoch + 1) for epoch in range(epochs)]
    history.metrics = {"accuracy": [epoch / epochs for epoch in range(epochs)]}
    history.learning_rate = [0.01] * epochs
    history.seconds = [0.5 * (epoch + 1) for epoch in range(epochs)]
    history.best_epoch = best
    history.stopped_by = stopped_by
    return history


def everything(history):
    return [list(history), vars(history)]


def test_it_is_a_list():
    history = History([3.0, 2.0])
    history.append(1.0)
    assert isinstance(history, list)
    assert history == [3.0, 2.0, 1.0]
    assert history[-2:] == [2.0, 1.0]
    assert len(history) == 3
    assert history + [0.0] == [3.0, 2.0, 1.0, 0.0]  # noqa: RUF005
    assert sorted(history) == [1.0, 2.0, 3.0]
    assert json.loads(json.dumps(history)) == history


def test_nothing_is_noted_at_first_and_nothing_is_shared():
    history, other = History(), History()
    assert history == []
    assert (history.best_epoch, history.stopped_by) == (None, "epochs")
    for name in ("validation", "learning_rate", "seconds"):
        assert getattr(history, name) == []
        getattr(history, name).append(1.0)
    history.metrics["auc"] = [1.0]
    assert everything(other) == everything(History())


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))])
def test_copies_are_whole(way):
    history = history_of(3, best=1, stopped_by="patience")
    other = way(history)
    assert type(other) is History
    assert everything(other) == everything(history)


# ----------------------------------------------------------------------------------- plain data


@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_json_keeps_all_of_it(epochs):
    history = history_of(epochs, best=epochs - 1 if epochs else None, stopped_by="max_seconds")
    data = json.loads(json.dumps(history.as_dict()))
    assert data.pop("losses") == list(history)
    assert data == vars(history)


def test_nan_and_infinities_survive():
    history = History([math.inf, math.nan])
    history.validation = [-math.inf, math.nan]
    history.metrics = {"auc": [math.nan, 0.5]}
    history.stopped_by = "divergence"
    data = history.as_dict()
    # NaN is not equal to itself, its text is.
    assert repr(json.loads(json.dumps(data))) == repr(data)


def test_numbers_of_numpy_become_plain_floats_of_the_same_value():
    history = History(np.float32([0.1, 0.2]))
    history.validation = list(np.float32([0.3, 0.4]))
    history.metrics = {"f1": list(np.array([1, 2]))}
    history.learning_rate = [np.float64(0.5)] * 2
    history.seconds = list(np.arange(2))
    history.best_epoch = np.int64(1)
    data = json.loads(json.dumps(history.as_dict()))
    assert data["losses"] == [float(np.float32(0.1)), float(np.float32(0.2))]
    assert data["best_epoch"] == 1
    for values in (data["losses"], data["validation"], data["metrics"]["f1"], data["seconds"]):
        assert {type(value) for value in values} == {float}


def test_the_plain_data_is_a_copy():
    history = history_of(2)
    data = history.as_dict()
    for values in (data["losses"], data["validation"], data["metrics"]["accuracy"]):
        values.append(7.0)
    assert everything(history) == everything(history_of(2))


# ----------------------------------------------------------------------------------------- text


def test_the_table_of_a_short_run():
    history = history_of(3, best=1, stopped_by="patience")
    history.learning_rate[2] = 1e-5
    assert str(history).splitlines() == [
        "epoch     loss  validation  accuracy   rate  seconds",
        "    0        1           2         0   0.01     0.50",
        "    1      0.5           1   0.33333   0.01     1.00",
        "    2  0.33333     0.66667   0.66667  1e-05     1.50",
        "Stopped after 3 epochs: nothing better came within its patience. The best epoch is 1.",
    ]


def test_what_was_not_noted_has_no_column():
    history = History([0.25])
    assert str(history).splitlines() == [
        "epoch  loss",
        "    0  0.25",
        "Stopped after 1 epoch: all of its epochs are done.",
    ]


@pytest.mark.parametrize("epochs", [1, 2, 10, 11, 12, 13, 100, 99_999])
@pytest.mark.parametrize("best", ["none", "first", "second", "last"])
def test_a_long_run_is_shown_in_twelve_epochs_at_most(epochs, best):
    place = {"none": None, "first": 0, "second": min(1, epochs - 1), "last": epochs - 1}[best]
    lines = str(history_of(epochs, best=place)).splitlines()
    shown = [int(line.split()[0]) for line in lines[1:-1]]
    assert min(epochs, 11) <= len(shown) <= 12
    assert shown == sorted(set(shown))
    assert {0, epochs - 1} <= set(shown)
    assert place is None or place in shown
    assert len({len(line) for line in lines[:-1]}) == 1
    # Evenly: no gap is more than one epoch wider than its share.
    assert max(np.diff(shown), default=0) <= (epochs - 1) / 10 + 1


@pytest.mark.parametrize("stopped_by", STOPPED_BY)
def test_each_end_has_its_sentence(stopped_by):
    sentences = {STOPPED_BY[name] for name in STOPPED_BY}
    assert len(sentences) == len(STOPPED_BY)
    for epochs in (0, 1, 20):
        last = str(history_of(epochs, stopped_by=stopped_by)).splitlines()[-1]
        assert STOPPED_BY[stopped_by] in last


def test_without_epochs():
    history = History()
    history.stopped_by = "interrupt"
    assert str(history) == "Stopped after 0 epochs: it was interrupted."
    assert repr(history) == "<History: no epochs, stopped by interrupt>"


def test_the_repr_is_one_line():
    history = history_of(40, best=30, stopped_by="callback")
    expected = "40 epochs, loss 0.025, validation 0.05, best epoch 30, stopped by callback"
    assert repr(history) == f"<History: {expected}>"
    assert repr(History([0.5])) == "<History: 1 epoch, loss 0.5, stopped by epochs>"


def test_a_list_that_was_changed_still_has_a_text():
    history = history_of(20, best=19)
    del history[5:]
    assert "validation" not in str(history)
    history.append(math.nan)
    assert "nan" in str(history)


# -------------------------------------------------------------------------------------- picture


def axes_of(history):
    return history.plot(Figure().subplots())


def test_the_picture_has_the_curves_and_the_best_epoch():
    history = history_of(5, best=3)
    axes = Figure().subplots()
    assert history.plot(axes) is axes
    curves = {line.get_label(): line for line in axes.get_lines()}
    assert list(curves) == ["training", "validation", "best: 3"]
    assert list(curves["training"].get_ydata()) == history
    assert list(curves["training"].get_xdata()) == [0, 1, 2, 3, 4]
    assert list(curves["validation"].get_ydata()) == history.validation
    assert set(curves["best: 3"].get_xdata()) == {3}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(curves)
    assert axes.get_yscale() == "log"


@pytest.mark.parametrize(
    ("losses", "validation", "scale"),
    [
        ([1.0, 0.5], [], "log"),
        ([1.0, 0.0], [], "linear"),
        ([1.0, 0.5], [1.0, -0.5], "linear"),
        ([1.0, math.inf], [math.nan, 1.0], "log"),
        ([math.nan, 1.0], [], "log"),
        ([math.nan], [], "linear"),
        ([], [], "linear"),
    ],
)
def test_the_scale_is_logarithmic_where_it_can_be(losses, validation, scale, tmp_path):
    history = History(losses)
    history.validation = validation
    axes = axes_of(history)
    assert axes.get_yscale() == scale
    axes.figure.savefig(tmp_path / "losses.png")


def test_a_single_epoch_is_seen():
    assert axes_of(history_of(1)).get_lines()[0].get_marker() == "o"
    assert axes_of(history_of(2)).get_lines()[0].get_marker() in ("", "None")


def test_without_axes_there_is_a_new_figure():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = history_of(3).plot()
    try:
        assert pyplot.gcf() is axes.figure
        assert history_of(3).plot() is not axes
    finally:
        pyplot.close("all")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnet\[demo\]'"):
        history_of(3).plot()
