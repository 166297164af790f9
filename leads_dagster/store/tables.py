"""The tables of the lead database, as SQLAlchemy Core; SQLite and PostgreSQL alike.

What belongs here: columns, keys and indexes, with a word on why where it is not plain. The living schema is made by
the Alembic migrations beside this file; a test holds that the two agree.

Times are aware UTC, named `*_at`. Values of claims are text: a phone, a zip or an id is never a number.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; timestamptz in PostgreSQL, ISO text in SQLite. A naive value is a bug and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime; times here are aware UTC")
        return value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


# None is SQL's NULL here, not JSON's.
Document = JSON(none_as_null=True)

# Ordered by its bytes on both back ends, not by a server's language.
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")

# SQLite gives a rowid alias (and so an autoincrement) to INTEGER only.
RowId = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[Any]:
    return Column("id", RowId, primary_key=True, autoincrement=True)


leads = Table(
    "leads",
    metadata,
    Column("id", Text, primary_key=True, doc="uuid7, 32 hex digits; also Airtable's lead_key"),
    Column("customer", Text, nullable=False),
    Column("full_name", Text, doc="the person's name; of a company without a person, the company"),
    Column("linkedin_url", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("company", Text),
    Column("title", Text),
    Column("location", Text),
    Column("industry", Text),
    Column("company_size", Text),
    Column("website", Text),
    Column("status", Text),
    Column("source", Text, doc="the lead's origin in the user's words; provenance is in the claims"),
    Column("confidence", Float),
    Column("verified", Boolean),
    Column("enriched", Boolean),
    Column("needs_enrichment", Boolean),
    Column("scraped_at", Text, doc="as the source said it; ISO where that could be known"),
    Column("enriched_at", Text, doc="as scraped_at"),
    Column("notes", Text),
    Column("raw_data", Document, doc="what the rows say beside the fields, by column"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1"), doc="+1 at every change of a shown field"),
    Column("airtable_id", Text, doc="the record's id there"),
    Column("airtable_synced", Boolean, nullable=False, server_default=text("false")),
    Column("sync_pending", Boolean, nullable=False, server_default=text("true")),
    Column("last_sync_attempt", UtcDateTime),
    Column("sync_error", Text),
    Column("archived_at", UtcDateTime, doc="when its last live claim went"),
    Column("merged_into", Text, doc="the lead that stands in its place"),
    Column("number", BigInteger, doc="counts up over all leads as they are made; the row of the search index"),
    Column("name_key", BYTEWISE, doc="the name folded, to order by"),
    # With the time, so that a scan for new leads need not look at the leads themselves.
    Index("ix_leads_customer_number_created_at", "customer", "number", "created_at"),
    Index("ix_leads_customer_name_key_number", "customer", "name_key", "number"),
    Index("ix_leads_customer_updated_at_number", "customer", "updated_at", "number"),
    Index("ix_leads_customer_email", "customer", "email"),
    Index("ix_leads_customer_linkedin_url", "customer", "linkedin_url"),
    # Whose place a lead took: asked at every fold of a stored lead, and true of few.
    Index(
        "ix_leads_merged_into",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

# A record of kind "edit" holds what somebody changed of a lead, by the lead's id: it takes no part in matching, does
# not keep its lead alive, and counts for whatever lead takes that one's place. Every other record is a "row".
source_records = Table(
    "source_records",
    metadata,
    _id(),  # surrogate key, from `counters`
    Column("customer", Text, nullable=False),
    Column("source", Text, nullable=False),  # canonical address: "sheet:<id>#<gid>", "file:<path>", "url:<url>"
    Column("source_key", Text),  # the row's own id where the sheet has an id column
    Column("raw", Document, nullable=False),  # the base: column label -> cell, as this source last said it
    Column("said", Document, nullable=False),  # what that came to, for matching: {"fields", "emails", "phones", …}
    Column("row_hash", LargeBinary, nullable=False),  # 16 bytes over the base's labels and cells
    Column("content_hash", LargeBinary, nullable=False),  # 16 bytes over `said`: the order of clustering
    Column("state", Text, nullable=False),  # where the row last ended (the ledger's words)
    Column("kind", Text, nullable=False, server_default=text("'row'")),  # row; edit: see below
    Column("lead_id", Text),
    Column("origin_lead_id", Text),  # the lead that it last helped to found: the one to bring back when leads part
    Column("undone", Document),  # field -> value in force (null: blank), where people took back what the record says
    Column("undone_by", RowId),  # the decision that took back all that the record says: it then has no lead
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),  # of the last change, not of every look
    Column("removed_at", UtcDateTime),
    Column("run_id", Text, nullable=False),
    Index("ix_source_records_customer_source_state", "customer", "source", "state"),
    Index("ix_source_records_lead_id", "lead_id"),
    # A row that returns is looked for among those that left, however many they are.
    Index(
        "ix_source_records_row_hash",
        "row_hash",
        sqlite_where=text("state = 'removed'"),
        postgresql_where=text("state = 'removed'"),
    ),
    Index(
        "ix_source_records_undone_by",
        "undone_by",
        sqlite_where=text("undone_by IS NOT NULL"),
        postgresql_where=text("undone_by IS NOT NULL"),
    ),
    Index(
        "ix_source_records_customer_source_source_key",
        "customer",
        "source",
        "source_key",
        sqlite_where=text("source_key IS NOT NULL"),
        postgresql_where=text("source_key IS NOT NULL"),
    ),
)

claims = Table(
    "claims",
    metadata,
    _id(),
    Column("record_id", RowId, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text),  # NULL: this source says the field is blank now
    Column("changed_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("voided_by", RowId),  # the decision that took it back; NULL: it counts
    Index("ix_claims_record_id", "record_id"),
)

decisions = Table(
    "decisions",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("kind", Text, nullable=False),  # same, not_same, override, revert, rollback, undo, survivorship
    Column("subject", Document, nullable=False),  # what it is about: record ids, lead id, field, value
    Column("lead_id", Text),
    Column("undoes", RowId),  # another decision that this one takes back
    Column("undone_by", RowId),  # the decision that took this one back; NULL: it stands
    Column("who", Text, nullable=False),
    Column("reason", Text),
    Column("decided_at", UtcDateTime, nullable=False),
    Index("ix_decisions_customer_lead_id", "customer", "lead_id"),
)

# What people taught, for this customer alone. A line that a decision taught counts while that decision stands.
learned = Table(
    "learned",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("kind", Text, nullable=False),  # header, company, nickname
    Column("left", Text, nullable=False),  # as people wrote it
    Column("right", Text, nullable=False),  # of a header: the field
    Column("left_key", Text, nullable=False),  # folded: what is compared
    Column("right_key", Text, nullable=False),
    Column("decision_id", RowId),  # that taught it; NULL: somebody said it for itself
    Column("who", Text, nullable=False),
    Column("learned_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", Text),
    Index("ix_learned_customer", "customer"),
    Index("ix_learned_decision_id", "decision_id"),
)

# By which rules all records of a customer were last matched; written last, so that a half-done matching is done again.
matching_states = Table(
    "matching_states",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("version", Text, nullable=False),  # of the matching rules
    Column("thresholds", Text, nullable=False),
    Column("knowledge", Text, nullable=False),  # digest of what was learned
    Column("matched_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
)

lead_history = Table(
    "lead_history",
    metadata,
    _id(),
    Column("lead_id", Text, nullable=False),
    Column("operation", Text, nullable=False),  # created, updated, merged, archived, restored
    Column("field", Text),  # NULL where the whole lead is meant; then `new` is a JSON object
    Column("old", Text),
    Column("new", Text),
    Column("source", Text),
    Column("record_id", RowId),
    Column("run_id", Text, nullable=False),
    Column("who", Text),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_lead_history_lead_id", "lead_id"),
    Index("ix_lead_history_run_id", "run_id"),
)

# What came of each item of the capture queue, by its key; the lead's own history of captures.
captures = Table(
    "captures",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # recorded, duplicate, rejected
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("origin", Text),
    Column("confidence", Float),
    Column("record_id", RowId),
    Column("lead_id", Text),
    Column("changed_lead", Boolean, nullable=False),
    Column("captured_at", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
    Index("ix_captures_record_id", "record_id"),
)

# Which records to look at when a new one comes: one row a blocking key of a record.
match_keys = Table(
    "match_keys",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),  # 64 bits over customer and key
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_match_keys_record_id", "record_id"),
    sqlite_with_rowid=False,
)

matches = Table(
    "matches",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("record_a", RowId, nullable=False),  # the smaller id
    Column("record_b", RowId, nullable=False),
    Column("outcome", Text, nullable=False),  # match, review, blocked
    Column("rule", Text, nullable=False),  # linkedin, email, phone, name_company, decision
    Column("score", Float, nullable=False),
    Column("explanation", Document, nullable=False),
    Column("originals", Document, nullable=False),  # both sides as they were when compared
    Column("matched_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
    Index("uq_matches_record_a_record_b", "record_a", "record_b", unique=True),
    Index("ix_matches_record_b", "record_b"),
    Index("ix_matches_customer_outcome", "customer", "outcome"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("record_id", RowId, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("row_number", Integer),  # 1-based row of the sheet when it was last read
    Column("code", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("cell", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("suggestion", Text, nullable=False),
    Column("raw", Document, nullable=False),
    Column("since_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
    Index("ix_quarantine_customer", "customer"),
)

conflicts = Table(
    "conflicts",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("kept", Text),
    Column("lost", Text),
    Column("kept_source", Text, nullable=False),
    Column("lost_source", Text, nullable=False),
    Column("mirror", Text),  # crm or airtable, where a mirror's row differs from our last write
    Column("status", Text, nullable=False),  # open, resolved
    Column("detected_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("resolution", Text),  # keep, take, value: how a person settled it
    Column("decision_id", RowId),  # the override that it became
    Column("run_id", Text, nullable=False),
    Index("ix_conflicts_customer_status", "customer", "status"),
)

holds = Table(
    "holds",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("plan_hash", Text, nullable=False),  # what approval binds to
    Column("status", Text, nullable=False),  # open, approved, applied, dropped, dissolved
    Column("removals", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("blanks", Integer, nullable=False),
    Column("limit_rows", Integer, nullable=False),
    Column("plan", Document, nullable=False),  # [{record_id, lead_id, kind, fields}], what it would do
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", Text),
    Column("run_id", Text, nullable=False),
    Index("ix_holds_customer_status", "customer", "status"),
)

# The outbox. A dirty mark with a version, no payload: what is sent is computed when it is sent.
sync_status = Table(
    "sync_status",
    metadata,
    Column("lead_id", Text, primary_key=True),
    Column("mirror", Text, primary_key=True),  # airtable, crm
    Column("customer", Text, nullable=False),
    Column("operation", Text, nullable=False),  # create, update, delete
    Column("status", Text, nullable=False),  # pending, success, failed, dead
    Column("version", Integer, nullable=False),  # the lead's version that made it dirty
    Column("sent_version", Integer),
    Column("external_id", Text),  # Airtable's record id
    Column("base", Document),  # what the mirror answered to our last write; a difference from it is somebody's edit
    Column("unbooked", Document),  # field -> values that a push whose answer was never booked may have written
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    Column("last_attempt", UtcDateTime),
    Column("next_attempt_at", UtcDateTime),
    Column("error_message", Text),
    Column("echoes", Document),  # digests of what was written last, field by field: what Airtable will tell us back
    Column("seen_at", UtcDateTime),  # when the oldest change that it has not heard of was first seen; NULL: none waits
    Index("ix_sync_status_customer_mirror_status", "customer", "mirror", "status"),
    Index(
        "ix_sync_status_external_id",
        "external_id",
        sqlite_where=text("external_id IS NOT NULL"),
        postgresql_where=text("external_id IS NOT NULL"),
    ),
)

# One row a base: the hook whose payloads tell what people changed there, whichever customer the table is of.
airtable_hooks = Table(
    "airtable_hooks",
    metadata,
    Column("base_id", Text, primary_key=True),
    Column("hook_id", Text),  # "ach…"; NULL: none at present
    Column("status", Text, nullable=False),  # active, lost (to be made anew), refused (the token may not make one)
    Column("cursor", Integer, nullable=False),  # the next payload to read
    Column("read_at", UtcDateTime),  # all that happened before is in airtable_changes
    Column("expires_at", UtcDateTime),
    Column("made_at", UtcDateTime),
    Column("asked_at", UtcDateTime),  # when a hook was last asked for, or lost
    Column("error", Text),
)

# One row a customer: what is known of the Airtable table of that customer.
airtable_tables = Table(
    "airtable_tables",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("base_id", Text, nullable=False),
    Column("table_id", Text, nullable=False),  # "tbl…"; the name where the schema may not be read
    Column("table_name", Text, nullable=False),  # as leads.toml names it: another name there is another table
    Column("fields", Document, nullable=False),  # lead field (or lead_key) -> {"id", "name", "type"} as last seen
    Column("attention", Document),  # the field "Needs attention", which is none of a lead: {"id", "name", "type"}
    Column("problems", Document, nullable=False),  # lead field -> why it is not kept in step
    Column("seen_at", UtcDateTime, nullable=False),  # when the schema was last looked at
    Column("swept_at", UtcDateTime),  # when all records were last compared
    Column("sweep_due", Boolean, nullable=False, server_default=text("true")),  # payloads may be missing
    Column("heard_until", UtcDateTime),  # the newest moment of an edit that was taken in
    Column("error", Text),  # why the last look at it failed
    Index("ix_airtable_tables_base_id", "base_id"),
)

# Records in Airtable beside the one that shows their lead: made there though the lead had one, or copied.
airtable_duplicates = Table(
    "airtable_duplicates",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    Column("status", Text, nullable=False),  # open: to be looked at; kept: it holds what no lead keeps, or is a copy
    Column("reason", Text, nullable=False),
    Column("noted_at", UtcDateTime, nullable=False),
    Index("ix_airtable_duplicates_customer", "customer"),
)

# The payload log, fanned out by table and kept as what is new of each cell: edits that nobody took in yet.
airtable_changes = Table(
    "airtable_changes",
    metadata,
    _id(),
    Column("base_id", Text, nullable=False),
    Column("table_id", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("field_id", Text, nullable=False),  # "": the record itself, created or deleted
    Column("kind", Text, nullable=False),  # changed, created, deleted
    Column("cell", Document),  # as Airtable gives it; NULL: blank
    Column("changed_at", UtcDateTime, nullable=False),  # by our clock, never after seen_at
    Column("seen_at", UtcDateTime, nullable=False),
    Index("uq_airtable_changes", "base_id", "table_id", "record_id", "field_id", unique=True),
)

# One row a customer and what could not be done, where Airtable refuses token, base or table: when it is asked again.
airtable_refusals = Table(
    "airtable_refusals",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("doing", Text, primary_key=True),  # reading, writing
    Column("place", Text, nullable=False),  # a digest of address, token, base, table and fields: others are another one
    Column("kind", Text, nullable=False),  # missing: base, table or a field that is needed; refused: the token
    Column("error", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("refused_at", UtcDateTime, nullable=False),
    Column("ask_at", UtcDateTime, nullable=False),
)

# One row a customer who has rows in quarantine shown in Airtable: the table they stand in, and what was last shown.
airtable_fixing_tables = Table(
    "airtable_fixing_tables",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("base_id", Text, nullable=False),
    Column("table_name", Text, nullable=False),  # as leads.toml names it
    Column("table_id", Text, nullable=False),
    Column("fields", Document, nullable=False),  # our name of a field -> {"id", "name", "type"}
    Column("digest", Text),  # what stood in quarantine when all of it was last shown; NULL: show again
    Column("tried_at", UtcDateTime, nullable=False),
    Column("error", Text),  # what a person must mend, in words
)

# One row a record that was put there: what tells that it says something else now, and which one to delete.
airtable_fixing = Table(
    "airtable_fixing",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("record_id", RowId, primary_key=True),  # of the source record in quarantine
    Column("airtable_id", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of what it was last made to say
)

# One row a lead whose field "Needs attention" says something: what it was last asked to say.
airtable_attention = Table(
    "airtable_attention",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("lead_id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
)

sync_states = Table(
    "sync_states",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("running", Boolean, nullable=False, server_default=text("false")),
    Column("progress_percent", Integer, nullable=False, server_default=text("0")),
    Column("progress_message", Text, nullable=False, server_default=text("''")),
    Column("last_checksum", Text),
    Column("last_run_id", Text),
    Column("last_synced_at", UtcDateTime),
    Column("last_duration_seconds", Float),
    Column("rows_processed", Integer, nullable=False, server_default=text("0")),
    Column("rows_inserted", Integer, nullable=False, server_default=text("0")),
    Column("rows_updated", Integer, nullable=False, server_default=text("0")),
    Column("rows_deleted", Integer, nullable=False, server_default=text("0")),
    Column("error_count", Integer, nullable=False, server_default=text("0")),
    Column("retry_count", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    Column("breakers", Document),  # hosts that failed lately, as the process that called them saw it
)

# One row a source: what the last closed ledger saw, so that the next look costs what changed.
source_states = Table(
    "source_states",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("fingerprint", Text),  # bytes + mapping + rules version of the last closed ledger
    Column("rules_fingerprint", Text),  # mapping + rules version alone
    Column("marker", Document),  # what a conditional request needs to ask "changed since?"
    Column("checksum", Text),  # of the bytes, names their snapshot
    Column("header", Document),
    Column("digests", LargeBinary),  # 16 bytes a row in sheet order; zero bytes: look again
    Column("record_ids", LargeBinary),  # int64 little-endian, same order
    Column("read_rows", Integer, nullable=False, server_default=text("0")),
    Column("held_rows", Integer, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("0")),  # +1 at every close
    Column("closed_at", UtcDateTime),
    Column("open_run_id", Text),  # set while a cycle writes; still set later: that cycle died
)

# What each asset handed to the next one: an asset materialised alone finds its input here.
staging = Table(
    "staging",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("base_version", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # zlib, JSON
    Column("staged_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("customer", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("status", Text, nullable=False),  # running, done, unchanged, held, failed
    Column("rows_read", Integer, nullable=False, server_default=text("0")),
    Column("rows_created", Integer, nullable=False, server_default=text("0")),
    Column("rows_updated", Integer, nullable=False, server_default=text("0")),
    Column("rows_unchanged", Integer, nullable=False, server_default=text("0")),
    Column("rows_merged", Integer, nullable=False, server_default=text("0")),
    Column("rows_quarantined", Integer, nullable=False, server_default=text("0")),
    Column("rows_held", Integer, nullable=False, server_default=text("0")),
    Column("rows_removed", Integer, nullable=False, server_default=text("0")),
    Column("error_rate", Float, nullable=False, server_default=text("0")),
    Column("retries", Integer, nullable=False, server_default=text("0")),
    Column("timings", Document, nullable=False),  # stage -> seconds
    Column("mirrors", Document, nullable=False),  # mirror -> {created, updated, deleted, failed, calls}
    Column("checksum", Text),
    Column("observed_at", UtcDateTime),  # when the change was first seen
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("error", Text),
    Index("ix_sync_runs_customer_started_at", "customer", "started_at"),
)

# How often each customer's sheet is looked at by the live system, and why so; written when that changes.
watching = Table(
    "watching",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("interval_seconds", Float),  # between two looks
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("changed_at", UtcDateTime),  # since when
    Column("looked_at", UtcDateTime),  # the last look that succeeded, at most once a minute
    Column("failures", Integer, nullable=False, server_default=text("0")),  # looks or runs in a row that failed
    Column("retry_at", UtcDateTime),  # no run is asked for before
    Column("triggered_at", UtcDateTime),  # somebody asked for a cycle
)

# How long changes took: one line for the rows that one transaction stored, or one request mirrored.
freshness = Table(
    "freshness",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("target", Text, nullable=False),  # store, crm, airtable
    Column("run_id", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),  # when they stood there
    Column("rows", Integer, nullable=False),
    Column("seconds", Float, nullable=False),  # since the change was first seen
    Column("made_seconds", Float),  # since it was made, where the source tells
    Index("ix_freshness_customer_at", "customer", "at"),
    Index("ix_freshness_at", "at"),  # adding up and dropping, of all customers
)

# The same, added up by the minute: counts of rows in buckets of time, which can be added over hours and weeks.
freshness_minutes = Table(
    "freshness_minutes",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("minute_at", UtcDateTime, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("buckets", Document, nullable=False),  # bucket -> rows, by seconds since the change was first seen
    Column("made_buckets", Document, nullable=False),  # the same since the change was made
    Column("worst_seconds", Float, nullable=False),
    Index("ix_freshness_minutes_minute_at", "minute_at"),
)

migration_log = Table(
    "migration_log",
    metadata,
    _id(),
    Column("customer", Text, nullable=False),
    Column("migration_id", Text, nullable=False),  # one `leads migrate`; also the run_id of what it wrote
    Column("path", Text, nullable=False),
    Column("checksum", Text),  # of the file's bytes
    Column("status", Text, nullable=False),  # running, done, failed, rolled_back
    Column("position", Integer, nullable=False, server_default=text("0")),  # records of the file taken in so far
    Column("summary", Document, nullable=False),
    Column("backup", Text),  # name of the backup made before the first write
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_migration_log_customer_migration_id", "customer", "migration_id"),
)

# Numbers with a name: the last surrogate key, and where each customer's mirrors are.
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", RowId, nullable=False),
)

# What was answered to requests that carry an Idempotency-Key; gone after a day.
api_answers = Table(
    "api_answers",
    metadata,
    Column("key", Text, primary_key=True),  # a digest of the key and whose it is
    Column("fingerprint", Text, nullable=False),  # of the request
    Column("status", Integer),  # of the answer; none while it is worked at
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Index("ix_api_answers_begun_at", "begun_at"),
)
