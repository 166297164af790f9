"""`leads queue`: what waits in the capture queue, and what becomes of it."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from leads_dagster.errors import SettingsError
from leads_dagster.interfaces.cli.options import Customer, Json, Limit, examples
from leads_dagster.interfaces.cli.progress import Report, progress_bar
from leads_dagster.interfaces.cli.render import console, print_facts, print_table, show
from leads_dagster.settings import Settings, customer_named, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from leads_dagster.capture_queue.protocol import CaptureQueue

_DEAD = {"id": "id", "key": "key", "attempts": "attempts", "reason": "reason", "died_at": "since"}
_REFUSED = {"line": "line", "reason": "refused because"}
_UNNAMED = {"customer": "not in leads.toml", "waiting": "waiting"}
_UNSETTLED = ("queued", "leased", "delayed", "dead")
_ROUND = 1_000

Since = Annotated[str, typer.Option("--since", metavar="TIME", help="Settled from then on: 2026-03-01T12:00, in UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="And before then; now if left out.")]
Many = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many; all that is due if left out.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(no_args_is_help=True, help="The capture queue: hand over, look, process, retry, clear.")
    group.command("add", epilog=examples("leads queue add found.jsonl --key url", "scraper | leads queue add -"))(add)
    group.command("status", epilog=examples("leads queue status --json"))(status)
    group.command("process", epilog=examples("leads queue process", "leads queue process --limit 100"))(process)
    group.command("dead", epilog=examples("leads queue dead"))(dead)
    group.command("retry-failed", epilog=examples("leads queue retry-failed --limit 500"))(retry_failed)
    group.command("replay", epilog=examples("leads queue replay --since 2026-03-01T12:00"))(replay)
    group.command("clear", epilog=examples("leads queue clear", "leads queue clear --export kept.jsonl --yes"))(clear)
    app.add_typer(group, name="queue")


def add(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines, one lead each; - is what is piped in.")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="NAME", help="What each lead is known by: the same again is one.")
    ] = None,
    customer: Customer = None,
    as_json: Json = False,
) -> int:
    """Hand over leads, one JSON object a line.

    A line that cannot be one is said with its number and stops no other; it ends with 1 then. Lines that `leads queue
    clear` kept are taken in again as what they were.
    """
    from leads_dagster.capture_queue.place import queue_place
    from leads_dagster.pipeline.capture_adding import LineRules, add_lines

    with _queue(customer) as (queue, name, settings), progress_bar() as report, _opened(file) as (stream, size):
        rules = LineRules(name, queue_place(settings).limits, _now_ms(), key, keep_customer=customer is None)
        done = add_lines(queue, stream, rules, progress=lambda read: _tell(report, read, size))
    show(vars(done), as_json=as_json, render=_render_added)
    return 1 if done.refusals or done.full_at_line is not None else 0


def status(customer: Customer = None, as_json: Json = False) -> None:
    """Show what waits, since when, how fast it goes, and what became of all that was ever taken in."""
    from leads_dagster.capture import queue_status
    from leads_dagster.pipeline.queue_looking import sum_of, unnamed_customers

    with _looked_after(customer) as (queue, name, settings):
        unnamed = unnamed_customers(queue, {one.name for one in settings.customers})
        books = sum_of(queue.books(name))
    show({**queue_status(name), "sum": books, "unnamed": unnamed}, as_json=as_json, render=_render_status)


def process(limit: Many = None, customer: Customer = None, as_json: Json = False) -> None:
    """Process what is due, here and now; under `leads up` that goes by itself."""
    from leads_dagster.capture import process_queue

    name = customer_named(load_settings(), customer).name
    total: dict[str, int] = {}
    with progress_bar() as report:
        while (left := _ROUND if limit is None else min(_ROUND, limit - _worked(total))) > 0:
            done = process_queue(left, customer=name)
            total = {key: total.get(key, 0) * (key != "remaining") + number for key, number in done.items()}
            report(_percent(_worked(total), total["remaining"]), f"{_worked(total):,} processed")
            if not _worked(done) or not done["remaining"]:
                break
    show(total, as_json=as_json, render=print_facts)


def dead(limit: Limit = 100, customer: Customer = None, as_json: Json = False) -> None:
    """List what failed too often, the longest dead first, with the last error; --json has the data, too."""
    with _looked_after(customer) as (queue, name, _):
        found = [_dead_item(item) for item in queue.dead(name, limit=limit)]
    show(found, as_json=as_json, render=_render_dead)


def retry_failed(limit: Limit = 100, customer: Customer = None, as_json: Json = False) -> None:
    """Queue up to so many dead again, as if they had never failed."""
    with _queue(customer) as (queue, name, _):
        done = queue.retry_dead(name, limit=limit)
    show({"retried": done}, as_json=as_json, render=print_facts)


def replay(since: Since, until: Until = None, customer: Customer = None, as_json: Json = False) -> None:
    """Queue again what was settled in a time.

    What was recorded has no second effect; what was rejected is judged by today's criteria, and what was undone comes
    back.
    """
    start, end = _moment("--since", since), _now_ms() + 1 if until is None else _moment("--until", until)
    with _queue(customer) as (queue, name, _):
        done = queue.replay(name, since_ms=start, until_ms=end)
    show({"replayed": done}, as_json=as_json, render=print_facts)


def clear(
    export: Annotated[
        Path | None, typer.Option("--export", help="Where it is kept; below LEADS_HOME if not said.")
    ] = None,
    yes: Yes = False,
    customer: Customer = None,
    as_json: Json = False,
) -> int:
    """Remove everything that is not processed, dead letters too; a file keeps it."""
    if as_json and not yes:
        raise SettingsError("With --json nobody is asked.", advice="Add --yes if the queue shall be cleared.")
    from leads_dagster.capture_queue.export_file import ExportFile

    with _looked_after(customer) as (queue, name, settings):
        if not yes and not _confirmed(queue, name):
            typer.echo("Nothing was changed.", err=True)
            return 1
        kept = export or settings.home / _export_name(name)
        with ExportFile(kept) as lines:
            done = queue.clear(name, export=lines.add)
    show({"cleared": done, "kept_in": str(kept)}, as_json=as_json, render=print_facts)
    return 0


@contextmanager
def _queue(customer: str | None) -> Iterator[tuple[CaptureQueue, str, Settings]]:
    """The queue, and whose part of it is meant."""
    from leads_dagster.capture_queue.place import open_queue

    settings = load_settings()
    name = customer_named(settings, customer).name
    with closing(open_queue(settings)) as queue:
        yield queue, name, settings


@contextmanager
def _looked_after(customer: str | None) -> Iterator[tuple[CaptureQueue, str, Settings]]:
    """As `_queue`; also for a customer that leads.toml does not name, of whom captures wait."""
    from leads_dagster.capture_queue.place import open_queue

    settings = load_settings()
    with closing(open_queue(settings)) as queue:
        if customer is not None and _unsettled(queue, customer):
            yield queue, customer, settings
        else:
            yield queue, customer_named(settings, customer).name, settings


def _unsettled(queue: CaptureQueue, customer: str) -> int:
    found = queue.status(customer)
    return sum(getattr(found, state) for state in _UNSETTLED)


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, int]]:
    """The stream of lines, and how many bytes it has; 0 where nobody knows."""
    with ExitStack() as stack:
        if file == "-":
            yield sys.stdin.buffer, 0
            return
        try:
            stream = stack.enter_context(Path(file).open("rb"))
            size = Path(file).stat().st_size
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
        yield stream, size


def _tell(report: Report, read: int, size: int) -> None:
    report(min(99, 100 * read // size) if size else 50, "handing over")


def _percent(worked: int, remaining: int) -> int:
    return 100 * worked // max(worked + remaining, 1)


def _worked(numbers: dict[str, int]) -> int:
    return sum(number for name, number in numbers.items() if name != "remaining")


def _confirmed(queue: CaptureQueue, name: str) -> bool:
    count, dead = _unsettled(queue, name), queue.status(name).dead
    typer.echo(f"{count:,} captures of {name} are not processed, {dead:,} of them dead.", err=True)
    try:
        return typer.confirm("Remove them from the queue? A file keeps them.", err=True)
    except typer.Abort:
        return False


def _export_name(customer: str) -> str:
    """A file's name; that of a customer whom leads.toml does not name may be anything."""
    whose = re.sub(r"[^\w.-]", "_", customer)[:80]
    return f"captures-cleared-{whose}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.jsonl"


def _dead_item(item: Any) -> dict[str, Any]:
    from leads_dagster.capture_queue.lines import data_of, text_of_ms

    return {
        "id": item.id, "key": item.key, "attempts": item.attempts, "reason": item.reason,
        "captured_at": text_of_ms(item.captured_at_ms), "died_at": text_of_ms(item.died_at_ms),
        "data": data_of(item.body),
    }  # fmt: skip


def _moment(option: str, text: str) -> int:
    from leads_dagster.pipeline.capture_adding import moment_ms

    try:
        return moment_ms(text)
    except ValueError as error:
        raise SettingsError(f"{option} {text!r} is no time.", advice="Write 2026-03-01 or 2026-03-01T12:30.") from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _render_status(target: Console, known: dict[str, Any]) -> None:
    from leads_dagster.pipeline.alert_rules import UNNAMED_ADVICE

    print_facts(target, {name: value for name, value in known.items() if name != "unnamed"})
    if known["unnamed"]:
        rows = [{"customer": name, "waiting": count} for name, count in known["unnamed"].items()]
        print_table(target, rows, _UNNAMED, empty="")
        target.print(UNNAMED_ADVICE, soft_wrap=True)


def _render_added(target: Console, done: dict[str, Any]) -> None:
    target.print(f"{done['added']:,} handed over, {done['known']:,} were there already, {done['refusals']:,} refused.")
    if done["refused"]:
        print_table(console(stderr=True), done["refused"], _REFUSED, empty="")
    if done["full_at_line"] is not None:
        console(stderr=True).print(
            f"The queue is full: nothing was taken from line {done['full_at_line']:,} on. `leads queue status` shows "
            "whether it is being processed.",
            soft_wrap=True,
        )


def _render_dead(target: Console, found: list[dict[str, Any]]) -> None:
    print_table(target, found, _DEAD, empty="Nothing is dead.")
