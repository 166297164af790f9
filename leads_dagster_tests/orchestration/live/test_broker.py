"""That the folder hands over each message once, whole and in order, and gets over being deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue

from leads_dagster.orchestration.live.broker import FOLDER_SCHEME, broker_folder, launcher_config
from leads_dagster.settings import load_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "live" / "broker"


@pytest.fixture
def queue(folder: Path) -> Iterator[SimpleQueue]:
    with _connection(folder) as connection, connection.SimpleQueue("runs") as queue:
        yield queue


def _connection(folder: Path) -> Connection:
    return Connection(
        f"{FOLDER_SCHEME}://localhost", transport_options={"folder": str(folder), "polling_interval": 0.01}
    )


def _taken(queue: SimpleQueue) -> object:
    message = queue.get(block=True, timeout=5)
    message.ack()
    return message.payload


def test_messages_come_in_the_order_in_which_they_were_sent(queue: SimpleQueue) -> None:
    for number in range(5):
        queue.put({"run": number})
    assert [_taken(queue) for _ in range(5)] == [{"run": number} for number in range(5)]


def test_a_message_goes_to_one_of_two_takers(folder: Path, queue: SimpleQueue) -> None:
    with _connection(folder) as second, second.SimpleQueue("runs") as other:
        for number in range(20):
            queue.put(number)
        got = [_taken(one) for _ in range(10) for one in (queue, other)]
    assert sorted(map(int, map(str, got))) == list(range(20))
    assert not list(folder.glob("*.msg"))


def test_a_message_that_is_half_written_is_not_taken(folder: Path, queue: SimpleQueue) -> None:
    queue.put("whole")
    (folder / ".00000000000000000001_half.runs").write_text('{"body": "ab')
    assert _taken(queue) == "whole"
    with pytest.raises(queue.Empty):
        queue.get(block=False)


def test_queues_do_not_take_each_others_messages(folder: Path, queue: SimpleQueue) -> None:
    with _connection(folder) as second, second.SimpleQueue("others") as other:
        other.put("theirs")
        with pytest.raises(queue.Empty):
            queue.get(block=False)
        assert _taken(other) == "theirs"


def test_a_folder_that_was_deleted_is_made_again(folder: Path, queue: SimpleQueue) -> None:
    queue.put("lost")
    shutil.rmtree(folder)
    with pytest.raises(queue.Empty):
        queue.get(block=False)
    queue.put("after")
    assert _taken(queue) == "after"


def test_without_a_setting_the_broker_is_a_folder_of_the_state_folder(tmp_path: Path) -> None:
    settings = load_settings({"LEADS_HOME": str(tmp_path)}, tmp_path)
    config = launcher_config(settings)
    assert config["broker"] == f"{FOLDER_SCHEME}://localhost"
    assert config["config_source"]["broker_transport_options"]["folder"] == str(broker_folder(settings))


def test_the_address_of_another_broker_is_not_written_down(tmp_path: Path) -> None:
    environ = {"LEADS_HOME": str(tmp_path), "LEADS_BROKER_URL": "redis://:secret@host/1"}
    config = launcher_config(load_settings(environ, tmp_path))
    assert config["broker"] == {"env": "LEADS_BROKER_URL"}
    assert "secret" not in str(config)
