"""Requests are repeated where that helps, rested where Airtable wants rest, and given up where nothing helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads_dagster.errors import (
    CredentialsError,
    QuotaSpentError,
    RateLimitedError,
    ServiceUnavailableError,
    SettingsError,
)
from leads_dagster.mirrors.airtable import AirtableMirror
from leads_dagster.sandbox import Sandbox
from leads_dagster_tests.mirrors.airtable_cases import (
    ADA,
    MakeMirror,
    TwinClock,
    bases,
    cells,
    create,
    leads,
    mirror_of,
    push_one,
    update,
    writes,
)

pytestmark = pytest.mark.usefixtures("no_waiting")

WRITES = "POST PATCH DELETE"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_tried_again(mirror: AirtableMirror, sandbox: Sandbox, status: int) -> None:
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "status", "status": status, "times": 3})
    result = mirror.push(leads(5))

    assert (result.created, result.calls, result.retries, result.stopped) == (5, 4, 3, None)


def test_a_connection_that_is_cut_is_tried_again(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "drop", "times": 2, "method": WRITES})

    assert mirror.push(leads(5)).created == 5


def test_a_write_whose_answer_was_lost_is_not_made_twice(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "drop_after", "times": 1, "method": WRITES})
    result = mirror.push(leads(5))

    assert (result.stopped, len(result.outcomes), len(cells(sandbox))) == (None, 5, 5)


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(make_mirror: MakeMirror, sandbox: Sandbox) -> None:
    mirror = make_mirror(timeout_seconds=0.2)
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "hang_after", "times": 1, "seconds": 2.0, "method": WRITES})
    result = mirror.push(leads(5))

    assert (result.retries, len(result.outcomes), len(cells(sandbox))) == (1, 5, 5)


def test_a_delete_whose_answer_was_lost_is_done(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    made = mirror.push(leads(4)).outcomes
    sandbox.faults.add({"kind": "drop_after", "times": 1, "method": WRITES})
    changes = [type(leads(1)[0])(outcome.lead_id, "delete", external_id=outcome.external_id) for outcome in made]
    result = mirror.push(changes)

    assert (result.deleted, result.stopped, cells(sandbox)) == (4, None, [])


def test_a_service_that_stays_away_stops_the_push_and_keeps_what_landed(
    mirror: AirtableMirror, sandbox: Sandbox
) -> None:
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "status", "status": 503, "skip": 3, "method": WRITES})
    result = mirror.push(leads(100))

    assert isinstance(result.stopped, ServiceUnavailableError)
    assert result.created == len(cells(sandbox)) == 30
    assert all(outcome.action == "created" for outcome in result.outcomes)


def test_a_429_rests_every_process_for_thirty_seconds_and_then_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    with mirror_of(sandbox, tmp_path) as mirror, mirror_of(sandbox, tmp_path) as other:
        mirror.ensure_fields()
        sandbox.faults.add({"kind": "status", "status": 429, "times": 1})
        result = mirror.push(leads(5))
        (base,) = [status for status in other.budget.status() if "base" in status.name]

    assert (result.created, result.calls, result.retries) == (5, 2, 1)
    assert base.rests == 1


def test_a_429_that_does_not_end_is_a_transient_error(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "status", "status": 429})
    result = mirror.push(leads(5))

    assert isinstance(result.stopped, RateLimitedError)
    assert (result.outcomes, result.calls) == ((), 5)


def test_with_the_limits_in_force_nothing_is_refused(tmp_path: Path) -> None:
    # On real clocks: moving the twin's while calls are on their way would be a delay that no network has.
    with Sandbox(limits=True) as limited, mirror_of(limited, tmp_path, budget=None) as mirror:
        result = mirror.push(leads(120))
        refused = limited.requests.count(status=429)

    assert (result.created, result.retries, refused) == (120, 0, 0)


def test_a_month_that_is_used_up_parks_the_mirror_without_another_call(tmp_path: Path) -> None:
    with Sandbox(bases(monthlyCalls=4)) as poor, mirror_of(poor, tmp_path) as mirror:
        result = mirror.push(leads(100))
        refused = poor.requests.count(status=429)
        records = len(cells(poor))
        (base,) = [status for status in mirror.budget.status() if "base" in status.name]

    assert isinstance(result.stopped, QuotaSpentError)
    assert not result.stopped.transient
    assert (result.created, result.retries, base.rests) == (records, 0, 0)
    assert 0 < records < 100
    assert 1 <= refused <= 4  # those that were on their way together


def test_a_key_that_airtable_does_not_accept_is_said_at_once(mirror: AirtableMirror, sandbox: Sandbox) -> None:
    sandbox.faults.add({"kind": "status", "status": 401})

    with pytest.raises(CredentialsError, match="API key"):
        mirror.push(leads(1))
    assert sandbox.requests.total == 1


def test_the_key_is_read_again_for_every_request(make_mirror: MakeMirror) -> None:
    keys = ["patRight"]
    tokens = {"patWrong": {"scopes": []}}
    with Sandbox(bases(tokens=tokens)) as guarded:
        mirror = make_mirror(guarded, api_key=lambda: keys[-1])
        first = push_one(mirror, create(ADA, full_name="Ada"))
        keys.append("patWrong")
        refused = mirror.push([update(ADA, first, full_name="Eve")])
        keys.append("patNew")
        second = push_one(mirror, update(ADA, first, full_name="Ada L."))

    assert isinstance(refused.stopped, CredentialsError)
    assert second.action == "updated"


def test_no_server_is_a_transient_error(make_mirror: MakeMirror) -> None:
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        make_mirror(endpoint_url="http://127.0.0.1:9").ensure_fields()


def test_an_endpoint_that_is_no_url_is_a_fault_of_the_settings(make_mirror: MakeMirror) -> None:
    with pytest.raises(SettingsError, match="AIRTABLE_ENDPOINT_URL"):
        make_mirror(endpoint_url="nonsense").ensure_fields()


def test_a_page_that_is_not_airtables_is_a_transient_error(make_mirror: MakeMirror, sandbox: Sandbox) -> None:
    sandbox.faults.add({"kind": "status", "status": 418})

    with pytest.raises(ServiceUnavailableError, match="418"):
        make_mirror().ensure_fields()


def test_nothing_that_is_logged_names_key_or_lead(
    mirror: AirtableMirror, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    mirror.ensure_fields()
    sandbox.faults.add({"kind": "status", "status": 429, "times": 1})
    sandbox.faults.add({"kind": "status", "status": 503})
    mirror.push([create(ADA, full_name="Ada Lovelace")])

    assert writes(sandbox) > 1
    assert caplog.records
    assert "Ada" not in caplog.text
    assert "patTest" not in caplog.text


def test_sleeping_moves_the_clock_of_the_tests(sandbox: Sandbox) -> None:
    clock = TwinClock(sandbox)
    before = clock()
    clock.sleep(30)

    assert clock() - before >= 30
