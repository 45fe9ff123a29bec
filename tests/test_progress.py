"""What training shows, on a real terminal, in a file and without tqdm."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fastnet.training.history import History
from fastnet.training.progress import DRAW_SECONDS, PlainLines, check_verbose, reporter

ROOT = Path(__file__).parent.parent
COLUMNS = 100
BARS = ["tqdm", "text"]

BEGIN = """
import sys, time
from fastnet.training.history import History
from fastnet.training.progress import reporter

def complete(history, epochs):
    for epoch in range(len(history), epochs):
        history.append(1 / (epoch + 1))
        history.validation.append(2 / (epoch + 1))
        history.learning_rate.append(0.01)
        history.seconds.append((epoch + 1) / 2)

history = History()
"""
WITHOUT_TQDM = "import sys; sys.modules['tqdm'] = None"


@dataclass
class Output:
    """What a child wrote; its stderr as it came, with the terminal's own line ends."""

    stdout: str
    stderr: str

    @property
    def screen(self):
        """The lines of a terminal that shows stderr; the cursor is in the last one."""
        lines, column = [""], 0
        for character in self.stderr:
            if character == "\n":
                lines.append("")
            elif character == "\r":
                column = 0
            else:
                if column == COLUMNS:
                    lines.append("")
                    column = 0
                line = lines[-1].ljust(column)
                lines[-1] = line[:column] + character + line[column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


def run(code, bar="tqdm", *, terminal=True, columns=COLUMNS):
    """Run BEGIN and `code` in a child, whose stderr is a terminal or a pipe."""
    code = "\n".join([WITHOUT_TQDM if bar == "text" else "", BEGIN, code])
    environment = {name: v for name, v in os.environ.items() if not name.startswith("TQDM")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    master, slave = pty.openpty() if terminal else os.pipe()
    if terminal:
        termios.tcsetwinsize(slave, (24, columns))
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment,
    ) as child:
        os.close(slave)
        written = b""
        # A terminal that is closed at the other end is an error, and no end of file.
        with contextlib.suppress(OSError):
            while part := os.read(master, 65536):
                written += part
        os.close(master)
        stdout = child.stdout.read().decode()
    output = Output(stdout, written.decode())
    assert child.returncode == 0, output.stderr
    return output


# ------------------------------------------------------------------------------------- the bar


@pytest.mark.parametrize("bar", BARS)
def test_a_run_on_a_terminal(bar):
    output = run(
        """
bar = reporter(True, 250, False)
for epoch in range(250):
    complete(history, epoch + 1)
    bar.update(history)
bar.close()
""",
        bar,
    )
    line, rest = output.screen
    assert rest == ""
    assert "250/250" in line
    assert "loss" in line
    assert "0.004" in line
    assert "validation" in line
    assert "0.008" in line
    assert "rate" in line
    assert "0.01" in line
    assert "epoch/s" in line or "epochs/s" in line
    assert ("100%" in line) == (bar == "tqdm")
    assert output.stdout == ""


def test_the_line_without_tqdm():
    output = run(
        """
bar = reporter(True, 30, False)
complete(history, 10)
bar.update(history)
bar.close()
""",
        "text",
    )
    expected = "epoch 10/30, 0:00:10 left, loss 0.1, validation 0.2, rate 0.01, 2.0 epochs/s"
    assert output.screen == [expected, ""]


@pytest.mark.parametrize("bar", BARS)
def test_without_validation_there_is_none(bar):
    code = "history.validation.clear(); bar = reporter(True, 3, False); bar.update(history)"
    line, _ = run(f"complete(history, 1); {code}; bar.close()", bar).screen
    assert "validation" not in line
    assert "loss" in line


@pytest.mark.parametrize("bar", BARS)
def test_a_run_that_stops_early_shows_where_and_ends_the_line(bar):
    output = run(
        """
bar = reporter(True, 250, False)
for epoch in range(120):
    complete(history, epoch + 1)
    bar.update(history)
bar.close()
bar.close()
print("and then", file=sys.stderr)
""",
        bar,
    )
    line, after, rest = output.screen
    assert "120/250" in line
    assert (after, rest) == ("and then", "")


@pytest.mark.parametrize("bar", BARS)
def test_a_run_that_ends_before_its_first_epoch_leaves_the_terminal_in_order(bar):
    code = "bar = reporter(True, 5, False); bar.close(); print('and then', file=sys.stderr)"
    assert run(code, bar).screen[-2:] == ["and then", ""]


@pytest.mark.parametrize("bar", BARS)
def test_the_bar_is_drawn_again_and_a_longer_line_is_wiped(bar):
    output = run(
        f"""
bar = reporter(True, 9, False)
for losses in ([0.123456e-100], [0.5, 0.25], [0.5, 0.25, 0.125]):
    history[:] = losses
    history.learning_rate, history.seconds = [1.0], [1.0]
    bar.update(history)
    time.sleep({1.1 * DRAW_SECONDS})
bar.close()
""",
        bar,
    )
    drawings = output.stderr.split("\r")
    for part in ("1.235e-101", "0.25", "0.125"):
        assert any(part in drawing for drawing in drawings), part
    line, _ = output.screen
    assert "3/9" in line
    assert re.search(r"rate[= ]1(\]|, 3.0 epochs/s)$", line)


@pytest.mark.parametrize("bar", BARS)
def test_it_is_drawn_ten_times_a_second_at_most(bar):
    output = run(
        """
complete(history, 1)
bar = reporter("always", 1, False)
began, calls = time.perf_counter(), 0
while time.perf_counter() < began + 0.35:
    bar.update(history)
    calls += 1
bar.close()
print(time.perf_counter() - began, calls)
""",
        bar,
        terminal=False,
    )
    seconds, calls = map(float, output.stdout.split())
    # The first one, tqdm's of 0 epochs and two at the end come besides.
    drawings = output.stderr.count("\r")
    assert drawings <= seconds / DRAW_SECONDS + 4 < calls


@pytest.mark.parametrize("bar", BARS)
@pytest.mark.parametrize("columns", [20, 40, 79])
def test_a_narrow_terminal_does_not_break_the_line(bar, columns, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "COLUMNS", columns)
    output = run(
        "bar = reporter(True, 30, False); complete(history, 10); bar.update(history); bar.close()",
        bar,
        columns=columns,
    )
    line, rest = output.screen
    assert rest == ""
    assert line.startswith("epoch 10/30, 0:00:1" if bar == "text" else " 33%")


def test_a_terminal_of_unknown_width():
    code = "bar = reporter(True, 9, False); complete(history, 3); bar.update(history); bar.close()"
    line, _ = run(code, "text", columns=0).screen
    assert line.endswith("2.0 epochs/s")


# ------------------------------------------------------------------------------- who looks at it


@pytest.mark.parametrize("bar", BARS)
def test_it_is_quiet_where_there_is_no_terminal(bar):
    output = run("print(reporter(True, 5, False))", bar, terminal=False)
    assert (output.stdout, output.stderr) == ("None\n", "")


@pytest.mark.parametrize("bar", BARS)
def test_always_is_always(bar):
    code = """
bar = reporter("always", 5, False)
complete(history, 5)
bar.update(history)
bar.close()
"""
    line, rest = run(code, bar, terminal=False).screen
    assert "5/5" in line
    assert rest == ""


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("terminal", [True, False])
def test_false_is_none(plain, terminal):
    output = run(f"print(reporter(False, 5, {plain}))", terminal=terminal)
    assert (output.stdout, output.stderr) == ("None\n", "")


def test_a_process_without_stderr():
    code = "sys.stderr = None; print(reporter(True, 5, False), reporter('always', 5, False))"
    assert run(code).stdout == "None None\n"


# ------------------------------------------------------------------------------- the plain lines


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("verbose", [True, "always"])
def test_the_plain_lines_go_to_stdout_and_nowhere_else(terminal, verbose):
    output = run(
        f"""
lines = reporter({verbose!r}, 201, True)
complete(history, 201)
lines.update(history)
lines.close()
""",
        terminal=terminal,
    )
    expected = "Epoch 0, Loss: 1.0000\nEpoch 100, Loss: 0.0099\nEpoch 200, Loss: 0.0050\n"
    assert (output.stdout, output.stderr) == (expected, "")


@pytest.mark.parametrize("epochs", [0, 1, 100, 101, 350])
@pytest.mark.parametrize("at_once", [1, 7, 99, 100, 101, 350])
def test_the_plain_lines_do_not_depend_on_how_often_they_are_told(epochs, at_once, capsys):
    losses = [10 / (epoch + 1) for epoch in range(epochs)]
    lines = reporter(True, epochs, True)
    assert isinstance(lines, PlainLines)
    for complete in range(at_once, epochs + at_once, at_once):
        lines.update(History(losses[:complete]))
    lines.close()
    shown = [f"Epoch {e}, Loss: {losses[e]:.4f}\n" for e in range(epochs) if e % 100 == 0]
    assert capsys.readouterr().out == "".join(shown)


# -------------------------------------------------------------------------------------- verbose


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        (np.bool_(True), True),
        (np.int64(0), False),
        ("always", "always"),
    ],
)
def test_verbose(value, expected):
    checked = check_verbose(value)
    assert (checked, type(checked)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("Always", ValueError, "verbose is 'Always', expected True, False or 'always'"),
        ("", ValueError, "verbose is ''"),
        (None, TypeError, "verbose is of type NoneType, expected True, False or 'always'"),
        (1.0, TypeError, "verbose is of type float"),
        ([True], TypeError, "verbose is of type list"),
        (np.array(True), TypeError, "verbose is of type ndarray"),
    ],
)
def test_what_verbose_cannot_be(value, error, words):
    with pytest.raises(error, match=re.escape(words)):
        check_verbose(value)
