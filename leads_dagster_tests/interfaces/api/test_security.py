"""Who may come in, from where, and how much at once."""

from __future__ import annotations

import socket
import stat
import time

import httpx
import pytest

from leads_dagster.interfaces.api import security, server
from leads_dagster.interfaces.api.limits import Rates
from leads_dagster.interfaces.api.tokens import Signer, read_tokens
from leads_dagster_tests.interfaces.api.conftest import Serve, problem
from leads_dagster_tests.pipeline.conftest import Road

STATUS = "/api/leads/sync/status"
PAUSE = "/api/leads/sync/pause"
TOKENS = {"LEADS_API_TOKEN": "newer-secret,read:looks-only,older-secret"}


def test_with_tokens_set_nobody_comes_in_without_one(serve: Serve) -> None:
    client = serve(TOKENS)
    answer = client.get(STATUS)

    assert problem(answer)["status"] == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/openapi.json", "/docs", "/api/leads", "/api/leads/sync/events"):
        assert client.get(path).status_code == 401, path
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("token", ["newer-secret", "older-secret"])
def test_each_of_several_tokens_is_one_so_that_they_can_be_changed_in_turn(serve: Serve, token: str) -> None:
    client = serve(TOKENS, token=token)

    assert client.get(STATUS).status_code == 200
    assert client.post(PAUSE).status_code == 200


def test_a_token_to_read_with_may_not_write(serve: Serve) -> None:
    client = serve(TOKENS, token="looks-only")

    assert client.get(STATUS).status_code == 200
    assert client.post("/api/leads/search", json={"q": "x"}).status_code == 200
    assert problem(client.post(PAUSE))["status"] == 403


@pytest.mark.parametrize(
    "shown",
    ["Bearer", "Bearer wrong", "Basic newer-secret", "Bearer read:looks-only", "Bearer n\xe9wer", "newer-secret"],
)
def test_a_bad_token_is_none(serve: Serve, shown: str) -> None:
    answer = serve(TOKENS).get(STATUS, headers={"Authorization": shown.encode("latin-1")})

    assert problem(answer)["status"] == 401


def test_who_guesses_tokens_is_slowed_down(serve: Serve) -> None:
    client = serve(TOKENS)
    answers = [
        client.get(STATUS, headers={"Authorization": f"Bearer guess-{number}"}).status_code for number in range(25)
    ]

    assert answers[:20] == [401] * 20
    assert set(answers[20:]) == {429}


def test_a_secret_is_in_no_answer_and_in_no_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = serve(TOKENS)
    said = client.get(STATUS, headers={"Authorization": "Bearer guessed-secret"}).text

    assert "guessed-secret" not in said + caplog.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "10.0.0.1", "[::2]"])
def test_without_a_token_only_this_machines_names_are_answered_to(api: httpx.Client, host: str) -> None:
    assert problem(api.get(STATUS, headers={"Host": host}))["status"] == 421


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8000", "127.9.9.9"])
def test_this_machines_names_are_answered_to(api: httpx.Client, host: str) -> None:
    assert api.get(STATUS, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_post(api: httpx.Client, headers: dict[str, str]) -> None:
    assert problem(api.post(PAUSE, headers=headers))["status"] == 403
    assert api.get(STATUS).json()["isPaused"] is False


def test_a_page_of_our_own_and_one_that_is_allowed_can(api: httpx.Client, serve: Serve) -> None:
    own = f"http://{api.base_url.host}:{api.base_url.port}"
    assert api.post(PAUSE, headers={"Origin": own, "Sec-Fetch-Site": "same-origin"}).status_code == 200
    allowed = serve({"LEADS_API_ORIGINS": "https://crm.example"})
    answer = allowed.post(PAUSE, headers={"Origin": "https://crm.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://crm.example")
    assert "access-control-allow-origin" not in api.get(STATUS, headers={"Origin": "https://crm.example"}).headers


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "", "application/xml"])
def test_a_body_that_a_foreign_form_could_send_is_refused(api: httpx.Client, kind: str) -> None:
    answer = api.post("/api/leads/captures", content=b'{"Name": "x"}', headers={"Content-Type": kind} if kind else {})

    assert problem(answer)["status"] == 415


def test_a_form_without_our_token_is_refused(api: httpx.Client) -> None:
    assert problem(api.post(PAUSE, data={"reason": "x"}))["type"] == "/docs#stale-form"
    assert problem(api.post(PAUSE, data={"csrf_token": "0" * 64}))["status"] == 403


def test_a_form_that_a_page_of_ours_made_is_taken(road: Road, api: httpx.Client) -> None:
    signer = Signer((road.home / "api.secret").read_bytes())

    assert api.post(PAUSE, data={"csrf_token": signer.form_token("")}).status_code == 200


def test_the_secret_that_signs_is_for_its_owner_only(road: Road, api: httpx.Client) -> None:
    assert stat.S_IMODE((road.home / "api.secret").stat().st_mode) == 0o600


def test_a_huge_body_is_refused_whether_its_length_is_said_or_not(serve: Serve) -> None:
    client = serve({"LEADS_API_MAX_BYTES": "1000"})
    body = b'{"Name": "' + b"x" * 2000 + b'"}'
    json = {"Content-Type": "application/json"}

    assert problem(client.post("/api/leads/captures", content=body, headers=json))["status"] == 413
    assert problem(client.post("/api/leads/captures", content=iter([body]), headers=json))["status"] == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/api/leads/..%2f..%2fetc%2fpasswd",
        "/api/leads/%00000000",
        "/api/leads/backups/..%2f..%2fleads.db/verify",
        "//evil.example/%2f..",
    ],
)
def test_a_path_leads_nowhere_else(api: httpx.Client, path: str) -> None:
    with socket.create_connection((api.base_url.host, api.base_url.port or 80)) as raw:
        verb = "POST" if path.endswith("/verify") else "GET"
        raw.sendall(
            f"{verb} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: raw.recv(65536), b""))

    assert answer.split(b" ", 2)[1] in (b"400", b"404", b"422")
    assert b"root:" not in answer


def test_every_answer_has_the_headers_that_keep_browsers_safe(api: httpx.Client) -> None:
    for path in (STATUS, "/nothing", "/healthz", "/openapi.json"):
        headers = api.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer"), path


def test_too_many_requests_are_told_when_to_come_back(serve: Serve) -> None:
    client = serve({"LEADS_API_RATE": "5"})
    answers = [client.get(STATUS) for _ in range(15)]

    assert [one.status_code for one in answers[:10]] == [200] * 10
    refused = next(one for one in answers if one.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1


def test_rates_are_by_address_and_writes_are_rarer() -> None:
    now = 0.0
    rates = Rates(10, clock=lambda: now)

    assert [rates.wait("a", writes=True) for _ in range(2)] == [0.0, 0.0]
    assert rates.wait("a", writes=True) > 0
    assert rates.wait("a", writes=False) == 0
    assert rates.wait("b", writes=True) == 0
    now = 1.0
    assert rates.wait("a", writes=True) == 0


def test_a_caller_who_says_nothing_and_one_who_never_ends_are_let_go(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)
    address = (api.base_url.host, api.base_url.port or 80)
    for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "):
        with socket.create_connection(address, timeout=10) as raw:
            raw.sendall(begun)
            assert raw.recv(100) == b""


def test_headers_without_end_are_cut_off(api: httpx.Client) -> None:
    with socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=10) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        assert any(not _taken(raw, b"X-Many: " + b"x" * 8000 + b"\r\n") for _ in range(1000))
    assert api.get("/healthz").status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.3)
    with socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=10) as raw:
        head = "POST /api/leads/captures HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        raw.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())

        assert raw.recv(100).startswith(b"HTTP/1.1 408 ")


def _taken(raw: socket.socket, data: bytes) -> bool:
    try:
        raw.sendall(data)
    except OSError:
        return False
    time.sleep(0.01)
    return True


def test_a_session_ends_with_its_time_and_with_its_token() -> None:
    tokens = read_tokens("one-secret,read:two-secret")
    signer = Signer(b"s" * 32)
    cookie = signer.session(tokens[1], now=1000)

    assert signer.token_of(cookie, tokens, now=2000) == tokens[1]
    assert signer.token_of(cookie, tokens, now=1000 + 13 * 3600) is None
    assert signer.token_of(cookie, tokens[:1], now=2000) is None
    assert signer.token_of(cookie[:-1] + "0", tokens, now=2000) in (None, tokens[1] if cookie.endswith("0") else None)
    assert Signer(b"t" * 32).token_of(cookie, tokens, now=2000) is None
    assert [signer.token_of(bad, tokens) for bad in ("", ".", "..", "a.b.c")] == [None] * 4


def _send_headers_for_ever(raw: socket.socket) -> None:
    while True:
        raw.sendall(b"X-Many: " + b"x" * 8000 + b"\r\n")
        time.sleep(0.01)
