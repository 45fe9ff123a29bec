"""From pytest-benchmark's JSON to results.json, which keeps each part until it is run again."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

FILE = Path(__file__).parent / "results.json"


def load() -> dict:
    """What is stored: part -> what `collect` returned."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def store(part: str, collected: dict) -> None:
    """Replace one part."""
    FILE.write_text(json.dumps(load() | {part: collected}, indent=1) + "\n", encoding="utf-8")


def collect(passes: list[list[dict]], stolen: float) -> dict:
    """One part: the machine, and of each benchmark the median of the passes' best times.

    Parameters
    ----------
    passes : list of list of dict
        What pytest-benchmark wrote with --benchmark-json, of the one or more processes of each
        pass.
    stolen : float
        The part of the time that other machines on the same host took.
    """
    runs = [run for one in passes for run in one]
    machine = runs[0]["machine_info"]
    ceilings = [run["machine_info"]["ceiling"] for run in runs]
    return {
        "machine": machine["facts"] | {"stolen": _rounded(stolen)},
        "passes": len(passes),
        "ceiling": {
            dtype: _rounded(statistics.median(ceiling[dtype] for ceiling in ceilings))
            for dtype in machine["ceiling"]
        },
        "left_out": machine["left_out"],
        "cells": [_cell(entries) for entries in _by_name(runs)],
    }


def _by_name(runs):
    """The entries of each benchmark, one from every pass."""
    entries = {}
    for run in runs:
        for entry in run["benchmarks"]:
            entries.setdefault(entry["fullname"], []).append(entry)
    return entries.values()


def _cell(entries):
    """Seconds of a call, or of a step where the benchmark says how many a call takes."""
    steps = entries[0]["extra_info"].get("steps", 1)
    return {
        "name": entries[0]["name"].partition("[")[0],
        "params": entries[0]["params"] or {},
        "seconds": _rounded(statistics.median(entry["stats"]["min"] for entry in entries) / steps),
        "worst_call": _rounded(max(entry["stats"]["max"] for entry in entries)),
        "extra": _medians([entry["extra_info"] for entry in entries]),
    }


def _medians(dictionaries):
    """Number by number, in dictionaries that are alike."""
    first = dictionaries[0]
    if not isinstance(first, dict):
        return _rounded(statistics.median(dictionaries))
    return {key: _medians([d[key] for d in dictionaries]) for key in first}


def _rounded(value):
    # Three significant digits are about what the noise leaves; one more for ratios.
    return float(f"{value:.4g}")


class Cells:
    """The measured times of one benchmark of a part, by its parameters.

    Parameters
    ----------
    part : dict
        What `collect` returned.
    name : str
        The name of the benchmark's function.
    """

    def __init__(self, part: dict, name: str) -> None:
        self._left_out = part["left_out"]
        self._cells = {
            frozenset(cell["params"].items()): cell
            for cell in part["cells"]
            if cell["name"] == name
        }

    def cell(self, **params) -> dict | None:
        """The whole cell of these parameters, or None where it was left out.

        Raises
        ------
        KeyError
            Where it was not measured, for no known reason.
        """
        found = self._cells.get(frozenset(params.items()))
        if found is None and self._left_out.keys().isdisjoint(params.values()):
            raise KeyError(f"not measured: {params}")
        return found

    def seconds(self, **params) -> float | None:
        """The time of a call, or of a step; None where it was left out."""
        found = self.cell(**params)
        return found and found["seconds"]

    def values(self, parameter: str) -> list:
        """What a parameter was, in the order of the measurements."""
        return list(dict.fromkeys(cell["params"][parameter] for cell in self._cells.values()))
