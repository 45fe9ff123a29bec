"""How a network is trained: the arguments of `train`, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import optimizers, schedules, validation
from ..optimizers import Optimizer
from ..plan import Plan
from ..schedules import Schedule


@dataclass(frozen=True)
class Options:
    """The choices of one call of `train`; 0 where something is off.

    Attributes
    ----------
    is_drop_in : bool
        Whether the update is the drop-in's own.
    loss_kernel : the name of the kernel that training minimizes, or the user's own `Loss`.
    smoothing : (kept, added), by which targets are smoothed, or None.
    n_threads : None for as many as pay.
    """

    epochs: int
    optimizer: Optimizer
    is_drop_in: bool
    loss_kernel: object
    batch_size: int | None
    shuffle: bool
    schedule: Schedule
    smoothing: tuple[float, float] | None
    clip_norm: float
    clip_value: float
    average: float
    input_noise: float
    max_seconds: float | None
    on_interrupt: str
    callbacks: tuple
    checkpoint: str | None
    every: int
    n_threads: int | None

    @classmethod
    def of(
        cls,
        plan: Plan,
        *,
        epochs,
        learning_rate,
        batch_size,
        shuffle,
        optimizer,
        schedule,
        weighted: bool,
        label_smoothing,
        clip_norm,
        clip_value,
        average,
        input_noise,
        max_seconds,
        on_interrupt,
        callbacks,
        checkpoint,
        every,
        n_threads,
    ) -> Options:
        """Check what the user gave; `weighted` says whether rows have weights."""
        number = validation.number
        epochs = validation.epochs(epochs)
        rate = validation.learning_rate(learning_rate, plan.dtype)
        shuffle = validation.flag(shuffle, "shuffle") and batch_size is not None
        if batch_size is not None:
            batch_size = validation.whole_number(batch_size, "batch_size", 1)
        smoothing = _smoothing(label_smoothing, plan)
        noise = number(input_noise, "input_noise", least=0)
        is_plain = (
            schedule is None
            and not weighted
            and not smoothing
            and clip_norm is None
            and clip_value is None
            and average is None
            and not noise
        )
        is_drop_in = optimizer is None and plan.drop_in_loss is not None and is_plain
        return cls(
            epochs=epochs,
            optimizer=optimizers.resolve("sgd" if optimizer is None else optimizer, rate),
            is_drop_in=is_drop_in,
            loss_kernel=plan.drop_in_loss if is_drop_in else plan.loss_kernel,
            batch_size=batch_size,
            shuffle=shuffle,
            schedule=schedules.resolve(schedule, epochs),
            smoothing=smoothing,
            clip_norm=0.0 if clip_norm is None else number(clip_norm, "clip_norm", above=0),
            clip_value=0.0 if clip_value is None else number(clip_value, "clip_value", above=0),
            average=0.0 if average is None else number(average, "average", above=0, below=1),
            input_noise=noise,
            max_seconds=None
            if max_seconds is None
            else number(max_seconds, "max_seconds", above=0),
            on_interrupt=validation.one_of(on_interrupt, "on_interrupt", ("return", "raise")),
            callbacks=_callbacks(callbacks),
            checkpoint=_checkpoint(checkpoint),
            every=validation.whole_number(every, "every", 1),
            n_threads=validation.threads(n_threads),
        )

    def check_rows(self, rows: int, steps_done: int) -> None:
        """Refuse what does not go with so many rows to train on."""
        if self.optimizer.full_batch and self.batch_size_for(rows) < rows:
            raise ValueError(
                f"batch_size is {self.batch_size} for {rows} rows with "
                f"{type(self.optimizer).__name__}, expected None: it needs the gradient of all "
                "rows at every step"
            )
        steps_per_epoch = -(-rows // self.batch_size_for(rows))
        length = self.schedule.length(steps_per_epoch)
        wanted = steps_done + self.epochs * steps_per_epoch
        if length is not None and wanted > length:
            raise ValueError(
                f"schedule {self.schedule} ends after {length} steps, expected at least the "
                f"{wanted} steps of this training"
                + (f", {steps_done} of which it has taken" if steps_done else "")
            )

    def batch_size_for(self, rows: int) -> int:
        """The rows of a batch."""
        return min(self.batch_size or rows, rows)

    def needs_key(self, plan: Plan, held_out) -> bool:
        """Whether anything in the training is random."""
        return bool(
            isinstance(held_out, float)
            or (self.epochs and (self.shuffle or self.input_noise or any(plan.dropout)))
        )

    @property
    def has_schedule(self) -> bool:
        """Whether the learning rate changes."""
        return not isinstance(self.schedule, schedules.Constant)


def _smoothing(value, plan: Plan) -> tuple[float, float] | None:
    amount = validation.number(value, "label_smoothing", least=0, below=1)
    if not amount:
        return None
    classes = {"cross_entropy": plan.layer_sizes[-1], "binary_cross_entropy": 2}
    if plan.loss not in classes:
        raise ValueError(
            f"label_smoothing is {amount:g} with loss {plan.loss_name!r}, expected 0: only "
            "cross-entropies have classes to smooth"
        )
    return 1 - amount, amount / classes[plan.loss]


def _callbacks(value) -> tuple:
    if value is None:
        return ()
    given = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    events = ("on_train_begin", "on_epoch_end", "on_train_end")
    for callback in given:
        methods = [getattr(callback, event, None) for event in events]
        is_class = isinstance(callback, type)
        if is_class or not (callable(callback) or any(map(callable, methods))):
            raise TypeError(
                f"callbacks has {validation.kind_of(callback)}, expected functions of (network, "
                "history) or objects with on_train_begin, on_epoch_end or on_train_end"
            )
    return given


def _checkpoint(value) -> str | None:
    if value is None:
        return None
    try:
        path = os.fsdecode(value)
    except TypeError:
        raise TypeError(
            f"checkpoint is a {type(value).__name__}, expected the name of a file"
        ) from None
    folder, name = os.path.split(path)
    if not name or "\0" in path or not os.path.isdir(folder or ".") or os.path.isdir(path):
        raise ValueError(f"checkpoint is {path!r}, expected a file in a folder that exists")
    return path
