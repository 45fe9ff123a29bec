"""How fast a training step is, beside other libraries: `python -m benchmarks`."""
