"""`leads up` starts its parts in order, keeps them running, and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from leads_dagster.live.presence import who_runs
from leads_dagster_tests.conftest import REPOSITORY
from leads_dagster_tests.live.conftest import LONGEST_WAIT_SECONDS, STAYS, StartLive

BEATS = """
import pathlib, sys, time
while True:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(0.1)
"""
DIES = "raise SystemExit('out of luck')"
DIES_ONCE = """
import pathlib, sys, time
mark = pathlib.Path(sys.argv[1] + '.was-here')
if not mark.exists():
    mark.touch()
    raise SystemExit(3)
while True: time.sleep(0.05)
"""
IS_DEAF = """
import signal, time
for one in (signal.SIGTERM, signal.SIGINT): signal.signal(one, signal.SIG_IGN)
print('deaf', flush=True)
while True: time.sleep(0.05)
"""
HAS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time\\nwhile True: time.sleep(0.05)'])
print('child', child.pid, flush=True)
while True: time.sleep(0.05)
"""
FINISHES = """
import signal, time
asked = []
signal.signal(signal.SIGUSR2, lambda *_: asked.append(1))
print('working', flush=True)
while not asked: time.sleep(0.05)
time.sleep(0.3)
print('finished', flush=True)
"""


def part(name: str, program: str = STAYS, **told: Any) -> dict[str, Any]:
    return {"name": name, "program": program, **told}


def is_gone(pid: int) -> bool:
    """Whether the process ends within the longest wait; one that ended and was not reaped counts as gone."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_all_parts_start_and_the_ready_line_names_the_addresses(start: StartLive) -> None:
    live = start(part("code"), part("web", url="http://127.0.0.1:3000"))
    ready = live.until("ready")

    assert "Ready in " in ready["text"]
    assert "web at http://127.0.0.1:3000" in ready["text"]
    assert ready["urls"] == {"web": "http://127.0.0.1:3000"}


def test_a_part_starts_when_the_one_before_it_is_well(start: StartLive) -> None:
    live = start(part("late", after=["early"]), part("early", BEATS, beats=True))
    live.until("started", "late")

    assert live.told("healthy", "early")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_cleanly(start: StartLive, sent: signal.Signals) -> None:
    live = start(part("one"), part("two"))
    live.until("ready")
    live.process.send_signal(sent)

    assert live.end() == 0
    assert live.told("stopped")
    assert all(is_gone(started["pid"]) for started in live.told("started"))


def test_a_signal_while_parts_still_wait_stops_everything(start: StartLive) -> None:
    live = start(part("never", beats=True), part("waits", after=["never"]))
    live.until("started", "never")
    live.process.send_signal(signal.SIGTERM)

    assert live.end() == 0
    assert not live.told("started", "waits")


def test_parts_stop_in_order(start: StartLive) -> None:
    says = "import signal, sys, time\ndef end(*_):\n  print('ends', flush=True)\n  sys.exit()\n"
    says += "signal.signal(signal.SIGTERM, end)\nprint('here', flush=True)\nwhile True: time.sleep(0.05)"
    live = start(part("last", says, stop_order=2), part("first", says), part("middle", says, stop_order=1))
    for name in ("last", "first", "middle"):
        live.until("line", name, "here") if not live.told("line", name) else None
    live.process.send_signal(signal.SIGTERM)
    live.end()

    assert [told["part"] for told in live.told("line") if told["text"] == "ends"] == ["first", "middle", "last"]


def test_parts_hear_signals_that_a_shell_told_the_supervisor_to_ignore(start: StartLive) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        live = start(
            part("one", "import signal\nprint(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, flush=True)\n" + STAYS)
        )
    finally:
        signal.signal(signal.SIGINT, before)

    assert live.until("line", "one")["text"] == "False"


def test_a_part_that_works_may_finish(start: StartLive) -> None:
    live = start(part("worker", FINISHES, stop=[["SIGUSR2", 30], ["SIGTERM", 5], ["SIGKILL", 5]]))
    live.until("line", "worker", "working")
    live.process.send_signal(signal.SIGTERM)
    live.end()

    assert "finished" in [told["text"] for told in live.told("line", "worker")]


def test_who_presses_ctrl_c_twice_does_not_wait(start: StartLive) -> None:
    live = start(part("deaf", IS_DEAF, stop=[["SIGTERM", 1000], ["SIGINT", 0.1], ["SIGKILL", 10]]))
    live.until("line", "deaf", "deaf")
    live.process.send_signal(signal.SIGINT)
    live.until("stopping")
    live.process.send_signal(signal.SIGINT)

    assert live.end() == 0
    assert is_gone(live.told("started")[0]["pid"])


def test_a_part_that_dies_is_started_again(start: StartLive) -> None:
    live = start(part("weak", DIES_ONCE), part("strong"))
    died = live.until("died", "weak")

    assert "ended with code 3" in died["text"]
    live.until("started", "weak")
    assert len(live.told("started", "strong")) == 1


def test_a_part_that_is_killed_is_started_again(start: StartLive) -> None:
    live = start(part("strong"))
    os.kill(live.until("started", "strong")["pid"], signal.SIGKILL)

    assert "was ended by SIGKILL" in live.until("died", "strong")["text"]
    live.until("started", "strong")


def test_a_part_that_hangs_is_started_again(start: StartLive) -> None:
    live = start(part("beater", BEATS, beats=True))
    pid = live.until("started", "beater")["pid"]
    live.until("healthy", "beater")
    os.kill(pid, signal.SIGSTOP)

    assert "does not answer" in live.until("hung", "beater")["text"]
    assert live.until("started", "beater")["pid"] != pid
    assert is_gone(pid)


def test_a_part_that_only_dies_ends_the_whole_and_its_last_words_are_said(start: StartLive) -> None:
    live = start(part("hopeless", DIES), part("fine"))

    assert live.end() == 1
    error = live.told("error")[0]
    assert error["error_type"] == "PartFailedError"
    assert "hopeless ended with code 1" in error["text"]
    assert "out of luck" in error["text"]
    assert is_gone(live.told("started", "fine")[0]["pid"])


def test_what_a_part_started_ends_with_it(start: StartLive) -> None:
    live = start(part("parent", HAS_A_CHILD))
    pid = int(live.until("line", "parent", "child")["text"].split()[1])
    os.kill(live.told("started")[0]["pid"], signal.SIGKILL)

    assert is_gone(pid)


def test_no_part_outlives_a_supervisor_that_was_killed(start: StartLive) -> None:
    live = start(part("one"), part("deaf", IS_DEAF))
    live.until("ready")
    live.process.kill()

    assert all(is_gone(started["pid"]) for started in live.told("started"))


def test_a_second_one_on_the_same_folder_is_refused(start: StartLive) -> None:
    first = start(part("web", url="http://127.0.0.1:3000"))
    first.until("ready")
    second = start(part("web"))

    assert second.end() == 1
    error = second.told("error")[0]
    assert error["error_type"] == "AlreadyRunningError"
    assert f"process {first.process.pid}, web at http://127.0.0.1:3000" in error["text"]
    assert not second.told("started")


def test_after_one_that_was_killed_the_next_starts(start: StartLive, tmp_path: Path) -> None:
    first = start(part("one"))
    first.until("ready")
    first.process.kill()
    first.end()

    assert (tmp_path / "home" / "live" / "live.json").exists()
    assert who_runs(tmp_path / "home") == {"running": False}
    assert start(part("one")).until("ready")


def test_others_can_see_what_runs(start: StartLive, tmp_path: Path) -> None:
    live = start(part("web", url="http://127.0.0.1:3000"), part("worker-1"))
    live.until("ready")

    found = who_runs(tmp_path / "home")
    assert (found["running"], found["ready"], found["pid"]) == (True, True, live.process.pid)
    assert found["urls"] == {"web": "http://127.0.0.1:3000"}
    assert {name: one["state"] for name, one in found["parts"].items()} == {"web": "ready", "worker-1": "ready"}


def test_a_container_can_ask_whether_all_is_well(start: StartLive, tmp_path: Path) -> None:
    ask = [sys.executable, "-m", "leads_dagster.live.presence"]
    environ = {**os.environ, "LEADS_HOME": str(tmp_path / "home")}
    before = subprocess.run(ask, env=environ, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    start(part("one")).until("ready")
    while_it_runs = subprocess.run(ask, env=environ, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert (before.returncode, before.stdout) == (1, "not running\n")
    assert while_it_runs.returncode == 0
    assert "all parts ready" in while_it_runs.stdout


def test_when_it_ended_nothing_is_said_to_run(start: StartLive, tmp_path: Path) -> None:
    live = start(part("one"))
    live.until("ready")
    live.process.send_signal(signal.SIGTERM)
    live.end()

    assert not (tmp_path / "home" / "live" / "live.json").exists()
    assert who_runs(tmp_path / "home") == {"running": False}


def test_lines_of_parts_that_talk_at_once_are_never_torn(start: StartLive) -> None:
    talks = (
        "import sys\nfor n in range(2000):\n  for piece in ('a' * 50, 'b' * 50, '\\n'):\n    sys.stdout.write(piece)\n"
    )
    talks += "    sys.stdout.flush()\nprint('silent', flush=True)\nimport time\nwhile True: time.sleep(0.05)"
    live = start(part("one", talks), part("two", talks))
    for name in ("one", "two"):
        live.until("line", name, "silent") if not _said(live.seen, name, "silent") else None

    lines = [told["text"] for told in live.told("line") if told["text"] != "silent"]
    assert len(lines) == 4000
    assert set(lines) == {"a" * 50 + "b" * 50}


def _said(seen: list[dict[str, Any]], name: str, text: str) -> bool:
    return any(told["part"] == name and told["text"] == text for told in seen)


def test_secrets_of_the_environment_are_blacked_out(start: StartLive, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("patFromAFile.123\n", encoding="utf-8")
    prints = f"print('patSecret.456', 'patFromAFile.123', 'hunter22', 'harmless'){chr(10)}{STAYS}"
    secrets = {
        "AIRTABLE_API_KEY": "patSecret.456",
        "AIRTABLE_API_KEY_FILE": str(token),
        "LEADS_DATABASE_URL": "postgresql+psycopg://me:hunter22@db/leads",
    }
    live = start(part("web", prints), environ=secrets)

    assert live.until("line", "web", "harmless")["text"] == "*** *** *** harmless"


def test_live_json_is_a_whole_document(start: StartLive, tmp_path: Path) -> None:
    start(part("one")).until("ready")
    found = json.loads((tmp_path / "home" / "live" / "live.json").read_text(encoding="utf-8"))

    assert set(found) == {"pid", "since", "ready", "urls", "parts"}
