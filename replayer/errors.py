"""The error tree. Each class carries the exit code of the command line.

::

    ReplayerError                 1   unexpected
    ├── UsageError                2   what was typed, or a configuration file, is wrong
    │   ├── DatasetError          2   a dataset is missing, unreadable or of an unknown kind
    │   └── SchemaError           2   a schema is invalid, or the dataset can never fit it
    ├── SafetyError               3   a safety rail
    ├── ServiceError              4   connection, authentication, topic or registry
    │   ├── BrokerError           4
    │   └── RegistryError         4
    ├── BudgetSpentError          5   rows were rejected beyond what was allowed
    ├── DeliveryError             6   not all delivered, or the ledger does not close
    │   └── ChildDiedError        6   a process of the run ended before its time
    └── ThresholdMissedError     99

A record that fails is data (a reject, a failed record); an error of this tree ends a run or keeps it from starting.
A text says what was expected, what was found and where; the hint says what to do and names the option.
"""

from __future__ import annotations


class ReplayerError(Exception):
    """Base of all errors that a user may see; ``hint`` says what to do about it."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ReplayerError):
    """What was typed, or what a configuration file says, is wrong."""

    exit_code = 2


class DatasetError(UsageError):
    """A dataset is missing, unreadable, empty of files or of an unknown kind."""


class SchemaError(UsageError):
    """A schema is invalid, or no row of the dataset can ever fit it."""


class SafetyError(ReplayerError):
    """A safety rail refused to go on."""

    exit_code = 3


class ServiceError(ReplayerError):
    """A broker or a registry could not be reached, refused us, or lacks what was asked for."""

    exit_code = 4


class BrokerError(ServiceError):
    """The Kafka cluster could not be reached, refused us, or lacks the topic."""


class RegistryError(ServiceError):
    """The schema registry could not be reached, or refused the schema."""


class BudgetSpentError(ReplayerError):
    """More rows were rejected than the run allows."""

    exit_code = 5


class DeliveryError(ReplayerError):
    """Not every record was delivered, or the ledger does not close."""

    exit_code = 6


class ChildDiedError(DeliveryError):
    """A process of the run ended before its time."""


class ThresholdMissedError(ReplayerError):
    """A threshold that the user set was missed."""

    exit_code = 99


EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def exit_code_of(codes: set[int]) -> int:
    """The exit code to end with when several apply: 1, then 6, 4, 5, 130/143, 99, any other, 0."""
    for code in (1, 6, 4, 5, EXIT_INTERRUPTED, EXIT_TERMINATED, 99):
        if code in codes:
            return code
    return max(codes, default=0)
