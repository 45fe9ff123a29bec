"""The optimizers: their kernels on both paths, against PyTorch and each other, and the objects."""

import ctypes
import dataclasses
import functools
import json
import re

import mpmath
import numpy as np
import pytest
from numba import carray, types

from fastnet import optimizers
from fastnet.kernels import catalog
from fastnet.kernels.compiled import jit
from fastnet.kernels.compiled import optimizers as compiled_kernels
from fastnet.kernels.reference import optimizers as reference_kernels
from fastnet.optimizers import NAMES, SGD, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop, Rprop

from .trajectories import make

PATHS = ("reference", "compiled")
DTYPES = ("float64", "float32")
SIZES = (0, 1, 7, 8, 9, 15, 16, 17, 33, 1000)
CLASSES = (SGD, RMSprop, Adagrad, Adam, AdamW, NAdam, Lion, Rprop)
OBJECTS = {
    name: getattr(optimizers, kind)(**arguments) for name, (kind, arguments) in make.CASES.items()
}


@functools.cache
def machine_code(name, dtype):
    """The C function of a compiled kernel."""
    real = types.float64 if dtype == "float64" else types.float32
    function, reals = getattr(compiled_kernels, name), types.CPointer(real)

    def entry(gradient, numbers, step, state, parameters, n):
        function(
            carray(gradient, n),
            carray(numbers, 1),
            step,
            carray(state, (1, n)),
            carray(parameters, n),
        )

    kinds = (reals, types.CPointer(types.float64), types.intp, reals, reals, types.intp)
    with pytest.MonkeyPatch.context() as patch:
        # Numba shows the code of what it compiled itself, not of what it loaded.
        patch.setattr(jit, "cache_folder", lambda: None)
        return jit.c_kernel(entry, kinds, "test")


def run(path, name, gradient, numbers, step, state, parameters):
    """One update on one of the paths."""
    if path == "reference":
        getattr(reference_kernels, name)(gradient, numbers, step, state, parameters)
        return
    address, size = ctypes.c_void_p, ctypes.c_ssize_t
    function = ctypes.CFUNCTYPE(None, address, address, size, address, address, size)
    function(machine_code(name, parameters.dtype.name).address)(
        gradient.ctypes.data,
        numbers.ctypes.data,
        step,
        state.ctypes.data,
        parameters.ctypes.data,
        len(parameters),
    )


def updater(path, optimizer, n=make.N, dtype="float64"):
    """A function of (gradient, step, parameters) that keeps the optimizer's numbers and state."""
    numbers, state = optimizer.numbers(), optimizer.first_state(n, dtype)

    def update(gradient, step, parameters):
        run(path, optimizer.kernel, gradient, numbers, step, state, parameters)

    return update


# ----------------------------------------------------------------------- the formulas


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", make.CASES)
def test_200_steps_go_where_pytorch_goes(name, path):
    """Roundings of the gradient grow to 2e-12 at most here; any other formula is further away."""
    update = updater(path, OBJECTS[name])
    trajectory = make.trajectory(lambda step, w: update(make.gradient(w, step), step, w))
    np.testing.assert_allclose(trajectory, make.stored()[name], rtol=1e-10)


@pytest.mark.parametrize("name", make.CASES)
def test_the_stored_trajectories_are_those_of_pytorch(name):
    if make.CASES[name][0] != "Lion":
        pytest.importorskip("torch")
    np.testing.assert_allclose(make.recomputed(name), make.stored()[name], rtol=1e-11)


def test_every_kernel_and_class_has_a_trajectory():
    assert {optimizer.kernel for optimizer in OBJECTS.values()} == set(catalog.OPTIMIZERS)
    assert {type(optimizer) for optimizer in OBJECTS.values()} == set(CLASSES)
    assert set(make.stored()) == set(make.CASES)


WITHOUT_DECAY = [name for name in OBJECTS if not getattr(OBJECTS[name], "weight_decay", 0)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", WITHOUT_DECAY)
def test_a_parameter_without_a_gradient_rests(name, path):
    update, parameters = updater(path, OBJECTS[name], 9), np.linspace(-1, 1, 9)
    for step in (1, 2, 3):
        update(np.zeros(9), step, parameters)
    assert np.array_equal(parameters, np.linspace(-1, 1, 9))


@pytest.mark.parametrize("path", PATHS)
def test_a_variance_below_nothing_is_none(path):
    """Where g stays the same, so do the average of g^2 and the square of that of g: 0 +- eps."""
    update = updater(path, RMSprop(eps=1.0, centered=True), 9, "float32")
    gradient, parameters = np.linspace(0.1, 0.9, 9, dtype=np.float32), np.zeros(9, np.float32)
    for step in range(1, 4000):
        before = parameters.copy()
        update(gradient, step, parameters)
    # The variance may be a few hundred eps of g^2 by now, of which the root is 1 %.
    np.testing.assert_allclose(before - parameters, 0.01 * gradient, rtol=0.02)


# ----------------------------------------------------------------------- one path and the other

VALUES = {
    "learning_rate": 0.01,
    "momentum": 0.9,
    "alpha": 0.95,
    "lr_decay": 0.1,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-3,
    "weight_decay": 0.2,
    "momentum_decay": 0.1,
    "momentum_product": 0.4,
    "eta_minus": 0.5,
    "eta_plus": 1.2,
    "smallest_step": 1.0,
    "largest_step": 2.5,
}
SIGNED = {"velocity", "mean", "first_moment", "previous_gradient"}
# Two steps of which pow errs by no more than a rounding of the correction.
STEPS = (1, 1000)


def arguments(name, n, dtype, rng):
    """gradient, numbers, state and parameters as they are in the middle of a training."""
    numbers = np.array([VALUES[number] for number in catalog.OPTIMIZERS[name]])
    gradient, parameters = rng.standard_normal((2, n))
    gradient[::5] = 0
    state = np.empty((len(catalog.OPTIMIZER_STATE[name]), n))
    for row, slot in zip(state, catalog.OPTIMIZER_STATE[name], strict=True):
        row[:] = rng.uniform(-1, 1, n) if slot in SIGNED else rng.uniform(2, 3, n)
    return gradient.astype(dtype), numbers, state.astype(dtype), parameters.astype(dtype)


def after(path, name, step, gradient, numbers, state, parameters):
    """Copies of numbers, state and parameters after a step; the gradient stays as it is."""
    kept = gradient.copy()
    numbers, state, parameters = numbers.copy(), state.copy(), parameters.copy()
    run(path, name, gradient, numbers, step, state, parameters)
    assert np.array_equal(gradient, kept)
    return numbers, state, parameters


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", catalog.OPTIMIZERS)
def test_a_compiled_step_is_the_reference_step(name, dtype, rng):
    """The operations and their order are the same; only pow may differ, in its last bit."""
    eps = np.finfo(dtype).eps
    for step in STEPS:
        for n in SIZES:
            given = arguments(name, n, dtype, rng)
            numbers, state, parameters = after("reference", name, step, *given)
            other_numbers, other_state, other_parameters = after("compiled", name, step, *given)
            np.testing.assert_array_equal(other_state, state)
            moved = np.abs(parameters - given[-1])
            # The factor and what follows from it: a rounding each in its cast, product and place.
            bound = 2 * eps * moved + eps * np.abs(parameters)
            assert np.all(np.abs(other_parameters - parameters) <= bound)
            np.testing.assert_allclose(other_numbers, numbers, rtol=4 * np.finfo(float).eps)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["adam", "amsgrad", "adamw", "nadam"])
def test_a_correction_of_many_steps_loses_nothing(name, path):
    """beta^t by multiplication would be wrong by a hundred roundings here."""
    step, values = 7770, dict.fromkeys(VALUES, 0.0) | {"learning_rate": 1.0, "beta2": 0.9999}
    numbers = np.array([values[number] for number in catalog.OPTIMIZERS[name]])
    state = np.ones((len(catalog.OPTIMIZER_STATE[name]), 3))
    gradient, parameters = np.full(3, 0.1), np.zeros(3)
    run(path, name, gradient, numbers, step, state, parameters)
    with mpmath.workprec(100):
        root = mpmath.sqrt(1 - mpmath.mpf(values["beta2"]) ** step)
    # With nothing in the other numbers it is a step of g root / sqrt(s): ten roundings at most.
    expected = -0.1 * float(root) / np.sqrt(state[-1])
    np.testing.assert_allclose(parameters, expected, rtol=10 * np.finfo(np.float64).eps)


@pytest.mark.parametrize("name", catalog.OPTIMIZERS)
def test_the_reference_works_in_any_precision(name, rng):
    """In float64 as in long double, to a few roundings for each of at most ten operations."""
    given = arguments(name, 200, "float64", rng)
    gradient, numbers, state, parameters = given
    wide = [array.astype(np.longdouble) for array in (gradient, state, parameters)]
    for step in STEPS:
        _, narrow_state, narrow = after("reference", name, step, *given)
        _, wide_state, exact = after("reference", name, step, wide[0], numbers, *wide[1:])
        eps = np.finfo(np.float64).eps
        assert np.all(np.abs(narrow_state - wide_state) <= 4 * eps * (np.abs(state) + 1))
        bound = eps * (np.abs(parameters) + 10 * (np.abs(exact - parameters) + 0.01))
        assert np.all(np.abs(narrow - exact) <= bound)
        if np.finfo(np.longdouble).eps < eps:
            assert np.any(exact != exact.astype(np.float64))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", catalog.OPTIMIZERS)
def test_the_loop_is_of_vectors_of_the_dtype(name, dtype):
    """And takes numbers from and to memory a vector at a time."""
    code = machine_code(name, dtype).inspect_llvm()
    real = "double" if dtype == "float64" else "float"
    assert re.search(rf"fmul <\d+ x {real}>", code)
    assert not re.search(r"llvm\.masked\.|fpext ", code)
    if re.search(r"sqrt", code):
        assert re.search(rf"call <\d+ x {real}> @llvm\.sqrt", code)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", catalog.OPTIMIZERS)
def test_a_nan_stays_visible(name, dtype, path, rng):
    """Also where only the sign of the gradient counts, which PyTorch takes for 0."""
    gradient, numbers, state, parameters = arguments(name, 33, dtype, rng)
    bad = np.zeros(33, bool)
    bad[[0, 20, 32]] = True
    run(
        path,
        name,
        np.where(bad, gradient.dtype.type(np.nan), gradient),
        numbers,
        1,
        state,
        parameters,
    )
    assert np.array_equal(np.isnan(parameters), bad)
    run(path, name, gradient, numbers, 2, state, parameters)
    assert np.array_equal(np.isnan(parameters), bad)


# ----------------------------------------------------------------------- the objects

ALL = [*OBJECTS.values(), *(kind() for kind in CLASSES)]


def test_the_catalog_describes_every_kernel():
    assert set(catalog.OPTIMIZERS) == set(catalog.OPTIMIZER_STATE)
    assert {numbers[0] for numbers in catalog.OPTIMIZERS.values()} == {"learning_rate"}


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_numbers_are_laid_out_as_the_catalog_says(optimizer):
    names, numbers = catalog.OPTIMIZERS[optimizer.kernel], optimizer.numbers()
    assert numbers.dtype == np.float64
    expected = {"momentum_product": 1.0}
    for field in dataclasses.fields(optimizer):
        expected[field.name] = getattr(optimizer, field.name)
    for pair, members in {
        "betas": ("beta1", "beta2"),
        "etas": ("eta_minus", "eta_plus"),
        "step_sizes": ("smallest_step", "largest_step"),
    }.items():
        expected.update(zip(members, expected.get(pair, ()), strict=False))
    assert numbers.tolist() == [expected[name] for name in names]
    numbers[:] = -1
    assert optimizer.numbers().min() >= 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_the_first_state(optimizer, dtype):
    slots = catalog.OPTIMIZER_STATE[optimizer.kernel]
    state = optimizer.first_state(5, dtype)
    assert (state.shape, state.dtype) == ((len(slots), 5), dtype)
    began = {"step_sizes": optimizer.learning_rate}
    if isinstance(optimizer, Adagrad):
        began["sum_of_squares"] = optimizer.initial_accumulator_value
    for slot, row in zip(slots, state, strict=True):
        assert row.tolist() == 5 * [np.dtype(dtype).type(began.get(slot, 0))]


def test_only_rprop_needs_all_rows():
    assert [kind for kind in CLASSES if kind.full_batch] == [Rprop]


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_an_object_comes_back_from_plain_data(optimizer):
    described = optimizer.as_dict()
    assert described["name"] == type(optimizer).__name__
    assert json.loads(json.dumps(described)) == described
    assert optimizers.from_dict(described) == optimizer
    assert hash(optimizers.from_dict(described)) == hash(optimizer)


def test_objects_differ_by_class_and_numbers():
    assert AdamW(weight_decay=0.0) != Adam()
    assert Adam() != Adam(eps=1e-7) != Adam(eps=1e-7, amsgrad=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Adam().eps = 1.0


def test_numbers_of_numpy_become_floats():
    optimizer = Adam(np.float32(0.5), np.array([0.25, 0]), np.int64(1), np.True_)
    assert optimizer == Adam(0.5, (0.25, 0.0), 1.0, True)
    assert repr(optimizer) == "Adam(learning_rate=0.5, betas=(0.25, 0.0), eps=1.0, amsgrad=True)"
    assert json.dumps(optimizer.as_dict())


# The names' optimizers, with a learning rate of 0.3.
NAMED = {
    "sgd": SGD(0.3),
    "momentum": SGD(0.3, 0.9),
    "nesterov": SGD(0.3, 0.9, True),
    "rmsprop": RMSprop(0.3),
    "adagrad": Adagrad(0.3),
    "adam": Adam(0.3),
    "amsgrad": Adam(0.3, amsgrad=True),
    "adamw": AdamW(0.3),
    "nadam": NAdam(0.3),
    "lion": Lion(0.3),
    "rprop": Rprop(0.3),
}


def test_names():
    assert tuple(NAMED) == NAMES
    for name, optimizer in NAMED.items():
        assert optimizers.resolve(name, 0.3) == optimizer
        assert optimizers.resolve(name, 0.3).kernel == name
        assert optimizers.resolve(optimizer, 0.1) is optimizer


AT_LEAST_0 = {
    SGD: ("learning_rate", "momentum"),
    RMSprop: ("learning_rate", "alpha", "eps", "momentum"),
    Adagrad: ("learning_rate", "lr_decay", "initial_accumulator_value", "eps"),
    Adam: ("learning_rate", "eps"),
    AdamW: ("learning_rate", "eps", "weight_decay"),
    NAdam: ("learning_rate", "eps", "momentum_decay"),
    Lion: ("learning_rate", "weight_decay"),
    Rprop: ("learning_rate",),
}


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, 10**400, True, "1", None, 1j, [0.1]])
@pytest.mark.parametrize(("kind", "names"), AT_LEAST_0.items())
def test_a_number_that_is_none_or_out_of_range(kind, names, value):
    expected = (
        TypeError if isinstance(value, (bool, str, list, complex, type(None))) else ValueError
    )
    for name in names:
        with pytest.raises(expected, match=rf"^{name} is .*, expected a .*number .*0[^.]*$"):
            kind(**{name: value})


BAD_FIELDS = {
    "alpha above 1": (
        RMSprop,
        {"alpha": 1.1},
        ValueError,
        "alpha is 1.1, expected a number from 0",
    ),
    "nesterov alone": (SGD, {"nesterov": True}, ValueError, "nesterov is True with momentum 0"),
    "nesterov, text": (SGD, {"nesterov": "yes"}, TypeError, "nesterov is of type str"),
    "centered, None": (RMSprop, {"centered": None}, TypeError, "centered is of type NoneType"),
    "amsgrad, float": (Adam, {"amsgrad": 1.0}, TypeError, "amsgrad is of type float"),
    "one eta": (Rprop, {"etas": (0.5,)}, ValueError, "etas has 1 values, expected two"),
    "eta of 1": (Rprop, {"etas": (1.0, 1.2)}, ValueError, "etas is (1.0, 1.2), expected two"),
    "eta of 0": (Rprop, {"etas": (0, 1.2)}, ValueError, "etas is (0.0, 1.2), expected two"),
    "second eta of 1": (Rprop, {"etas": (0.5, 1)}, ValueError, "etas is (0.5, 1.0), expected two"),
    "infinite eta": (Rprop, {"etas": (0.5, np.inf)}, ValueError, "etas is (0.5, inf), expected"),
    "eta, NaN": (Rprop, {"etas": (np.nan, 1.2)}, ValueError, "etas is (nan, 1.2), expected two"),
    "steps reversed": (Rprop, {"step_sizes": (1, 0.5)}, ValueError, "step_sizes is (1.0, 0.5)"),
    "negative step": (Rprop, {"step_sizes": (-1, 1)}, ValueError, "step_sizes is (-1.0, 1.0)"),
    "endless step": (Rprop, {"step_sizes": (0, np.inf)}, ValueError, "step_sizes is (0.0, inf)"),
    "step, NaN": (Rprop, {"step_sizes": (0, np.nan)}, ValueError, "step_sizes is (0.0, nan)"),
    "step, bool": (Rprop, {"step_sizes": (0, True)}, TypeError, "step_sizes[1] is a bool"),
}
BAD_BETAS = {
    "beta of 1": (
        (0.9, 1.0),
        ValueError,
        "betas is (0.9, 1.0), expected two numbers of at least 0",
    ),
    "negative": ((-0.1, 0.9), ValueError, "betas is (-0.1, 0.9), expected two"),
    "NaN": ((0.9, np.nan), ValueError, "betas is (0.9, nan), expected two"),
    "one number": (0.9, TypeError, "betas is a float, expected two"),
    "a number of numpy": (np.array(0.9), TypeError, "betas is a float, expected two"),
    "text": ("09", TypeError, "betas is a str, expected two"),
    "three": ((0.9, 0.9, 0.9), ValueError, "betas has 3 values, expected two"),
    "none": ([], ValueError, "betas has 0 values, expected two"),
    "a bool": ((False, 0.9), TypeError, "betas[0] is a bool, expected two"),
    "a matrix": (np.ones((2, 2)), TypeError, "betas[0] is a list, expected two"),
}
for _kind in (Adam, AdamW, NAdam, Lion):
    for _name, (_value, *_rest) in BAD_BETAS.items():
        BAD_FIELDS[f"{_kind.__name__}, {_name}"] = (_kind, {"betas": _value}, *_rest)


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_bad_fields(name):
    kind, arguments, error, beginning = BAD_FIELDS[name]
    with pytest.raises(error, match=f"^{re.escape(beginning)}"):
        kind(**arguments)


LISTED = ", ".join(f"'{name}'" for name in NAMED)
BAD_CHOICES = {
    "misspelt": (
        lambda: optimizers.resolve("adm", 0.1),
        ValueError,
        ["'adm'", LISTED, "mean 'adam'"],
    ),
    "capitals": (lambda: optimizers.resolve("Adamw", 0.1), ValueError, ["'Adamw'", "mean 'adamw'"]),
    "a kernel": (lambda: optimizers.resolve("rmsprop_centered", 0.1), ValueError, [LISTED]),
    "a class": (lambda: optimizers.resolve(Adam, 0.1), TypeError, ["the class Adam", LISTED]),
    "None": (lambda: optimizers.resolve(None, 0.1), TypeError, ["NoneType", LISTED]),
    "rate": (lambda: optimizers.resolve("adam", -1), ValueError, ["learning_rate is -1.0"]),
    "no dict": (lambda: optimizers.from_dict("Adam"), TypeError, ["a str, expected a dict"]),
    "no name": (lambda: optimizers.from_dict({"eps": 1.0}), TypeError, ["name None", "a str"]),
    "no class": (lambda: optimizers.from_dict({"name": "Adem"}), ValueError, ["mean 'Adam'"]),
    "no field": (
        lambda: optimizers.from_dict({"name": "Adam", "beta": [0.5, 0.5]}),
        ValueError,
        ["a field of Adam is 'beta'", "'betas', 'eps'", "mean 'betas'"],
    ),
    "bad field": (
        lambda: optimizers.from_dict({"name": "Adam", "eps": -1}),
        ValueError,
        ["eps is"],
    ),
    "no kind": (optimizers.Optimizer, TypeError, ["abstract"]),
}


@pytest.mark.parametrize("name", BAD_CHOICES)
def test_bad_choices(name):
    choose, error, fragments = BAD_CHOICES[name]
    with pytest.raises(error) as caught:
        choose()
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_nothing_near_is_suggested_for_what_is_far():
    with pytest.raises(ValueError, match=r"'rprop'$"):
        optimizers.resolve("xyz", 0.1)
