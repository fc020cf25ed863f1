"""The JSON of a report: stable, complete, and described by the published schema."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import replayer.report
from replayer.errors import UsageError
from replayer.report.json import from_dict, from_json, schema_text, to_dict, to_json
from replayer.report.model import RunReport
from tests.unit.report import samples

SCHEMA_FILE = Path(replayer.report.__path__[0]) / "run-report.schema.json"
REPORTS = [samples.AT_MAX, samples.PACED_WITH_TROUBLE, samples.EMPTY, samples.MANY_PARTITIONS, samples.DRY]


def test_the_published_schema_is_that_of_the_model() -> None:
    """A changed model without a changed schema file fails; UPDATE_GOLDEN=1 writes it."""
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("report", REPORTS)
def test_reports_fit_the_published_schema(report: RunReport) -> None:
    """An independent validator accepts what we write, by the file that we publish."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(to_json(report)), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize("report", REPORTS)
def test_there_and_back(report: RunReport) -> None:
    """Nothing is lost in the JSON."""
    assert from_json(to_json(report)) == report


def test_json_is_stable(golden: Callable[[str, str], None]) -> None:
    """The document, byte for byte: names and order are what programs outside rely on."""
    golden("report-paced-with-trouble.json", to_json(samples.PACED_WITH_TROUBLE).decode())


def test_what_follows_from_the_ledger_stands_beside_it() -> None:
    """``jq .ledger`` says whether the books close and what the broker proved."""
    ledger = json.loads(to_json(samples.AT_MAX))["ledger"]
    assert (ledger["closes"], ledger["is_complete"], ledger["proof"]) == (True, True, "exclusive")


def test_a_path_that_is_not_utf_8() -> None:
    """A file name may hold any bytes; Python shows them as lone surrogates, and JSON as their escapes."""
    report = dataclasses.replace(samples.AT_MAX, rejects_file="rejects-\udcff.ndjson")
    assert json.loads(to_json(report))["rejects_file"] == "rejects-\\udcff.ndjson"


def _changed(**changes: Any) -> Any:
    return {**to_dict(samples.AT_MAX), **changes}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "schema version None"),
        (_changed(schema_version=2), "schema version 2, this replayer reads 1"),
        ({"schema_version": 1}, "lacks 'run_id'"),
        (_changed(exit_code="0"), "exit_code is '0', which is not of type integer"),
        (_changed(exit_code=True), "exit_code is True"),
        (_changed(files=[], dataset={"files": [1]}), "dataset.files[0] is 1"),
        (_changed(partitions={}), "partitions is not a list"),
        (_changed(ledger=None), "ledger lacks 'source'"),
    ],
)
def test_what_is_not_a_report_is_refused_with_the_place(document: Any, words: str) -> None:
    """A wrong document names the field that is wrong."""
    with pytest.raises(UsageError) as caught:
        from_dict(document)
    assert words in caught.value.message


def test_fields_of_a_later_minor_change_are_ignored() -> None:
    """Fields may be added within one schema version."""
    assert from_dict(_changed(invented_later=1)) == samples.AT_MAX


def test_text_that_is_not_json() -> None:
    """The error says what was expected."""
    with pytest.raises(UsageError, match="is not JSON"):
        from_json("{")
