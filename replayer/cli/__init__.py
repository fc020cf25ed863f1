"""The command line: wiring, no logic."""
