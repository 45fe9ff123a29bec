"""How numbers and rows look in Markdown."""

from __future__ import annotations

import operator


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines; all columns but the first are numbers."""
    marks = ["---"] + ["---:"] * (len(head) - 1)
    return [f"| {' | '.join(texts)} |" for texts in (head, marks, *rows)] + [""]


def digits(value: float) -> str:
    """Three significant digits, and no exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def microseconds(seconds: float | None) -> str:
    """A dash where it was left out."""
    return "-" if seconds is None else digits(seconds * 1e6)


def at_least(value: float | None, goal: float | None, form: str = "{:.3g}") -> str:
    """A value and its goal, which it misses where it is less."""
    return _with_goal(value, goal, form, operator.ge)


def at_most(value: float | None, goal: float | None, form: str = "{:.3g}") -> str:
    """A value and its goal, which it misses where it is more."""
    return _with_goal(value, goal, form, operator.le)


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """None where either was left out."""
    return None if numerator is None or denominator is None else numerator / denominator


def best(times: dict[str, float | None]) -> tuple[str, float] | tuple[None, None]:
    """The name with the least time, and that; (None, None) where all were left out."""
    measured = {name: time for name, time in times.items() if time is not None}
    if not measured:
        return None, None
    name = min(measured, key=measured.__getitem__)
    return name, measured[name]


def versus(value: float | None, name: str | None) -> str:
    """A ratio, and against whom."""
    return "-" if value is None else f"{value:.2f} ({name})"


def _with_goal(value, goal, form, reaches):
    if value is None:
        return "-"
    text = form.format(value)
    if goal is None:
        return text
    missed = "" if reaches(value, goal) else ", **missed**"
    return f"{text} (goal {form.format(goal)}{missed})"
