"""Turns datasets into Kafka traffic at an exact rate, and proves from the broker what arrived."""

__version__ = "0.1.0"
