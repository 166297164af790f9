"""Comments on records through pyairtable."""

from __future__ import annotations

from pyairtable import Table


def test_a_comment_is_added_changed_and_deleted(table: Table) -> None:
    record = table.create({"Name": "Ann"})
    comment = table.add_comment(record["id"], "Hello, @[usrLeadsSandbox01]")
    assert comment.mentioned["usrLeadsSandbox01"].display_name == "Sandbox Owner"
    comment.text = "Bye"
    comment.save()
    listed = table.comments(record["id"])
    assert [(each.text, each.author.email) for each in listed] == [("Bye", "owner@example.com")]
    assert listed[0].last_updated_time is not None
    comment.delete()
    assert table.comments(record["id"]) == []


def test_comments_come_newest_first(table: Table) -> None:
    record = table.create({"Name": "Ann"})
    for text in ("one", "two", "three"):
        table.add_comment(record["id"], text)
    assert [each.text for each in table.comments(record["id"])] == ["three", "two", "one"]
