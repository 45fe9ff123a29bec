"""Training in slices: what Python does between runs of the kernels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from time import perf_counter
from types import ModuleType

import numpy as np

from ..kernels.memory import aligned_zeros
from ..plan import Plan
from ..threads import Claim
from .data import Data
from .history import History
from .interrupts import Interrupts
from .options import Options
from .pace import Pace, Speed
from .run import Run
from .state import TrainingState
from .stopping import Monitor

# Python wakes this often for signals and for printing.
SLICE_SECONDS = 0.05
LARGEST_BUDGET = 2**31
# A chunk of fewer rows, or a moment's luck, does not make the next slice longer than this factor.
LARGEST_SPEEDUP = 4
# A copy of finite parameters is made when this many times its own cost has passed.
COPY_SHARE = 20
# Inputs that are scaled are rarely this far from 0.
LARGE_INPUT = 30


class DivergenceWarning(RuntimeWarning):
    """The loss or a weight is no finite number any more, and training has stopped."""


class Training:
    """One call of `train`: the run of the kernels, and all that happens between its slices."""

    def __init__(
        self,
        path: ModuleType,
        plan: Plan,
        parameters: np.ndarray,
        state: TrainingState,
        data: Data,
        options: Options,
        monitor: Monitor | None,
        speeds: dict[int, Speed],
    ) -> None:
        self.plan, self.parameters, self.state = plan, parameters, state
        self.options, self.monitor = options, monitor
        self.history = History()
        self._data = data
        # The kernels write the rate of each step into the numbers.
        self._learning_rate = float(options.optimizer.numbers()[0])
        self._losses = np.zeros(options.epochs)
        batch_size = options.batch_size_for(len(data))
        self.steps_per_epoch = -(-len(data) // batch_size)
        self._first_epoch, self._first_update = state.epochs, state.updates
        self._claim = Claim(plan, batch_size, options.n_threads)
        self._speed = speeds.setdefault(batch_size, Speed())
        self._pace = Pace(self._claim, options.n_threads, self._speed)
        self._run = self._make_run(data)
        self._advance = path.trainer(
            plan, parameters, data.X, data.targets, self._run, self._losses
        )
        # No step, but what compiles does so here, where Ctrl-C may cut it short.
        self._advance(0, 0, 1)
        self._seconds = 0.0
        self._chunk_seconds = max(map(self._speed.usual, self._speed.chunk_seconds), default=0.0)
        self._finite = parameters.copy()
        self._copied_at, self._copy_cost = 0.0, 0.0
        self._stops_within_steps = False

    def _make_run(self, data: Data) -> Run:
        options, state = self.options, self.state
        return Run(
            loss=options.loss_kernel,
            optimizer=options.optimizer.kernel,
            numbers=state.numbers,
            state=state.slots,
            gradient=aligned_zeros(self.plan.size, self.plan.dtype),
            order=data.order,
            batch_size=options.batch_size_for(len(data)),
            total_weight=data.total_weight,
            rates=np.array([self._learning_rate]),
            update_each_layer=options.is_drop_in,
            shuffle=options.shuffle,
            key=state.key or 0,
            rows=data.rows,
            weights=data.weights,
            smoothing=options.smoothing,
            input_noise=options.input_noise,
            clip_value=options.clip_value,
            clip_norm=options.clip_norm,
            average=options.average,
            averaged=state.averaged,
            first_epoch=state.epochs,
            updates=state.updates,
            optimizer_since=state.optimizer_since,
            average_since=state.average_since,
            n_threads=self._claim.n_threads,
        )

    def run(
        self,
        reporter,
        at_epoch_end: Sequence[Callable[[], object]],
        save: Callable[[History], None] | None,
    ) -> History:
        """Train all epochs, a slice at a time, unless something stops it.

        A slice is as many chunks of rows as take about SLICE_SECONDS, or one in the first call. It
        ends with the epoch where something is done between epochs; such a function may stop the
        training by returning True.
        """
        plateau = bool(self.options.schedule.first_state())
        each_epoch = bool(at_epoch_end or self.monitor or save or plateau)
        total = self.options.epochs * self.steps_per_epoch
        budget, began = self._budget(), perf_counter()
        with Interrupts() as interrupts:
            try:
                while self._position < total and not self._is_over(interrupts):
                    end = total
                    if each_epoch:
                        end = (len(self.history) + 1) * self.steps_per_epoch
                    slice_began, step = perf_counter(), self._position
                    expected = min(
                        (end - step) * self._speed.step_seconds, budget * self._chunk_seconds
                    )
                    n_threads, budget = self._pace.next_slice(budget, expected)
                    self._set_rates(end, budget)
                    if not self._advance(end, budget, n_threads):
                        self.history.stopped_by = "divergence"
                        break
                    now = perf_counter()
                    self._seconds = now - began
                    done, steps = budget - int(self._run.position[-1]), self._position - step
                    self._stops_within_steps |= self._run.update_each_layer and done > steps
                    self._pace.note(n_threads, done, now - slice_began)
                    if steps:
                        self._speed.step_seconds = (now - slice_began) / steps
                    self._note_chunks(done, now - slice_began, steps > 0)
                    budget = self._budget()
                    completed = self._note_epochs()
                    self._keep_finite()
                    if completed and each_epoch:
                        self._end_epoch(at_epoch_end, save, interrupts)
                    if completed and reporter:
                        reporter.update(self.history)
            except KeyboardInterrupt:
                # While it was measured, from a handler of the user's own, or from a callback.
                interrupts.requested = True
            finally:
                self._claim.end()
                has_diverged = self._finish()
                if reporter:
                    reporter.close()
        if interrupts.requested:
            self.history.stopped_by = "interrupt"
        if has_diverged:
            self._warn_of_divergence()
        return self.history

    @property
    def _position(self) -> int:
        return int(self._run.position[0])

    @property
    def _is_half_done(self) -> bool:
        """Whether some layers have been updated by the step at hand, and some not."""
        return self._run.update_each_layer and self._run.position[1] > 0

    def _is_over(self, interrupts: Interrupts) -> bool:
        limit = self.options.max_seconds
        if interrupts.requested:
            self.history.stopped_by = "interrupt"
        elif limit is not None and self._seconds >= limit:
            self.history.stopped_by = "max_seconds"
        return self.history.stopped_by != "epochs"

    def _note_chunks(self, done: int, seconds: float, has_completed_step: bool) -> None:
        """How long the chunks of a slice took. Within a step those to come may be slower."""
        measured = seconds / done
        if measured > self._chunk_seconds or has_completed_step:
            self._chunk_seconds = max(measured, self._chunk_seconds / LARGEST_SPEEDUP, 1e-9)

    def _budget(self) -> int:
        """As many chunks as take about SLICE_SECONDS, one if that is not known."""
        if not self._chunk_seconds:
            return 1
        return max(1, min(int(SLICE_SECONDS / self._chunk_seconds), LARGEST_BUDGET))

    def _set_rates(self, end: int, budget: int) -> None:
        """The learning rates of the steps that the next slice may take."""
        if self.options.has_schedule:
            steps = np.arange(self._position, min(end, self._position + budget))
            self._run.rates = self._rates(steps)

    def _rates(self, steps: np.ndarray) -> np.ndarray:
        since = self._first_update - self.state.schedule_since
        rates = self.options.schedule.rates(
            self._learning_rate,
            steps + since,
            self.steps_per_epoch,
            self.state.schedule_state,
        )
        return np.ascontiguousarray(rates, np.float64)

    def _note_epochs(self) -> bool:
        """Bring the history up to date; returns whether an epoch was completed."""
        done, complete = len(self.history), self._position // self.steps_per_epoch
        if complete == done:
            return False
        history = self.history
        history.extend(self._losses[done:complete].tolist())
        last_steps = np.arange(done + 1, complete + 1) * self.steps_per_epoch - 1
        if self.options.has_schedule:
            history.learning_rate.extend(self._rates(last_steps).tolist())
        else:
            history.learning_rate.extend([float(self._run.rates[0])] * (complete - done))
        # Epochs of one slice share its time.
        before = history.seconds[-1] if history.seconds else 0.0
        share = (self._seconds - before) / (complete - done)
        history.seconds.extend(before + share * epoch for epoch in range(1, complete - done))
        history.seconds.append(self._seconds)
        return True

    def _end_epoch(self, at_epoch_end, save, interrupts: Interrupts) -> None:
        """What is done after an epoch: validation, schedule, callbacks, checkpoint."""
        self._count()
        watched = self.history[-1]
        if self.monitor:
            averaged = self.state.averaged
            measured = self.parameters if averaged is None else averaged
            # What overflows is found in the loss or in the weights, and said once.
            with interrupts.at_once(), np.errstate(all="ignore"):
                self.monitor.measure(measured)
            if self.monitor.update(measured, self.state, self.history):
                self.history.stopped_by = "patience"
            watched = self.monitor.value
        self.state.schedule_state = self.options.schedule.next_state(
            self.state.schedule_state,
            watched,
            self.state.updates - self.state.schedule_since,
            self.steps_per_epoch,
        )
        for function in at_epoch_end:
            if function() is True:
                self.history.stopped_by = "callback"
        if save:
            save(self.history)

    def _keep_finite(self) -> None:
        """Keep a copy of the parameters, to fall back to if they overflow."""
        is_due = self._seconds - self._copied_at >= COPY_SHARE * self._copy_cost
        if self._is_half_done or not (is_due or self._stops_within_steps):
            return
        began = perf_counter()
        if _all_finite(self.parameters):
            self._finite[...] = self.parameters
            self._copied_at = self._seconds
            self._copy_cost = perf_counter() - began

    def _count(self) -> None:
        """Bring the network's state up to date."""
        begun = -(-self._position // self.steps_per_epoch)
        self.state.epochs = self._first_epoch + begun
        self.state.updates = self._first_update + self._position

    def _finish(self) -> bool:
        """Leave finite parameters, and a state to go on from; returns whether it diverged."""
        self._count()
        self._note_epochs()
        is_finite = _all_finite(self.parameters)
        if not is_finite or self._is_half_done:
            self.parameters[...] = self._finite
        has_diverged = not is_finite or self.history.stopped_by == "divergence"
        if has_diverged:
            self.history.stopped_by = "divergence"
            # The optimizer's state is as wrong as what it made.
            self.state.optimizer = self.state.averaged = None
        self.state.hold(self.parameters, with_best=self.monitor is not None)
        if self.history.stopped_by == "patience":
            self.state.settle()
        return has_diverged

    def _warn_of_divergence(self) -> None:
        epoch, step = divmod(self._position, self.steps_per_epoch)
        if epoch < len(self._losses) and not np.isfinite(self._losses[epoch]):
            what = f"the loss became {self._losses[epoch]}"
        else:
            what = "a weight overflowed"
            epoch, step = divmod(self._position - 1, self.steps_per_epoch)
        sample = self._data.X[self._data.order[:1000]]
        largest = float(np.abs(sample.astype(np.float64)).max())
        cause = f"a learning rate that is too large, here {self._run.numbers[0]:g}"
        if largest > LARGE_INPUT:
            cause = f"inputs that are not scaled, here up to {largest:g}, or {cause}"
        warnings.warn(
            f"{what} in epoch {epoch}, step {step}; training stopped and kept the last finite "
            f"weights. The likeliest cause is {cause}",
            DivergenceWarning,
            stacklevel=4,
        )


def _all_finite(vector: np.ndarray) -> bool:
    """Whether no number is infinite or NaN, found without a vector of truth values."""
    with np.errstate(invalid="ignore"):
        return math.isfinite(vector.min()) and math.isfinite(vector.max())
