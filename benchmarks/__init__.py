"""How fast fastnet is, beside other libraries and the machine's ceiling: `python -m benchmarks`."""
