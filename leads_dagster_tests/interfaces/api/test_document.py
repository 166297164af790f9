"""The OpenAPI document, and that the server does what it says: Schemathesis asks for all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from leads_dagster.interfaces.api import limits
from leads_dagster.interfaces.api.app import create_app
from leads_dagster.settings import load_settings
from leads_dagster_tests.interfaces.api.conftest import people, served
from leads_dagster_tests.pipeline.conftest import Road

EXAMPLES = 5
TOKEN = "secret-of-the-test"
# A stream without end cannot be asked by a tool that waits for the end of each answer.
ENDLESS = "/api/leads/sync/events"
# It starts runs, which go on when their answer was given.
STARTING = "/api/leads/sync/trigger"
# Whether a text is a phone number or an e-mail address is said by no schema: 422 says it.
CONTENT = """
[[operations]]
include-name = "POST /api/leads/{leadId}/fields/{field}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""


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
    settings = road.settings_of({"LEADS_API_RATE": "0", "LEADS_API_TOKEN": TOKEN})
    # Every operation is asked with wrong tokens, and each shall say so itself.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "_FAILURES_A_MINUTE", 1_000_000)
        with served(settings, token=TOKEN) as client:
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


def test_the_page_shows_every_operation_and_every_problem_and_needs_nothing_from_elsewhere(api: httpx.Client) -> None:
    page = api.get("/docs")
    document = api.get("/openapi.json").json()

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for _, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page.text
    for kind in ("conflict", "store-busy", "key-reused", "wrong-host"):
        assert f'<tr id="{kind}">' in page.text
    assert "<script" not in page.text
    assert not re.search(r'(src|href)="(https?:)?//', page.text)
    assert api.get("/docs/style.css").headers["content-type"].startswith("text/css")


def test_the_server_does_what_the_document_says(api: httpx.Client, tmp_path: Path) -> None:
    """Thousands of requests that it allows, and that it does not, and what one answer leads to."""
    (tmp_path / "schemathesis.toml").write_text(CONTENT)
    told = subprocess.run(
        [
            *(
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{str(api.base_url).rstrip('/')}/openapi.json",
            ),
            *("--header", f"Authorization: Bearer {TOKEN}", "--checks", "all", "--seed", "8"),
            *("--max-examples", str(EXAMPLES), "--exclude-path", ENDLESS, "--exclude-path", STARTING, "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    said = "\n".join(line[:300] for line in told.stdout.splitlines())
    assert told.returncode == 0, said
    assert re.search(r"\d{3,} passed", said), said
