"""Writes schedules.json beside itself: learning rates of torch.optim.lr_scheduler.

To run with PyTorch installed; `torch_rates` is what the tests ask PyTorch itself where it is.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler

CLASSES = {
    "step": lr_scheduler.StepLR,
    "multi_step": lr_scheduler.MultiStepLR,
    "exponential": lr_scheduler.ExponentialLR,
    "cosine": lr_scheduler.CosineAnnealingLR,
    "cosine_restarts": lr_scheduler.CosineAnnealingWarmRestarts,
    "one_cycle": lr_scheduler.OneCycleLR,
    "plateau": lr_scheduler.ReduceLROnPlateau,
}

STEP = {"name": "step", "step_size": 6, "gamma": 0.3}
MULTI_STEP = {"name": "multi_step", "milestones": [0, 3, 11, 11, 30], "gamma": 0.5}
EXPONENTIAL = {"name": "exponential", "gamma": 0.93}
COSINE = {"name": "cosine", "T_max": 42, "eta_min": 0.0}
COSINE_RESTARTS = {"name": "cosine_restarts", "T_0": 3, "T_mult": 2, "eta_min": 0.001}
ONE_CYCLE = {
    "name": "one_cycle",
    "epochs": 42,
    "pct_start": 0.3,
    "anneal_strategy": "cos",
    "div_factor": 25.0,
    "final_div_factor": 1e4,
    "three_phase": False,
}
PLATEAU = {
    "name": "plateau",
    "mode": "min",
    "factor": 0.1,
    "patience": 3,
    "threshold": 1e-4,
    "threshold_mode": "rel",
    "cooldown": 0,
    "min_lr": 0.0,
    "eps": 1e-8,
}
WARM_UP = {"name": "warm_up", "steps": None, "epochs": 4, "start_factor": 1 / 3}

SCHEDULES = [
    STEP,
    {**STEP, "step_size": 1, "gamma": 1.01},
    MULTI_STEP,
    EXPONENTIAL,
    COSINE,
    {**COSINE, "T_max": 1, "eta_min": 0.02},
    {**COSINE, "T_max": 41, "eta_min": 0.02},
    COSINE_RESTARTS,
    {**COSINE_RESTARTS, "T_0": 5, "T_mult": 1},
    ONE_CYCLE,
    {**ONE_CYCLE, "pct_start": 0.0, "div_factor": 3.0},
    {**ONE_CYCLE, "pct_start": 1.0},
    {**ONE_CYCLE, "anneal_strategy": "linear", "final_div_factor": 10.0},
    {**ONE_CYCLE, "three_phase": True, "pct_start": 0.45},
    {**ONE_CYCLE, "three_phase": True, "anneal_strategy": "linear", "pct_start": 0.01},
    PLATEAU,
    {**PLATEAU, "threshold": 0.1, "patience": 0, "factor": 0.9},
    {**PLATEAU, "threshold": 0.01, "threshold_mode": "abs", "cooldown": 4, "factor": 0.7},
    {**PLATEAU, "mode": "max", "patience": 1, "factor": 0.6, "min_lr": 0.004, "threshold": 0.05},
    {**PLATEAU, "mode": "max", "patience": 0, "threshold_mode": "abs", "eps": 1e-3, "factor": 0.5},
    {**WARM_UP, "schedule": STEP},
    {**WARM_UP, "schedule": COSINE_RESTARTS, "steps": 10, "epochs": None, "start_factor": 0.01},
    {**WARM_UP, "schedule": {**COSINE, "T_max": 38}},
    {**WARM_UP, "schedule": {**PLATEAU, "patience": 0}},
    {**WARM_UP, "schedule": {**PLATEAU, "patience": 0}, "steps": 10, "epochs": None},
]
LEARNING_RATE = 0.3
STEPS_PER_EPOCH = (1, 7)


def torch_rates(description, learning_rate, steps_per_epoch, values):
    """PyTorch's learning rate of each step, of as many epochs as there are values.

    A warm-up is a LinearLR stepped once a step, after which the schedule begins with an optimizer
    of its own; a cycle ends where PyTorch's does.
    """
    rates = []
    if description["name"] == "warm_up":
        warm_up = description["steps"] or description["epochs"] * steps_per_epoch
        optimizer = sgd(learning_rate)
        rise = lr_scheduler.LinearLR(optimizer, description["start_factor"], 1.0, warm_up)
        for _ in range(warm_up):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            rise.step()
        description = description["schedule"]

    parameters = dict(description)
    name = parameters.pop("name")
    began, steps = len(rates), len(values) * steps_per_epoch
    if name == "one_cycle":
        parameters |= {
            "max_lr": learning_rate,
            "steps_per_epoch": steps_per_epoch,
            "cycle_momentum": False,
        }
        steps = min(steps, began + parameters["epochs"] * steps_per_epoch)
    optimizer = sgd(learning_rate)
    scheduler = CLASSES[name](optimizer, **parameters)
    for step in range(began, steps):
        # Before the step, because PyTorch fails after the last of some cycles.
        if step > began:
            if name == "plateau":
                if step % steps_per_epoch == 0:
                    scheduler.step(values[step // steps_per_epoch - 1])
            elif name == "one_cycle" or (step - began) % steps_per_epoch == 0:
                scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    return rates[:steps]


def sgd(learning_rate):
    return torch.optim.SGD([torch.zeros(1)], lr=learning_rate)


def watched_values(epochs):
    """What a plateau watches: a fall that ends in noise, and a rise above where it began."""
    epoch = np.arange(epochs)
    values = np.exp(-epoch / 5) + np.maximum(epoch - 25, 0) / 8
    return (values + 0.03 * np.random.default_rng(0).standard_normal(epochs)).tolist()


def main():
    values = watched_values(42)
    cases = [
        {
            "schedule": schedule,
            "learning_rate": LEARNING_RATE,
            "steps_per_epoch": steps_per_epoch,
            "rates": torch_rates(schedule, LEARNING_RATE, steps_per_epoch, values),
        }
        for schedule in SCHEDULES
        for steps_per_epoch in STEPS_PER_EPOCH
    ]
    stored = {"torch": torch.__version__, "values": values, "cases": cases}
    Path(__file__).with_name("schedules.json").write_text(json.dumps(stored) + "\n")


if __name__ == "__main__":
    main()
