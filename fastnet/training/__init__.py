"""One call of `train`: its data and options, the loop, and what happens between its slices."""
