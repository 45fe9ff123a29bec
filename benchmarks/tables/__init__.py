"""The tables of RESULTS.md, a part of the benchmarks each, and the README's."""
