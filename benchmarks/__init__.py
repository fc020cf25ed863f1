"""Benchmarks: each figure a ratio to a contender, measured in one interleaved run on one machine. See README.md."""
