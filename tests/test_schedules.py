"""Learning-rate schedules: against PyTorch and scikit-learn, and what each must keep to."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import SGDRegressor
from sklearn.neural_network import MLPRegressor

from fastnet.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseScaling,
    MultiStep,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
    from_dict,
    resolve,
)

EPS = np.finfo(float).eps
STORED = json.loads(
    (Path(__file__).parent / "trajectories" / "schedules.json").read_text(encoding="utf-8")
)


def rates_of_training(schedule, learning_rate, steps_per_epoch, values):
    """Epoch after epoch, with the state of each, until the schedule is over."""
    rates, state = [], schedule.first_state()
    for epoch, value in enumerate(values):
        steps = np.arange(epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch)
        rates.append(schedule.rates(learning_rate, steps, steps_per_epoch, state))
        state = schedule.next_state(state, value, steps[-1] + 1, steps_per_epoch)
    return np.concatenate(rates)[: schedule.length(steps_per_epoch)]


def assert_torch_rates(rates, expected, learning_rate):
    # PyTorch makes most rates of the one before; those of a cosine are divided by its last ones,
    # of the size (pi / T_max)^2 / 4. Near its end a cycle is a difference of rates of its peak.
    expected = np.asarray(expected)[: len(rates)]
    np.testing.assert_allclose(rates, expected, rtol=1e-10, atol=4 * EPS * learning_rate)


# ------------------------------------------------------------------------------- any schedule

counts = st.integers(1, 45)
factors = st.floats(0.5, 1)
floors = st.floats(0, 0.01)


@st.composite
def cycles(draw):
    three_phase = draw(st.booleans())
    return OneCycle(
        draw(counts),
        draw(st.floats(0, 0.5 if three_phase else 0.99)),
        draw(st.sampled_from(["cos", "linear"])),
        draw(st.floats(1, 30)),
        draw(st.floats(1, 1e6)),
        three_phase,
    )


falling = st.one_of(
    st.builds(Step, counts, factors),
    st.builds(MultiStep, st.lists(st.integers(0, 45)), factors),
    st.builds(Exponential, factors),
    st.builds(Cosine, counts, floors),
)
of_torch = st.one_of(falling, st.builds(CosineRestarts, counts, st.integers(1, 4), floors))
plateaus = st.builds(
    ReduceOnPlateau,
    st.sampled_from(["min", "max"]),
    st.floats(0.05, 0.95),
    st.integers(0, 4),
    st.floats(0, 0.5),
    st.sampled_from(["rel", "abs"]),
    st.integers(0, 4),
    floors,
    st.floats(0, 1e-3),
)
inner = st.one_of(of_torch, plateaus)
# PyTorch's warm-up rises to the learning rate also where the schedule begins below it.
from_the_top = inner.filter(lambda schedule: 0 not in getattr(schedule, "milestones", ()))


def warm_ups(schedules):
    start_factors = st.floats(0.001, 1)
    return st.one_of(
        st.builds(WarmUp, schedules, steps=st.integers(1, 60), start_factor=start_factors),
        st.builds(WarmUp, schedules, epochs=st.integers(1, 10), start_factor=start_factors),
    )


without_end = st.one_of(st.builds(Constant), st.builds(InverseScaling, st.floats(0, 3)))
every = st.one_of(inner, cycles(), without_end)
every = st.one_of(every, warm_ups(every))


# ---------------------------------------------------------------------- against other libraries


@pytest.mark.parametrize("case", STORED["cases"], ids=lambda case: case["schedule"]["name"])
def test_stored_rates_of_torch(case):
    learning_rate, steps_per_epoch = case["learning_rate"], case["steps_per_epoch"]
    schedule = from_dict(case["schedule"])
    rates = rates_of_training(schedule, learning_rate, steps_per_epoch, STORED["values"])
    assert len(rates) in (len(case["rates"]), schedule.length(steps_per_epoch))
    assert_torch_rates(rates, case["rates"], learning_rate)


def test_stored_rates_are_of_every_schedule_of_torch():
    """And of plateaus that reduce the rate: a schedule that stood still would prove nothing."""
    names = {case["schedule"]["name"] for case in STORED["cases"]}
    own = {Constant.name, InverseScaling.name}
    assert names == {kind.name for kind in Schedule.__subclasses__()} - own
    for case in STORED["cases"]:
        assert len(set(case["rates"])) > 1 or case["schedule"].get("T_max") == 1


@settings(deadline=None)  # the first example imports PyTorch
@given(
    schedule=st.one_of(inner, cycles(), warm_ups(from_the_top)),
    steps_per_epoch=st.sampled_from([1, 2, 7]),
    seed=st.integers(0, 99),
)
def test_rates_of_torch(schedule, steps_per_epoch, seed):
    pytest.importorskip("torch")
    from .trajectories.make_schedules import torch_rates

    if isinstance(schedule, OneCycle):
        # There PyTorch divides 0 by 0; see test_a_rise_of_one_step.
        assume(schedule.pct_start * schedule.length(steps_per_epoch) != 1)
    values = 1 + np.random.default_rng(seed).standard_normal(42).cumsum() / 20
    arguments = 0.3, steps_per_epoch, values.tolist()
    expected = torch_rates(schedule.as_dict(), *arguments)
    rates = rates_of_training(schedule, *arguments)
    assert_torch_rates(rates, expected, 0.3)


@pytest.mark.parametrize(
    "schedule", [Step(6, 0.3), MultiStep([2, 9]), Exponential(0.93), Cosine(200), CosineRestarts(9)]
)
def test_a_warm_up_is_a_sequence_of_torch(schedule):
    torch = pytest.importorskip("torch")
    from .trajectories.make_schedules import CLASSES, sgd

    optimizer = sgd(0.3)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 0.2, 1.0, 15)
    parameters = schedule.as_dict()
    after = CLASSES[parameters.pop("name")](optimizer, **parameters)
    sequence = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, after], [15])
    expected = []
    for _ in range(210):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        sequence.step()
    rates = WarmUp(schedule, steps=15, start_factor=0.2).rates(0.3, np.arange(210), 1)
    assert_torch_rates(rates, expected, 0.3)


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5, 2.0])
def test_inverse_scaling_is_that_of_scikit_learn_at_every_row(power, rng):
    x, y = rng.random((30, 1)), rng.random(30)
    linear = SGDRegressor(
        learning_rate="invscaling",
        eta0=0.3,
        power_t=power,
        penalty=None,
        fit_intercept=False,
        shuffle=False,
        max_iter=10,
        tol=None,
    ).fit(x, y)
    weight = 0.0
    rates = InverseScaling(power).rates(0.3, np.arange(300), 30)
    for rate, row in zip(rates, 10 * list(range(30)), strict=True):
        weight -= rate * (weight * x[row, 0] - y[row]) * x[row, 0]
    # Each of 300 steps rounds a few times.
    assert linear.coef_[0] == pytest.approx(weight, rel=300 * 4 * EPS)


def test_inverse_scaling_is_that_of_scikit_learn_where_epochs_begin(rng):
    network = MLPRegressor(
        solver="sgd", learning_rate="invscaling", learning_rate_init=0.01, batch_size=1
    )
    for epoch in range(4):
        network.partial_fit(rng.random((12, 1)), rng.random(12))
        (rate,) = InverseScaling().rates(0.01, np.array([12 * (epoch + 1)]), 12)
        assert rate == network._optimizer.learning_rate


# --------------------------------------------------------------------------- rates and lengths


@given(
    schedule=every,
    steps_per_epoch=st.integers(1, 9),
    first=st.integers(0, 100),
    sizes=st.lists(st.integers(0, 70), min_size=1, max_size=6),
)
def test_slices_have_the_bits_of_the_whole(schedule, steps_per_epoch, first, sizes):
    arguments = steps_per_epoch, schedule.first_state()
    steps = np.arange(first, first + sum(sizes))
    whole = schedule.rates(0.3, steps, *arguments)
    slices = np.split(steps, np.cumsum(sizes)[:-1])
    parts = [schedule.rates(0.3, part, *arguments) for part in slices]
    assert whole.dtype == np.float64
    assert whole.shape == steps.shape
    assert np.concatenate(parts).tobytes() == whole.tobytes()


@given(schedule=of_torch, steps_per_epoch=st.integers(1, 9))
def test_an_epoch_has_one_rate(schedule, steps_per_epoch):
    epochs = np.arange(20)
    steps = np.arange(20 * steps_per_epoch)
    each_step = schedule.rates(0.3, steps, steps_per_epoch)
    assert np.array_equal(each_step, np.repeat(schedule.rates(0.3, epochs, 1), steps_per_epoch))


@given(schedule=falling, learning_rate=st.floats(0.02, 10))
def test_rates_fall_and_stay_within_bounds(schedule, learning_rate):
    rates = schedule.rates(learning_rate, np.arange(schedule.length(1) or 100), 1)
    slack = 4 * EPS * learning_rate
    assert (np.diff(rates) <= slack).all()
    assert rates.max() <= learning_rate + slack
    assert rates.min() >= getattr(schedule, "eta_min", 0) - slack


@given(schedule=cycles(), steps_per_epoch=st.integers(1, 9))
def test_a_cycle_rises_to_its_peak_and_falls_to_its_end(schedule, steps_per_epoch):
    total = schedule.length(steps_per_epoch)
    rates = schedule.rates(0.3, np.arange(total), steps_per_epoch)
    first, slack = 0.3 / schedule.div_factor, 4 * EPS * 0.3
    last = first / schedule.final_div_factor
    peak = rates.argmax()
    assert (np.diff(rates[: peak + 1]) >= -slack).all()
    assert (np.diff(rates[peak:]) <= slack).all()
    assert rates.max() <= 0.3 + slack
    assert rates[-1] == pytest.approx(last, rel=4 * EPS)
    rise = schedule.pct_start * total - 1
    if rise > 0:
        assert rates[0] == first
        around = rates[math.floor(rise) : math.ceil(rise) + 1]
        assert around.max() >= rates.max() - slack


def test_a_cycle_by_hand():
    cycle = OneCycle(3, pct_start=1 / 3, anneal_strategy="linear", div_factor=5, final_div_factor=4)
    rates = cycle.rates(1.0, np.arange(9), 3)
    rise, fall = [0.2, 0.6, 1.0], 1 - 0.95 * np.arange(1, 7) / 6
    np.testing.assert_allclose(rates, [*rise, *fall], rtol=0, atol=4 * EPS)


@pytest.mark.parametrize("pct_start", [0.1, 0.0999999, 0.1000001])
@pytest.mark.parametrize("three_phase", [False, True])
def test_a_rise_of_one_step(pct_start, three_phase):
    """Where PyTorch divides 0 by 0."""
    cycle = OneCycle(10, pct_start, three_phase=three_phase)
    rates = cycle.rates(0.3, np.arange(10), 1)
    assert np.isfinite(rates).all()
    assert rates[-1] == pytest.approx(0.3 / 25 / 1e4, abs=4 * EPS)


def test_cycles_of_the_fewest_steps():
    np.testing.assert_allclose(OneCycle(1).rates(1.0, np.arange(1), 1), [0.04 / 1e4], rtol=4 * EPS)
    np.testing.assert_array_equal(OneCycle(1, pct_start=1.0).rates(1.0, np.arange(1), 1), [0.04])


@given(schedule=every.filter(lambda s: not isinstance(s, WarmUp)), data=st.data())
def test_a_warm_up_rises_on_a_line_and_then_is_the_schedule(schedule, data):
    steps_per_epoch = data.draw(st.integers(1, 9))
    start_factor = data.draw(st.floats(0.001, 1))
    n = steps_per_epoch * data.draw(st.integers(1, 10))
    warm_up = WarmUp(schedule, steps=n, start_factor=start_factor)
    arguments = steps_per_epoch, schedule.first_state()
    rates = warm_up.rates(0.3, np.arange(n + 40), *arguments)
    after = schedule.rates(0.3, np.arange(40), *arguments)
    assert rates[n:].tobytes() == after.tobytes()
    line = np.linspace(start_factor, 1, n + 1) * after[0]
    np.testing.assert_allclose(rates[: n + 1], line, rtol=8 * EPS)
    in_epochs = WarmUp(schedule, epochs=n // steps_per_epoch, start_factor=start_factor)
    assert in_epochs.rates(0.3, np.arange(n + 40), *arguments).tobytes() == rates.tobytes()


def test_far_steps_are_exact_and_cheap():
    """Epochs of 2^40 steps into a training, of cycles that no list could hold."""
    far = np.arange(2**40, 2**40 + 5)
    np.testing.assert_array_equal(
        CosineRestarts(3).rates(1.0, far, 1), CosineRestarts(3).rates(1.0, far % 3, 1)
    )
    np.testing.assert_array_equal(CosineRestarts(1, 2).rates(1.0, far - 1, 1)[:1], [1.0])
    np.testing.assert_array_equal(Step(2**31 - 1, 0.5).rates(1.0, far, 1), np.full(5, 0.5**512))


def test_lengths():
    assert Cosine(5).length(7) == 35
    assert OneCycle(5).length(7) == 35
    assert WarmUp(Cosine(5), steps=3).length(7) == 38
    assert WarmUp(OneCycle(5), epochs=3).length(7) == 56
    assert WarmUp(Constant(), epochs=3).length(7) is None
    endless = [Constant(), Step(2), MultiStep([2]), Exponential(0.9), CosineRestarts(2)]
    for schedule in [*endless, InverseScaling(), ReduceOnPlateau()]:
        assert schedule.length(7) is None


# ------------------------------------------------------------------------------------- plateaus


def state_after(schedule, values, steps_per_epoch=1):
    state = schedule.first_state()
    for epoch, value in enumerate(values, 1):
        state = schedule.next_state(state, value, epoch * steps_per_epoch, steps_per_epoch)
    return state


def rate(schedule, state, learning_rate=1.0):
    (value,) = schedule.rates(learning_rate, np.array([10**6]), 1, state)
    return value


def test_a_plateau_by_hand():
    plateau = ReduceOnPlateau(patience=1, factor=0.5, cooldown=2, threshold=0.1)
    # 0.95 is no better than 1 by a tenth; the third bad epoch in a row reduces.
    for values, expected in [
        ([1.0], [1.0, 0, 0, 0]),
        ([1.0, 0.95], [1.0, 1, 0, 0]),
        ([1.0, 0.95, 0.5], [0.5, 0, 0, 0]),
        ([1.0, 0.95, 0.91], [1.0, 0, 2, 1]),
        ([1.0, 0.95, 0.91, 2, 2], [1.0, 0, 0, 1]),
        ([1.0, 0.95, 0.91, 2, 2, 2], [1.0, 1, 0, 1]),
        ([1.0, 0.95, 0.91, 2, 2, 2, 2], [1.0, 0, 2, 2]),
        ([math.nan, math.nan], [math.inf, 0, 2, 1]),
    ]:
        assert state_after(plateau, values) == expected
    assert rate(plateau, [1.0, 0, 2, 2]) == 0.25


def test_a_plateau_ends_at_its_floor_and_at_steps_too_small():
    state = [0.0, 0.0, 0.0, 50.0]
    assert rate(ReduceOnPlateau(factor=0.5, min_lr=0.3), state) == 0.3
    assert rate(ReduceOnPlateau(factor=0.5, eps=0.2), state) == 0.25
    # No reduction raises a rate below the floor.
    assert rate(ReduceOnPlateau(factor=0.5, min_lr=0.3), state, 0.1) == 0.1


def test_a_state_is_not_changed_in_place_and_is_plain_data():
    for schedule in (ReduceOnPlateau(patience=0), WarmUp(ReduceOnPlateau(patience=0), steps=1)):
        for state in ([0.0, 0.0, 0.0, 0.0], np.zeros(4)):
            following = schedule.next_state(state, np.float32(1.5), 5, 1)
            assert following == [0.0, 0.0, 0.0, 1.0]
            assert list(state) == [0.0, 0.0, 0.0, 0.0]
            assert json.loads(json.dumps(following)) == following
    assert Constant().next_state(Constant().first_state(), 1.0, 5, 1) == []


def test_a_plateau_sees_nothing_of_its_warm_up():
    plateau = ReduceOnPlateau(patience=0)
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    for warm_up, unseen in [
        # 20 steps end in the third epoch of 7, whose value is the first that counts.
        (WarmUp(plateau, steps=20), 2),
        (WarmUp(plateau, steps=21), 3),
        (WarmUp(plateau, epochs=3), 3),
        (WarmUp(WarmUp(plateau, epochs=1), epochs=2), 3),
    ]:
        assert state_after(warm_up, values[:unseen], 7) == plateau.first_state()
        assert state_after(warm_up, values, 7) == state_after(plateau, values[unseen:])


def test_a_plateau_without_a_state_is_an_error():
    with pytest.raises(ValueError, match="unpack"):
        ReduceOnPlateau().rates(0.1, np.arange(3), 1)


# ---------------------------------------------------------------------------- schedules as data


@given(schedule=every)
def test_a_schedule_is_equal_after_its_way_through_json(schedule):
    data = json.loads(json.dumps(schedule.as_dict(), allow_nan=False))
    assert from_dict(data) == schedule
    assert hash(from_dict(data)) == hash(schedule)
    assert from_dict(data).as_dict() == schedule.as_dict()


def test_numpy_numbers_become_plain_ones():
    schedule = MultiStep(np.array([30, 10]), np.float32(0.5))
    assert schedule == MultiStep((10, 30), 0.5)
    assert json.dumps(schedule.as_dict()) == (
        '{"name": "multi_step", "milestones": [10, 30], "gamma": 0.5}'
    )
    cycle = OneCycle(np.int64(4), div_factor=np.int32(5), three_phase=np.True_)
    assert json.dumps(cycle.as_dict()) == json.dumps(
        OneCycle(4, div_factor=5.0, three_phase=True).as_dict()
    )
    assert WarmUp(Constant(), steps=np.uint8(3)) == WarmUp(Constant(), steps=3)


def test_schedules_do_not_change_and_differ_where_a_parameter_does():
    with pytest.raises(AttributeError):
        Step(3).gamma = 0.5
    assert Step(3) != Step(3, 0.2)
    assert Cosine(3) != CosineRestarts(3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Constant()),
        ("constant", Constant()),
        ("cosine", Cosine(T_max=12)),
        ("one_cycle", OneCycle(epochs=12)),
        ("inverse_scaling", InverseScaling()),
        ("plateau", ReduceOnPlateau()),
        (Step(3), Step(3)),
    ],
)
def test_names(value, expected):
    assert resolve(value, 12) == expected
    assert isinstance(resolve(value, 0), type(expected))


# ------------------------------------------------------------------------------------ bad input

NUMBERS = [
    (Step, {"step_size": 3}, "gamma", -0.1, "at least 0"),
    (MultiStep, {"milestones": [3]}, "gamma", -1, "at least 0"),
    (Exponential, {}, "gamma", -0.1, "at least 0"),
    (Cosine, {"T_max": 3}, "eta_min", -1e-9, "at least 0"),
    (CosineRestarts, {"T_0": 3}, "eta_min", -1e-9, "at least 0"),
    (OneCycle, {"epochs": 3}, "pct_start", -0.1, "at least 0"),
    (OneCycle, {"epochs": 3}, "pct_start", 1.1, "at most 1"),
    (OneCycle, {"epochs": 3, "three_phase": True}, "pct_start", 0.6, "at most 0.5"),
    (OneCycle, {"epochs": 3}, "div_factor", 0, "above 0"),
    (OneCycle, {"epochs": 3}, "final_div_factor", 0.0, "above 0"),
    (InverseScaling, {}, "power", -0.5, "at least 0"),
    (ReduceOnPlateau, {}, "factor", 1.0, "below 1"),
    (ReduceOnPlateau, {}, "factor", -0.1, "at least 0"),
    (ReduceOnPlateau, {}, "threshold", 1.0, "below 1"),
    (ReduceOnPlateau, {"mode": "max"}, "threshold", -1.0, "at least 0"),
    (ReduceOnPlateau, {}, "min_lr", -1.0, "at least 0"),
    (ReduceOnPlateau, {}, "eps", -1.0, "at least 0"),
    (WarmUp, {"schedule": Constant(), "steps": 3}, "start_factor", 0, "above 0"),
    (WarmUp, {"schedule": Constant(), "steps": 3}, "start_factor", 1.1, "at most 1"),
]
COUNTS = [
    (Step, {}, "step_size", 1),
    (Cosine, {}, "T_max", 1),
    (CosineRestarts, {}, "T_0", 1),
    (CosineRestarts, {"T_0": 1}, "T_mult", 1),
    (OneCycle, {}, "epochs", 1),
    (ReduceOnPlateau, {}, "patience", 0),
    (ReduceOnPlateau, {}, "cooldown", 0),
    (WarmUp, {"schedule": Constant()}, "steps", 1),
    (WarmUp, {"schedule": Constant()}, "epochs", 1),
]


def assert_refused(error, fragments, make, *arguments, **named):
    with pytest.raises(error) as caught:
        make(*arguments, **named)
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert "\n" not in message
    assert ". " not in message


@pytest.mark.parametrize(("kind", "others", "name", "bad", "expected"), NUMBERS)
def test_numbers(kind, others, name, bad, expected):
    assert_refused(ValueError, [name, str(float(bad)), expected], kind, **others | {name: bad})
    for value in (math.nan, math.inf, -math.inf, 10**400):
        assert_refused(ValueError, [name, "finite"], kind, **others | {name: value})
    for value in (True, np.True_, "1", b"1", None, [0.5], np.ones(1), 1j):
        fragments = [name, type(value).__name__, "number"]
        assert_refused(TypeError, fragments, kind, **others | {name: value})


@pytest.mark.parametrize(("kind", "others", "name", "least"), COUNTS)
def test_whole_numbers(kind, others, name, least):
    kind(**others, **{name: least})
    fragments = [name, str(least - 1), f"at least {least}"]
    assert_refused(ValueError, fragments, kind, **others, **{name: least - 1})
    kind(**others, **{name: 2**31 - 1})
    fragments = [name, str(2**31), f"at most {2**31 - 1}"]
    assert_refused(ValueError, fragments, kind, **others, **{name: 2**31})
    for value in (True, 3.0, "3", np.float64(3), [3]):
        assert_refused(TypeError, [name, "whole number"], kind, **others, **{name: value})


@pytest.mark.parametrize("bad", ["cosin", "COS", ""])
@pytest.mark.parametrize(
    ("kind", "others", "name", "known"),
    [
        (OneCycle, {"epochs": 3}, "anneal_strategy", ("cos", "linear")),
        (ReduceOnPlateau, {}, "mode", ("min", "max")),
        (ReduceOnPlateau, {}, "threshold_mode", ("rel", "abs")),
    ],
)
def test_choices(kind, others, name, known, bad):
    fragments = [name, repr(bad), *map(repr, known)]
    assert_refused(ValueError, fragments, kind, **others, **{name: bad})
    assert_refused(TypeError, [name, "int", *map(repr, known)], kind, **others, **{name: 1})


def test_milestones():
    for bad, fragments in [
        ([3, -1], ["milestones[1]", "-1", "at least 0"]),
        ([3, 2**31], ["milestones[1]", "at most"]),
    ]:
        assert_refused(ValueError, fragments, MultiStep, bad)
    for bad, fragments in [
        (3, ["milestones", "int", "sequence"]),
        ("3", ["milestones", "str", "sequence"]),
        ({3}, ["milestones", "set", "sequence"]),
        ([1.0], ["milestones[0]", "1.0", "whole number"]),
        ([1, True], ["milestones[1]", "bool"]),
        (np.ones((1, 2), int), ["milestones[0]", "whole number"]),
    ]:
        assert_refused(TypeError, fragments, MultiStep, bad)


def test_a_warm_up_has_one_length_and_a_schedule():
    both, none = {"steps": 3, "epochs": 4}, {}
    assert_refused(ValueError, ["steps", "3", "epochs", "4", "one"], WarmUp, Constant(), **both)
    assert_refused(ValueError, ["steps", "None", "epochs", "one"], WarmUp, Constant(), **none)
    for bad, shown in [("cosine", "str"), (Constant, "class Constant"), (None, "NoneType")]:
        assert_refused(TypeError, ["schedule", shown, "Constant()"], WarmUp, bad, steps=3)
    assert_refused(TypeError, ["three_phase", "str"], OneCycle, 3, three_phase="yes")


@pytest.mark.parametrize(
    "name", ["step", "multi_step", "exponential", "cosine_restarts", "warm_up"]
)
def test_a_name_that_does_not_say_enough_shows_an_object(name):
    with pytest.raises(ValueError, match=f"schedule is '{name}'.* such as ") as caught:
        resolve(name, 5)
    example = eval(str(caught.value).split("such as ")[1])
    assert example.name == name


def test_unknown_names_and_other_types():
    fragments = ["schedule", "'one_cicle'", "'cosine'", "'plateau'", "did you mean 'one_cycle'?"]
    for function in (lambda name: resolve(name, 5), lambda name: from_dict({"name": name})):
        assert_refused(ValueError, fragments, function, "one_cicle")
        assert_refused(ValueError, ["schedule", "'?'", "'cosine'"], function, "?")
    for bad, shown in [(3, "int"), (Cosine, "class Cosine"), ({}, "dict"), (["step"], "list")]:
        assert_refused(TypeError, ["schedule", shown, "Cosine(T_max="], resolve, bad, 5)


def test_data_that_describes_no_schedule():
    step = Step(3).as_dict()
    warm_up = WarmUp(Step(3), steps=2).as_dict()
    for bad, fragments in [
        ({**step, "gama": 1}, ["'step'", "'gama'", "'step_size'"]),
        ({"name": "step", "gamma": 0.1}, ["'step'", "'gamma'", "'step_size'"]),
        ({**step, "gamma": -1}, ["gamma", "-1"]),
        ({**warm_up, "schedule": {"name": "stap"}}, ["'stap'", "did you mean 'step'?"]),
    ]:
        assert_refused(ValueError, fragments, from_dict, bad)
    for bad, fragments in [
        ("step", ["str", "dict"]),
        ({"gamma": 0.1}, ["schedule", "NoneType", "'step'"]),
        ({"name": ["step"]}, ["schedule", "list", "'step'"]),
        ({**warm_up, "schedule": "step"}, ["schedule", "str", "dict"]),
    ]:
        assert_refused(TypeError, fragments, from_dict, bad)
