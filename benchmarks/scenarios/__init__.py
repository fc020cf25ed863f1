"""What can be measured: one module a scenario, each with a ``run`` that takes a Bench and returns an Outcome."""
