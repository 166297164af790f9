"""What is set for one customer, the keys that set it, and how a command finds the customer it is for.

What belongs here: the frozen values, the table of keys, the choice between customers. How leads.toml is read and
checked is `leads_toml`; what holds for all customers is `settings`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from leads_dagster.errors import SettingsError
from leads_dagster.leads.criteria import Criteria
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.leads.survivorship_rules import OWNERS, RULES, SOURCE_KINDS, Survivorship

DEFAULT_CUSTOMER = "default"

DeletePolicy = Literal["archive", "keep", "delete"]
AirtablePlan = Literal["free", "team", "business", "enterprise"]
DateOrder = Literal["dmy", "mdy"]
KeyKind = Literal["text", "number", "integer", "flag", "choice", "texts", "cron"]

REQUIRED = object()

# API calls a month, per workspace; None where the plan sets no limit. Sources, November 2026: airtable.com/pricing,
# support.airtable.com/docs/managing-api-call-limits-in-airtable.
PLAN_CALLS_A_MONTH: Mapping[AirtablePlan, int | None] = {
    "free": 1_000,
    "team": 100_000,
    "business": None,
    "enterprise": None,
}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_GOOGLE_HOSTS = ("docs.google.com/", "drive.google.com/", "spreadsheets.google.com/")
_SHEET_SUFFIXES = (".csv", ".tsv", ".txt", ".tab")


@dataclass(frozen=True)
class AirtableSettings:
    """The Airtable table of one customer.

    Attributes:
        base_id: "app…".
        table: its name or id.
        plan: sets the monthly call budget.
        monthly_calls: the same as a number, where it is not the plan's.
        workspace: any name; bases of one name share one month's calls. None: the base has a month of its own.
        write_share: share (0 to 1) of the month's calls left that is not spent on looking for edits.
        create_fields: whether missing fields may be added to the table.
        attention: whether a field "Needs attention" says what waits for a person, lead by lead.
        fixing_table: name or id of the table, in the same base, that shows the rows in quarantine; None: none does.
        create_options: whether options missing in a single select field may be added.
        fields: lead field (or "lead_key") -> name or id of the Airtable field, where it differs from the default; ""
            leaves it out.
        debounce_seconds: how long a cell must be left alone before its edit is taken in.
        sweep_seconds: how often all records are compared, beside what the webhook tells.
    """

    base_id: str
    table: str
    plan: AirtablePlan = "team"
    monthly_calls: int | None = None
    workspace: str | None = None
    write_share: float = 0.05
    create_fields: bool = True
    attention: bool = False
    fixing_table: str | None = None
    create_options: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    debounce_seconds: float = 2.0
    sweep_seconds: float = 3600.0

    @property
    def calls_a_month(self) -> int | None:
        """What may be called in a month; None for no limit."""
        return PLAN_CALLS_A_MONTH[self.plan] if self.monthly_calls is None else self.monthly_calls


@dataclass(frozen=True)
class CrmSettings:
    """Where a customer's leads stand in the CRM database.

    Attributes:
        table: name of the table.
        columns: lead field -> column, where it differs from the default.
    """

    table: str = "leads_lead"
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduleSettings:
    """When a customer's stores are compared as a whole, by cron expressions in UTC; "" for never.

    Attributes:
        reconcile: the sheet, the lead database and the CRM; None: hourly, at a minute of the customer's own.
        audit: Airtable; None: when the last time is `airtable.sweep_seconds` ago.
    """

    reconcile: str | None = None
    audit: str | None = None


FormKind = Literal["typeform", "tally", "hubspot", "json"]


@dataclass(frozen=True)
class FormSettings:
    """A web form, or another service, that posts leads here: `[customers.forms.NAME]`.

    Attributes:
        name: in leads.toml, and in the address that it posts to.
        kind: whose webhooks they are.
        secret_env: the variable that has the secret they are signed with; None: they are not.
        source: what its captures say of their source; None: what they say themselves, else the name.
        fields: field of a lead -> question or dotted path.
        records, key, captured_at: dotted paths, of "json" only.
        signature_header: of "json" only.
        url: as HubSpot calls it; None: as the request says.
    """

    name: str
    kind: FormKind
    secret_env: str | None = None
    source: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    records: str | None = None
    key: str | None = None
    captured_at: str | None = None
    signature_header: str = "X-Signature"
    url: str | None = None


@dataclass(frozen=True)
class CustomerSettings:
    """One customer: one sheet, one Airtable table, own policy; a Dagster partition.

    Attributes:
        name: also the partition key.
        sheet: Google Sheets link or id, CSV URL, or absolute path.
        interval_seconds: how often the live system looks for edits, at least 1.
        idle_interval_seconds: how seldom it may while nobody edits; None for no other than `interval_seconds`.
        delete_policy: what becomes of a lead whose last row is gone.
        airtable: None where the customer has no Airtable; the mirror then says so and passes.
        columns: lead field -> header of the sheet; wins over the known headers.
        phone_region: ISO 3166 region of phones without a country code.
        date_order: how 03/04/2026 is read; None leaves such dates alone, flagged.
        guard_share: share of the leads (0 to 1) that one cycle may remove, blank or change.
        guard_minimum: number of leads below which the guard never holds.
        match_threshold: name and company scores above it are one person.
        review_threshold: scores from here to `match_threshold` go to review.
        crm: table and columns of the CRM database.
        survivorship: which of several values of a field wins.
        schedules: when its stores are compared as a whole.
        capture: what is taken from the capture queue.
        forms: name -> a web form that posts leads.
    """

    name: str
    sheet: str
    interval_seconds: float = 1.0
    idle_interval_seconds: float | None = None
    delete_policy: DeletePolicy = "archive"
    airtable: AirtableSettings | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    phone_region: str = "US"
    date_order: DateOrder | None = None
    guard_share: float = 0.30
    guard_minimum: int = 25
    match_threshold: float = 0.85
    review_threshold: float = 0.75
    crm: CrmSettings = field(default_factory=CrmSettings)
    survivorship: Survivorship = field(default_factory=Survivorship)
    schedules: ScheduleSettings = field(default_factory=ScheduleSettings)
    capture: Criteria = field(default_factory=Criteria)
    forms: Mapping[str, FormSettings] = field(default_factory=dict)

    def with_sheet(self, sheet: str, *, folder: Path) -> CustomerSettings:
        """The same customer reading another sheet; a relative path counts from `folder`."""
        return replace(self, sheet=resolve_sheet(sheet, folder=folder))


@dataclass(frozen=True)
class Key:
    """One key of a customer in leads.toml.

    Attributes:
        section: "" for `[[customers]]` itself, else the table below it ("airtable" is `[customers.airtable]`).
        name: as it is written in the file.
        kind: the type of its value.
        default: used where the key is absent; `REQUIRED` where it may not be.
        help: one sentence for docs/configuration.md.
        attribute: its name in `CustomerSettings` or the table's own class; "" where it is `name`.
        choices: the values of a "choice", or of each of "texts", which may also be one text.
        least: smallest number allowed.
        most: largest number allowed.
    """

    section: str
    name: str
    kind: KeyKind
    default: object
    help: str
    attribute: str = ""
    choices: tuple[str, ...] = ()
    least: float = float("-inf")
    most: float = float("inf")


KEYS: tuple[Key, ...] = (
    Key("", "name", "text", REQUIRED, "Name of the customer, also its partition key: letters, digits, `.`, `-`, `_`."),
    Key("", "sheet", "text", REQUIRED, "Google Sheets link or id, any CSV URL, or a path (counted from leads.toml)."),
    Key("", "interval_seconds", "number", 1.0, "How often the live system looks for edits.", least=1),
    Key(
        "", "idle_interval_seconds", "number", None,
        "How seldom it may look once nobody has edited for a while, to save calls; the first edit after that is found "
        "so much later. Without it: as often as ever.",
        least=1,
    ),
    Key(
        "", "delete_policy", "choice", "archive", "What becomes of a lead whose last row is gone from the sheet.",
        choices=("archive", "keep", "delete"),
    ),
    Key("", "phone_region", "text", "US", "Country (two letters) of phone numbers that are written without one."),
    Key(
        "", "date_order", "choice", None, "How 03/04/2026 is read; without it such dates stay as they are, flagged.",
        choices=("dmy", "mdy"),
    ),
    Key("airtable", "base_id", "text", REQUIRED, "The base, `app…`, from the address bar of Airtable."),
    Key("airtable", "table", "text", REQUIRED, "Name or id of the table; no two customers may share one."),
    Key(
        "airtable", "plan", "choice", "team", "Airtable plan; sets the monthly call budget.",
        choices=("free", "team", "business", "enterprise"),
    ),
    Key(
        "airtable", "monthly_calls", "integer", None, "API calls a month, where other programs use the plan's, too.",
        least=1,
    ),
    Key(
        "airtable", "workspace", "text", None,
        "Any name for the base's Airtable workspace: bases of one name share one month's calls. Without it a base has "
        "the plan's calls for itself.",
    ),
    Key(
        "airtable", "write_share", "number", 0.05,
        "Share of the month's calls left that is kept for writing; more is kept where more is written.",
        least=0, most=0.9,
    ),
    Key("airtable", "create_fields", "flag", True, "Whether fields missing in the table may be created."),
    Key(
        "airtable", "create_options", "flag", False,
        "Whether options missing in a single select field may be created; without it such a value is left out, and "
        "said.",
    ),
    Key(
        "airtable", "debounce_seconds", "number", 2.0,
        "How long a cell must be left alone before its edit is taken in; Airtable saves while people type.", least=0,
    ),
    Key(
        "airtable", "sweep_seconds", "number", 3600.0,
        "How often all records are compared, to find what the webhook did not tell.", least=60,
    ),
    Key(
        "airtable", "attention", "flag", False,
        "Whether a field `Needs attention` of the table says, lead by lead, what waits for a person.",
    ),
    Key(
        "airtable", "fixing_table", "text", None,
        'A table of the same base that shows the rows in quarantine, such as `"Leads: needs fixing"`; made where it is '
        "missing. Without it none is.",
    ),
    Key(
        "guard", "share", "number", 0.30, "Share of the leads that one cycle may remove, blank or change unasked.",
        attribute="guard_share", least=0, most=1,
    ),
    Key(
        "guard", "minimum", "integer", 25, "Number of leads below which the guard holds nothing.",
        attribute="guard_minimum", least=0,
    ),
    Key(
        "matching", "match", "number", 0.85, "Name and company scores above it are the same person.",
        attribute="match_threshold", least=0, most=1,
    ),
    Key(
        "matching", "review", "number", 0.75, "Scores from here up to `match` wait for a person.",
        attribute="review_threshold", least=0, most=1,
    ),
    Key(
        "survivorship", "default", "texts", "newest", "Which value of a field wins, where several records name one.",
        choices=RULES,
    ),
    Key(
        "survivorship", "trusted_sources", "texts", None,
        "For the rule `trusted`: sources, the most trusted first. Kinds of sources "
        f"({', '.join(f'`{kind}`' for kind in SOURCE_KINDS)}) or addresses as `leads history` shows them, with `*` for "
        "any letters (`file:*/leads.csv`); a source that is not named comes last.",
    ),
    Key(
        "owner", "default", "choice", "latest",
        "Whose word on a field counts, however old: the sheet's, Airtable's, or the latest of them.",
        attribute="default_owner", choices=OWNERS,
    ),
    Key("crm", "table", "text", "leads_lead", "Table of the CRM database that holds the leads."),
    Key("capture", "enabled", "flag", True, "Whether captures are processed; without it they stay in the queue."),
    Key(
        "capture", "allowed_sources", "texts", (),
        "Values of `source` that a capture may have, whatever their case. Without it any, or none.",
    ),
    Key(
        "capture", "min_confidence", "number", 0.85,
        "A capture that says less is rejected; one that says nothing passes.", least=0, most=1,
    ),
    Key("capture", "required", "texts", (), "Fields of a lead that a capture must have.", choices=tuple(LEAD_FIELDS)),
    Key(
        "capture", "blocked_domains", "texts", (),
        "Domains of e-mail addresses, and those below them, whose captures are rejected.",
    ),
    Key(
        "schedules", "reconcile", "cron", None,
        "When sheet, lead database and CRM are compared as a whole: a cron expression in UTC such as `0 3 * * *`, or "
        '`""` for never. Without it hourly, at a minute that the customer\'s name decides.',
    ),
    Key(
        "schedules", "audit", "cron", None,
        "When all records in Airtable are compared, likewise. Without it when `airtable.sweep_seconds` have passed "
        "since the last time.",
    ),
)  # fmt: skip

# The keys of each `[customers.forms.NAME]`.
FORMS = "forms"
FORM_KEYS: tuple[Key, ...] = (
    Key(
        "forms.NAME", "kind", "choice", REQUIRED, "Whose webhooks they are; `json` is every other sender of JSON.",
        choices=("typeform", "tally", "hubspot", "json"),
    ),
    Key(
        "forms.NAME", "secret_env", "text", None,
        "Name of the variable that holds the secret they are signed with. Without it they are not signed, and "
        "the sender must sign in as every other user of the API.",
    ),
    Key("forms.NAME", "source", "text", None, "The `source` of its captures. Without it their own, else the name."),
    Key("forms.NAME", "records", "text", None, "`json`: dotted path to the list of records. Without it the body."),
    Key("forms.NAME", "key", "text", None, "`json`: dotted path, in a record, to what the sender knows it by."),
    Key("forms.NAME", "captured_at", "text", None, "`json`: dotted path, in a record, to when it was captured."),
    Key(
        "forms.NAME", "signature_header", "text", "X-Signature",
        "`json`: header with the HMAC-SHA256 of the body, in hex or base64.",
    ),
    Key(
        "forms.NAME", "url", "text", None,
        "`hubspot`: the address as it was given to HubSpot, which signs it. Without it the one of the request; behind "
        "a proxy that may be another.",
    ),
)  # fmt: skip
FORM_FIELDS_HELP = (
    "Field of a lead = where it is said: for `json` a dotted path (`contact.emails.0.value`), and only what stands "
    "here is taken; else a question's title, `ref` or key, where the question alone does not say what it asks for."
)

# What may stand on the left of `[customers.columns]` beside the fields of a lead: parts of one, and the sheet's own id.
COLUMN_PARTS = (
    "first_name", "middle_name", "last_name", "name_prefix", "name_suffix",
    "street", "city", "region", "postal_code", "country", "row_id",
)  # fmt: skip

# Tables of free text: path -> (what may stand on the left, or None for anything; what it is for).
MAPPINGS: dict[str, tuple[tuple[str, ...] | None, str]] = {
    "columns": ((*LEAD_FIELDS, *COLUMN_PARTS), "Field of a lead = header of the sheet; wins over the known headers."),
    "airtable.fields": (
        (*LEAD_FIELDS, "lead_key"),
        'Field of a lead = name or id of the Airtable field; `""` leaves the field out.',
    ),
    "crm.columns": (None, "Field of a lead = column of the CRM's table."),
}

# Tables whose keys are the fields of a lead, beside those that `KEYS` names: section -> what a line of them sets.
BY_FIELD: Mapping[str, str] = {
    "owner": 'Field of a lead = its owner, in place of `default`: `status = "airtable"`. A change by the other side is '
    "then a conflict that the owner wins; `leads conflicts` shows it, and `leads override` stands above both.",
    "survivorship": 'Field of a lead = its own rules, in place of `default`: `title = "longest"`, or in order '
    '`phone = ["trusted", "newest"]`. What each rule means is in [the lead store](store.md#which-value-wins).',
}


def resolve_sheet(sheet: str, *, folder: Path) -> str:
    """`sheet` as given where it is a link or an id; a path becomes absolute, counted from `folder`."""
    text = sheet.strip()
    path = folder / os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser fails for a user that is not there
    return str(path.absolute()) if _is_path(text, path) else text


def _is_path(text: str, path: Path) -> bool:
    """Whether something of that name lies there, or the text can hardly mean anything but a file."""
    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a long link
        return True
    if _SCHEME.match(text) or text.startswith(_GOOGLE_HOSTS):
        return False
    return text.startswith("~") or "/" in text or Path(text).suffix.lower() in _SHEET_SUFFIXES


def sample_sheet() -> Path:
    """The invented sheet that comes with the package."""
    from importlib.resources import files

    return Path(str(files("leads_dagster") / "samples" / "leads.csv"))


def default_customer() -> CustomerSettings:
    """The one customer there is without a leads.toml: the packaged sample, no Airtable."""
    return CustomerSettings(name=DEFAULT_CUSTOMER, sheet=str(sample_sheet()))


def choose_customer(customers: Sequence[CustomerSettings], name: str | None) -> CustomerSettings:
    """The customer a command is for: the named one, else the only one, else `default`.

    Raises:
        SettingsError: there is none of that name, or several and none was named.
    """
    by_name = {customer.name: customer for customer in customers}
    if name is not None:
        return by_name[name] if name in by_name else _unknown_customer(name, tuple(by_name))
    if len(customers) == 1:
        return customers[0]
    if DEFAULT_CUSTOMER in by_name:
        return by_name[DEFAULT_CUSTOMER]
    raise SettingsError(
        f"There are {len(customers)} customers and none was named.",
        advice=f"Say which with --customer: {', '.join(by_name)}.",
    )


def _unknown_customer(name: str, known: tuple[str, ...]) -> CustomerSettings:
    raise SettingsError(f"There is no customer '{name}'.", advice=f"leads.toml names {', '.join(known)}.")
