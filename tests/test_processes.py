"""What real processes meet: being killed, Ctrl-C, and data that is larger than the memory.

The children run functions of this file, `run(name, ...)`; they print lines of JSON.
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fastnet import NeuralNetwork, optimizers, schedules

ROOT = Path(__file__).resolve().parent.parent
# Only a training that does not stop at all takes so long; how long it takes is printed.
HANG_SECONDS = 60
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of the memory as Linux has them")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@contextmanager
def run(function, *arguments):
    """A process that calls this function of this file."""
    code = f"from {__name__} import {function.__name__} as function; function(*{arguments!r})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def results(function, *arguments):
    """What such a process prints, line by line."""
    with run(function, *arguments) as process:
        lines = [json.loads(line) for line in process.stdout]
        assert process.wait() == 0
    return lines


def say(value):
    print(json.dumps(value), flush=True)


def heard(process):
    line = process.stdout.readline()
    assert line, f"the process ended with {process.wait()}"
    return json.loads(line)


# ------------------------------------------------------------------------------------------ kill -9


EPOCHS = 60


def finish(path, backend, pause):
    """Train what is left of EPOCHS, from the checkpoint if there is one; say each epoch."""
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((101, 5)), rng.integers(0, 3, 101)
    if os.path.exists(path):
        network = NeuralNetwork.load(path, backend=backend)
    else:
        network = NeuralNetwork(
            [5, 20, 3], output="softmax", hidden="tanh", dropout=0.2, backend=backend, seed=1
        )

    def tell(network, history):
        say(network.epochs_trained)
        time.sleep(pause)

    network.train(
        X,
        labels,
        EPOCHS - network.epochs_trained,
        verbose=False,
        batch_size=16,
        optimizer=optimizers.NAdam(0.05),
        schedule=schedules.WarmUp(schedules.OneCycle(EPOCHS - 5), epochs=5),
        average=0.9,
        validation=0.2,
        input_noise=0.1,
        checkpoint=path,
        callbacks=tell,
    )


def test_what_was_killed_goes_on_as_if_it_had_not_been(backend, tmp_path):
    whole, path = tmp_path / "whole", tmp_path / "killed" / "file"
    path.parent.mkdir()
    told = results(finish, str(whole), backend, 0)
    assert told == list(range(1, EPOCHS + 1))
    # The moments differ from run to run: none of them may matter.
    moments = random.Random()
    kills = begun = 0
    while kills < 4:
        with run(finish, str(path), backend, 0.01) as process:
            for _ in range(moments.randint(1, 6)):
                begun = heard(process)
            time.sleep(moments.uniform(0, 0.03))
            os.kill(process.pid, signal.SIGKILL)
            left = [json.loads(line) for line in process.stdout if line.endswith("\n")]
        kills += 1
        done = NeuralNetwork.load(path, backend=backend).epochs_trained if path.exists() else 0
        # What was told comes before its checkpoint is written, and the checkpoint before the next.
        assert max([begun, *left]) - 1 <= done <= max([begun, *left])
        if done > EPOCHS - 10:
            break
    if done < EPOCHS:
        told = results(finish, str(path), backend, 0)
        assert told == list(range(done + 1, EPOCHS + 1))
    print(f"{kills} kills, the last after {done} epochs")
    assert path.read_bytes() == whole.read_bytes()
    # Nothing is left of the files that were being written.
    assert os.listdir(path.parent) == ["file"]


# ------------------------------------------------------------------------------------------- Ctrl-C


def huge(rows, features, classes):
    """Data of any number of rows in a few bytes: one row, over and over."""
    rng = np.random.default_rng(0)
    X = np.broadcast_to(rng.standard_normal(features, dtype=np.float32), (rows, features))
    return X, np.broadcast_to(rng.integers(0, classes), rows)


# Name -> (backend, layer sizes, rows, how it is trained): an epoch takes about a minute, and
# "one step" is one such epoch.
LONG = {
    "batches": ("compiled", [20, 256, 256, 5], 5_000_000, {"batch_size": 32}),
    "one step": ("compiled", [20, 256, 256, 5], 5_000_000, {}),
    "reference": ("reference", [20, 64, 64, 5], 1_000_000, {"batch_size": 8, "shuffle": False}),
}


def be_interrupted(name, moments, on_interrupt):
    """Train for long, several times; say when Ctrl-C reaches the training, and what came of it."""
    backend, sizes, rows, how = LONG[name]
    X, labels = huge(rows, sizes[0], sizes[-1])
    few = np.random.default_rng(1).standard_normal((9, sizes[0])), np.arange(9) % sizes[-1]
    how = {"verbose": False, "optimizer": "adam", "on_interrupt": on_interrupt, **how}

    def network():
        return NeuralNetwork(sizes, output="softmax", backend=backend, dtype="float32", seed=0)

    network().train(*few, 1, **how)
    for _ in range(moments):
        trained, untrained = network(), network()
        threading.Thread(target=say_when_caught).start()
        try:
            history = trained.train(X, labels, 3, **how)
            ended = history.stopped_by, len(history)
        except KeyboardInterrupt:
            ended = "raised", 0
        returned = time.monotonic()
        report = {
            "returned": returned,
            "ended": ended,
            "finite": bool(np.isfinite(trained.parameters).all()),
            "changed": not np.array_equal(trained.parameters, untrained.parameters),
            "epochs": trained.epochs_trained,
            "handler": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
            "loss": trained.loss(*few),
        }
        trained.train(*few, 20, **how)
        report["later"] = trained.loss(*few)
        say(report)


def say_when_caught():
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.001)
    say("caught")


@pytest.mark.parametrize("on_interrupt", ["return", "raise"])
@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_ends_a_long_epoch(name, on_interrupt):
    moments = 3 if on_interrupt == "return" else 1
    with run(be_interrupted, name, moments, on_interrupt) as process:
        for _ in range(moments):
            assert heard(process) == "caught"
            time.sleep(random.uniform(0, 1))
            sent = time.monotonic()
            os.kill(process.pid, signal.SIGINT)
            report = heard(process)
            seconds = report.pop("returned") - sent
            print(f"{name}: stopped {seconds:.3f} s after Ctrl-C")
            assert seconds < HANG_SECONDS
            assert report.pop("later") < report.pop("loss")
            assert report == {
                "ended": ["raised" if on_interrupt == "raise" else "interrupt", 0],
                "finite": True,
                "changed": report["epochs"] == 1,
                "handler": True,
                "epochs": report["epochs"],
            }
            # Of the one long step nothing is done, of the others a part, if they had begun.
            assert report["epochs"] <= (name != "one step")
        assert process.wait() == 0


def be_interrupted_with_best(backend):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 3)), rng.random((200, 1))
    held_out = rng.standard_normal((100, 3)), rng.random((100, 1))
    network = NeuralNetwork([3, 30, 1], backend=backend, seed=0)

    def tell(network, history):
        if len(history) == 50:
            say("caught")

    how = {"batch_size": 10, "optimizer": "adam", "validation": held_out}
    history = network.train(X, y, 10**7, 0.01, False, **how, callbacks=tell)
    assert history.stopped_by == "interrupt"
    assert history.best_epoch < len(history) - 1
    assert len(history) - 1 <= len(history.validation) <= len(history)
    best = min(history.validation)
    say({"restored": network.loss(*held_out) == best == history.validation[history.best_epoch]})


def test_ctrl_c_restores_the_best(backend):
    with run(be_interrupted_with_best, backend) as process:
        assert heard(process) == "caught"
        time.sleep(random.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGINT)
        assert heard(process) == {"restored": True}
        assert process.wait() == 0


def be_interrupted_in_small_things():
    """Signals at moments that are known, because the process sends them to itself."""

    def press(*_):
        signal.raise_signal(signal.SIGINT)

    def train(callbacks=None, epochs=5, **how):
        return simple().train(*xy(), epochs, 0.1, False, callbacks=callbacks, **how)

    def is_default():
        return signal.getsignal(signal.SIGINT) is signal.default_int_handler

    # In a callback: that one and what comes after the epoch is done, and then it ends.
    calls = []
    history = train([press, lambda network, history: calls.append(len(history))])
    say([history.stopped_by, len(history), calls, is_default()])

    # While the validation set is measured, which may take long: at once.
    def metric(y, predictions):
        measured.append(len(measured))
        if len(measured) == 4:
            press()
            measured.append("too late")
        return 1.0 / len(measured)

    measured = []
    history = train(validation=xy(), monitor=metric)
    say([history.stopped_by, len(history), len(history.validation), measured, is_default()])

    # After the last step, and after the training.
    class AtEnd:
        def on_train_end(self, network, history):
            press()

    try:
        train(AtEnd())
    except KeyboardInterrupt:
        say(["raised by Python", is_default()])

    # Twice.
    history = train([press, press])
    say([history.stopped_by, len(history), is_default()])

    # A callback with a handler for ever.
    def replace(network, history):
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    train(replace)
    say([signal.getsignal(signal.SIGINT) == signal.SIG_IGN])

    # The user's own, which notes it ...
    noted = []

    def own(number, frame):
        noted.append(number)

    signal.signal(signal.SIGINT, own)
    history = train(press)
    say([history.stopped_by, len(history), len(noted), signal.getsignal(signal.SIGINT) is own])

    # ... or raises.
    def raising(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, raising)
    for on_interrupt in ("return", "raise"):
        try:
            history = train(press, on_interrupt=on_interrupt)
            say([history.stopped_by, len(history), signal.getsignal(signal.SIGINT) is raising])
        except KeyboardInterrupt:
            say(["raised", signal.getsignal(signal.SIGINT) is raising])


def simple():
    return NeuralNetwork([3, 5, 1], backend="reference", seed=0)


def xy():
    rng = np.random.default_rng(0)
    return rng.standard_normal((20, 3)), rng.random((20, 1))


def test_ctrl_c_in_small_things():
    assert results(be_interrupted_in_small_things) == [
        ["interrupt", 1, [1], True],
        # Measured once before the first epoch, and twice after it and the second.
        ["interrupt", 3, 2, [0, 1, 2, 3], True],
        ["raised by Python", True],
        ["interrupt", 1, True],
        [True],
        ["epochs", 5, 5, True],
        ["interrupt", 1, True],
        ["raised", True],
    ]


def train_in_a_thread():
    network, other, histories = simple(), simple(), []
    interrupted = threading.Event()

    def train():
        until = {"callbacks": lambda network, history: interrupted.is_set()}
        histories.append(network.train(*xy(), 10**7, 0.1, False, **until))

    thread = threading.Thread(target=train)
    thread.start()
    try:
        say("caught")
        time.sleep(HANG_SECONDS)
    except KeyboardInterrupt:
        interrupted.set()
    thread.join(HANG_SECONDS)
    other.train(*xy(), len(histories[0]), 0.1, False)
    say([histories[0].stopped_by, np.array_equal(network.parameters, other.parameters)])


def test_ctrl_c_belongs_to_the_main_thread():
    with run(train_in_a_thread) as process:
        assert heard(process) == "caught"
        os.kill(process.pid, signal.SIGINT)
        assert heard(process) == ["callback", True]
        assert process.wait() == 0


# ------------------------------------------------------------------- data larger than the memory


MiB = 2**20
FILE_MIB, LIMIT_MIB = 160, 40
FEATURES, CLASSES = 1000, 10
# Name -> (dtype, order, what part of the file is trained on). Of bytes there are four times as
# many rows.
VIEWS = {
    "float32": ("float32", "C", np.s_[:]),
    "uint8": ("uint8", "C", np.s_[:]),
    "columns": ("float32", "F", np.s_[:]),
    "every second row": ("float32", "C", np.s_[::2]),
    "every second column": ("float32", "C", np.s_[:, ::2]),
    "from behind": ("float32", "C", np.s_[::-1]),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file of float32 between 0 and 1."""
    path = tmp_path_factory.mktemp("data") / "numbers"
    rng = np.random.default_rng(0)
    with path.open("wb") as out:
        for _ in range(FILE_MIB):
            out.write(rng.random(MiB // 4, dtype=np.float32).data)
    yield str(path)
    path.unlink()


def limit_memory():
    """Let this process have LIMIT_MIB more; what is mapped from files does not count."""
    status = Path("/proc/self/status").read_text()
    has = int(status.split("VmData:")[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (has + LIMIT_MIB * MiB,) * 2)


def learn(path, view, backend, dtypes, is_limited):
    """Train on the data in the file, within a limit of the memory or on a copy of it."""
    data_type, order, part = VIEWS[view]
    rows = FILE_MIB * MiB // (np.dtype(data_type).itemsize * FEATURES)
    X = np.memmap(path, data_type, "r", shape=(rows, FEATURES), order=order)[part]
    labels = np.arange(len(X)) % CLASSES
    y = (labels == 3).astype(np.uint8)
    few = np.array(X[:40])

    def outcome(X, labels, y, dtype):
        sizes = [X.shape[1], 4, CLASSES]
        how = {"batch_size": 512, "optimizer": "sgd", "verbose": False}
        one = NeuralNetwork(sizes, output="softmax", dtype=dtype, backend=backend, seed=0)
        losses = [*one.train(X, labels, 1, 1e-3, **how, validation=(X[:999], labels[:999]))]
        drop_in = NeuralNetwork([X.shape[1], 3, 1], dtype=dtype, backend=backend, seed=0)
        losses += drop_in.train(X, y, 1, 1e-3, False, batch_size=1000, shuffle=False)
        if backend == "compiled":
            losses += one.train(X, labels, 1, 1e-3, **{**how, "batch_size": None})
            losses += [one.loss(X, labels), drop_in.loss(X, y), float(one.predict(X).mean())]
        return [losses, one.parameters.tolist(), drop_in.parameters.tolist()]

    for dtype in dtypes:
        # What compiles, and what Python imports only now.
        outcome(few, labels[:40], y[:40], dtype)
    if is_limited:
        limit_memory()
        for dtype in (X.dtype, np.float32, np.float64):
            try:
                say(f"a copy of {X.astype(dtype).shape}")
            except MemoryError:
                say("does not fit")
    else:
        X = np.array(X)
    for dtype in dtypes:
        say(outcome(X, labels, y, dtype))


@linux
@pytest.mark.parametrize(
    ("view", "backend", "dtypes"),
    [
        ("float32", "compiled", ("float32", "float64")),
        ("float32", "reference", ("float32", "float64")),
        ("uint8", "compiled", ("float32",)),
        ("uint8", "reference", ("float64",)),
        ("columns", "compiled", ("float32",)),
        ("every second row", "compiled", ("float64",)),
        ("every second column", "compiled", ("float32",)),
        ("from behind", "reference", ("float32",)),
    ],
)
def test_data_larger_than_the_memory(view, backend, dtypes, file):
    limited = results(learn, file, view, backend, dtypes, True)
    assert limited[:3] == ["does not fit"] * 3
    assert limited[3:] == results(learn, file, view, backend, dtypes, False)
