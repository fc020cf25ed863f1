"""The error tree and its exit codes."""

from __future__ import annotations

import inspect

import pytest

from replayer import errors

EXIT_CODES = {
    "ReplayerError": 1,
    "UsageError": 2,
    "DatasetError": 2,
    "SchemaError": 2,
    "SafetyError": 3,
    "ServiceError": 4,
    "BrokerError": 4,
    "RegistryError": 4,
    "BudgetSpentError": 5,
    "DeliveryError": 6,
    "ChildDiedError": 6,
    "ThresholdMissedError": 99,
}


def test_every_error_has_its_exit_code() -> None:
    """The codes are those that the tree's docstring and the documentation promise, and no class is missing there."""
    classes = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}
    assert {name: value.exit_code for name, value in classes.items()} == EXIT_CODES
    assert all(issubclass(value, errors.ReplayerError) for value in classes.values())
    for name, code in EXIT_CODES.items():
        line = next(line for line in (errors.__doc__ or "").splitlines() if name in line)
        assert str(code) in line.split(), line


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        (set(), 0),
        ({0}, 0),
        ({0, 5}, 5),
        ({5, 6}, 6),
        ({4, 6, 1}, 1),
        ({4, 5}, 4),
        ({5, 130}, 5),
        ({6, 130}, 6),
        ({130, 99}, 130),
        ({143, 99}, 143),
        ({99, 0}, 99),
        ({2}, 2),
    ],
)
def test_the_strongest_exit_code_wins(codes: set[int], code: int) -> None:
    """1, then 6, 4, 5, 130/143, 99."""
    assert errors.exit_code_of(codes) == code
