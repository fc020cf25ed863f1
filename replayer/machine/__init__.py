"""Compiled building blocks on the lowest level: the kernel cache, atomics on shared memory, calls by address."""
