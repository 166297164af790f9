"""The OpenAPI document, and that the server does what it says: Schemathesis sends what it allows and what not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from leads_dagster.interfaces.api.app import create_app
from leads_dagster.settings import load_settings
from leads_dagster_tests.interfaces.api.conftest import people, served
from leads_dagster_tests.pipeline.conftest import Road

EXAMPLES = 15
# A stream without end cannot be asked by a tool that waits for the end of each answer.
ENDLESS = "/api/leads/sync/events"
# It starts runs, which go on when their answer was given.
STARTING = "/api/leads/sync/trigger"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    app = create_app(load_settings({"LEADS_HOME": str(tmp_path_factory.mktemp("document"))}))
    app.state.leads.close()
    return app.openapi()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    road = Road(tmp_path_factory.mktemp("served"))
    road.sync([*people(*range(30)), ["", "", "Nobody", ""]])
    road.sync(people(*range(3)))
    with served(road.settings_of({"LEADS_API_RATE": "0", "LEADS_API_MAX_BYTES": "100000"})) as client:
        yield client


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_has_a_summary_words_a_known_tag_and_a_name_of_its_own(document: dict[str, Any]) -> None:
    tags = {one["name"] for one in document["tags"]}
    names = [operation["operationId"] for _, operation in operations(document)]

    assert len(set(names)) == len(names)
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name


def test_every_parameter_is_in_camel_case(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for one in operation.get("parameters", []):
            allowed = r"[A-Za-z]+(-[A-Za-z]+)*" if one["in"] == "header" else r"[a-z]+([A-Z][a-z]+)*"
            assert re.fullmatch(allowed, one["name"]), (name, one["name"])


def test_every_answer_that_is_no_success_is_a_named_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["$ref"].startswith("#/components/responses/"), (name, status)
    for answer in document["components"]["responses"].values():
        assert answer["content"]["application/problem+json"]["example"]["detail"]


def test_the_server_does_what_the_document_says(api: httpx.Client, tmp_path: Path) -> None:
    loaded = schemathesis.openapi.from_url(f"{api.base_url}/openapi.json")
    schema = loaded.exclude(path=ENDLESS).exclude(path=STARTING)
    left_out = (checks.ignored_auth,) if hasattr(checks, "ignored_auth") else ()
    faults: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @schemathesis.pytest.parametrize if False else _given(operation)  # noqa: F821
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(excluded_checks=list(left_out))

        ask()
    assert not faults
