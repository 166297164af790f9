"""The client retries what may pass, gives up with a typed error, and never waits or reads without end."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leads_dagster.breakers import CircuitBreakers
from leads_dagster.errors import (
    AccessError,
    CircuitOpenError,
    RateLimitedError,
    ServiceUnavailableError,
    SettingsError,
    SheetFormatError,
)
from leads_dagster.retrying import Retries
from leads_dagster.sources.http import LeadsHttp, Timeouts, shared_http
from leads_dagster_tests.sources.conftest import AT_ONCE
from leads_dagster_tests.sources.scripted_server import Reply, ScriptedServer

GOOD = Reply()
BUSY = Reply(503, b"later")


def redirect(to: str) -> Reply:
    return Reply(307, b"", {"Location": to, "Content-Type": "text/html"})


def test_an_answer_comes_with_its_counts(server: ScriptedServer, http: LeadsHttp) -> None:
    answer = http.get(server.on("/leads.csv", GOOD))
    assert (answer.status, answer.body, answer.calls, answer.retries) == (200, GOOD.body, 1, 0)
    assert answer.headers["content-type"] == "text/csv"
    assert answer.seconds > 0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_retried_and_counted(server: ScriptedServer, http: LeadsHttp, status: int) -> None:
    url = server.on("/leads.csv", Reply(status, b"later"), Reply(status, b"later"), GOOD)
    answer = http.get(url)
    assert (answer.body, answer.calls, answer.retries) == (GOOD.body, 3, 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_returned_at_once(server: ScriptedServer, http: LeadsHttp, status: int) -> None:
    answer = http.get(server.on("/leads.csv", Reply(status, b"no")))
    assert (answer.status, answer.body, answer.calls) == (status, b"no", 1)


def test_three_retries_then_a_typed_error_that_counts_them(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", BUSY)
    with pytest.raises(ServiceUnavailableError, match="503") as failed:
        http.get(url)
    assert server.times_asked("/leads.csv") == 4
    assert failed.value.context["calls"] == 4
    assert failed.value.context["retries"] == 3


def test_the_number_of_retries_is_a_setting(server: ScriptedServer) -> None:
    url = server.on("/leads.csv", BUSY)
    client = LeadsHttp(retries=Retries(count=1, delay_seconds=0.0), breakers=CircuitBreakers())
    with pytest.raises(ServiceUnavailableError):
        client.get(url)
    client.close()
    assert server.times_asked("/leads.csv") == 2


def test_waits_are_one_two_and_four_seconds_and_never_over_ten(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    client = LeadsHttp(retries=Retries(count=5, jitter=0.0), breakers=CircuitBreakers())
    with pytest.raises(ServiceUnavailableError):
        client.get(server.on("/leads.csv", BUSY))
    client.close()
    assert waits == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_a_429_that_lasts_says_when_to_come_back(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(429, b"", {"Retry-After": "0"}))
    with pytest.raises(RateLimitedError):
        http.get(url)
    assert server.times_asked("/leads.csv") == 4


def test_retry_after_sets_the_wait(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    client = LeadsHttp(retries=Retries(delay_seconds=0.0, jitter=0.0), breakers=CircuitBreakers())
    url = server.on("/leads.csv", Reply(429, b"", {"Retry-After": "7"}), Reply(503, b"", {"Retry-After": "2"}), GOOD)
    answer = client.get(url)
    client.close()
    assert (answer.retries, waits) == (2, [7.0, 2.0])


def test_a_retry_after_that_is_too_long_ends_the_call_at_once(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(429, b"", {"Retry-After": "30"}))
    with pytest.raises(RateLimitedError, match="too often") as failed:
        http.get(url)
    assert failed.value.retry_after_seconds == 30.0
    assert server.times_asked("/leads.csv") == 1


def test_retry_after_may_be_a_date(server: ScriptedServer, http: LeadsHttp) -> None:
    moment = format_datetime(datetime.now(timezone.utc) + timedelta(minutes=10), usegmt=True)
    url = server.on("/leads.csv", Reply(429, b"", {"Retry-After": moment}))
    with pytest.raises(RateLimitedError) as failed:
        http.get(url)
    assert 500 < failed.value.retry_after_seconds <= 600


def test_a_retry_after_that_nobody_understands_is_passed_over(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(429, b"", {"Retry-After": "soon"}), GOOD)
    assert http.get(url).retries == 1


def test_a_connection_cut_in_mid_body_is_retried(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(body=b"x" * 5000, cut_after=100), GOOD)
    answer = http.get(url)
    assert (answer.body, answer.retries) == (GOOD.body, 1)


def test_half_a_body_is_never_returned(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(body=b"x" * 5000, cut_after=100))
    with pytest.raises(ServiceUnavailableError, match="connection was cut"):
        http.get(url)


def test_a_server_that_does_not_answer_in_time_is_unavailable(server: ScriptedServer) -> None:
    client = LeadsHttp(
        timeouts=Timeouts(read=0.1), retries=Retries(count=1, delay_seconds=0.0), breakers=CircuitBreakers()
    )
    url = server.on("/leads.csv", Reply(wait=server.closing))
    with pytest.raises(ServiceUnavailableError, match="no answer within the time allowed") as failed:
        client.get(url)
    client.close()
    assert failed.value.context["calls"] == 2


def test_a_server_that_drips_is_given_up_at_the_total_time() -> None:
    """Each byte comes within the read timeout, so only the time for the whole call can end it."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener, stop))
        thread.start()
        client = LeadsHttp(
            timeouts=Timeouts(read=5.0, total=0.3), retries=Retries(delay_seconds=0.0), breakers=CircuitBreakers()
        )
        with pytest.raises(ServiceUnavailableError, match="too slowly"):
            client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/leads.csv")
        client.close()
        stop.set()
        thread.join()


def _drip(listener: socket.socket, stop: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.02):
            try:
                connection.sendall(b"x")
            except OSError:
                return


def test_nobody_listening_is_unavailable(http: LeadsHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        http.get(f"http://127.0.0.1:{port}/leads.csv")


def test_a_body_larger_than_the_limit_is_refused_by_its_announcement(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(body=b"x" * 1001))
    with pytest.raises(SheetFormatError, match="larger than the limit of 1,000 bytes"):
        http.get(url, max_bytes=1000)
    assert server.times_asked("/leads.csv") == 1


def test_a_body_as_large_as_the_limit_is_read(server: ScriptedServer, http: LeadsHttp) -> None:
    assert len(http.get(server.on("/leads.csv", Reply(body=b"x" * 1000)), max_bytes=1000).body) == 1000


def test_a_small_gzip_of_a_large_body_is_refused_too(server: ScriptedServer, http: LeadsHttp) -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    url = server.on("/leads.csv", Reply(body=packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SheetFormatError, match="larger than the limit"):
        http.get(url, max_bytes=100_000)


def test_gzip_is_unpacked(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(body=gzip.compress(GOOD.body), headers={"Content-Encoding": "gzip"}))
    assert http.get(url).body == GOOD.body


def test_of_an_error_only_the_beginning_is_read(server: ScriptedServer, http: LeadsHttp) -> None:
    answer = http.get(server.on("/leads.csv", Reply(404, b"x" * 1_000_000)), max_bytes=1000)
    assert len(answer.body) == 65_536


def test_redirects_are_followed(server: ScriptedServer, http: LeadsHttp) -> None:
    server.on("/here.csv", GOOD)
    answer = http.get(server.on("/there.csv", redirect("/here.csv")))
    assert (answer.body, answer.url, answer.calls) == (GOOD.body, f"{server.url}/here.csv", 1)


def test_a_circle_of_redirects_ends(server: ScriptedServer, http: LeadsHttp) -> None:
    with pytest.raises(AccessError, match="redirects without end"):
        http.get(server.on("/round.csv", redirect("/round.csv")))
    assert server.times_asked("/round.csv") == 6


def test_a_redirect_to_a_login_is_not_followed(server: ScriptedServer, http: LeadsHttp) -> None:
    login = "https://accounts.google.com/ServiceLogin?continue=x"
    answer = http.get(server.on("/private.csv", redirect(login)))
    assert (answer.status, answer.url, answer.body) == (307, login, b"")


def test_a_key_goes_to_the_host_it_is_for_and_to_no_other(server: ScriptedServer, http: LeadsHttp) -> None:
    with ScriptedServer() as other:
        url = server.on("/leads.csv", redirect(other.on("/elsewhere.csv", GOOD)))
        http.get(url, headers={"Authorization": "Bearer secret"})
        assert "authorization" not in other.asked[0].headers
    assert server.asked[0].headers["authorization"] == "Bearer secret"


def test_cookies_are_not_kept(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/leads.csv", Reply(headers={"Set-Cookie": "session=1"}))
    http.get(url)
    http.get(url)
    assert "cookie" not in server.asked[1].headers


def test_five_failed_calls_rest_the_host_and_a_sixth_is_not_sent(server: ScriptedServer) -> None:
    breakers = CircuitBreakers()
    client = LeadsHttp(retries=Retries(count=0), breakers=breakers)
    url = server.on("/leads.csv", BUSY)
    for _ in range(5):
        with pytest.raises(ServiceUnavailableError):
            client.get(url, rest_seconds=15.0)
    with pytest.raises(CircuitOpenError):
        client.get(url)
    client.close()
    assert server.times_asked("/leads.csv") == 5
    assert [(state["host"], state["state"]) for state in breakers.states()] == [(server.host, "open")]
    assert breakers.states()[0]["rest_seconds"] == 15.0


def test_a_probe_after_the_rest_is_not_retried(server: ScriptedServer) -> None:
    now = [0.0]
    client = LeadsHttp(retries=AT_ONCE, breakers=CircuitBreakers(clock=lambda: now[0]))
    url = server.on("/leads.csv", BUSY)
    for _ in range(5):
        with pytest.raises(ServiceUnavailableError):
            client.get(url)
    before = server.times_asked("/leads.csv")
    now[0] = 30.0
    with pytest.raises(ServiceUnavailableError):
        client.get(url)
    client.close()
    assert server.times_asked("/leads.csv") == before + 1


def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(http: LeadsHttp, own_certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own_certificate)
    with ScriptedServer(tls=tls) as server, pytest.raises(AccessError, match="cannot be trusted") as refused:
        http.get(server.on("/leads.csv", GOOD))
    assert refused.value.context["calls"] == 1


@pytest.fixture
def own_certificate(tmp_path: Path) -> Path:
    """A key and a certificate that it signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    path = tmp_path / "own.pem"
    shape = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(pem, *shape) + certificate.public_bytes(pem))
    return path


def test_this_machine_is_asked_without_the_proxy(
    server: ScriptedServer, http: LeadsHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert http.get(server.on("/leads.csv", GOOD)).status == 200


@pytest.mark.parametrize("url", ["ftp://example.com/leads.csv", "http://", "nonsense"])
def test_an_address_that_is_none_is_a_fault_of_the_settings(http: LeadsHttp, url: str) -> None:
    with pytest.raises(SettingsError):
        http.get(url)


def test_a_post_carries_its_body(server: ScriptedServer, http: LeadsHttp) -> None:
    url = server.on("/token", Reply(body=b"{}"))
    http.post(url, body=b"grant", rest_seconds=15.0)
    assert (server.asked[0].method, server.asked[0].body) == ("POST", b"grant")


def test_keys_in_an_address_are_not_logged(
    server: ScriptedServer, http: LeadsHttp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url = server.on("/leads.csv", BUSY, GOOD) + "?key=s3cret"
    http.get(url)
    assert server.asked[0].query == {"key": ["s3cret"]}
    assert "s3cret" not in caplog.text


def test_retries_are_logged_and_nothing_is_printed(
    server: ScriptedServer, http: LeadsHttp, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    http.get(server.on("/leads.csv", BUSY, GOOD))
    assert "Retry 1 in 0.0 s" in caplog.text
    assert capsys.readouterr() == ("", "")


def test_one_client_serves_many_threads(server: ScriptedServer, http: LeadsHttp) -> None:
    urls = [server.on(f"/{number}.csv", Reply(body=str(number).encode())) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda url: http.get(url).body, urls))
    assert bodies == [str(number).encode() for number in range(24)]


def test_a_process_shares_one_client() -> None:
    assert shared_http() is shared_http()
