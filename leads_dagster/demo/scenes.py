"""The scenes, in their order: what somebody does, what is said of it, and how it is known that it was seen.

What belongs here: the day's story. Each scene does one thing and gives a question, which is put until it is answered
by the page of the dashboard that shows the effect. When and how often is `playing`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leads_dagster.demo import team
from leads_dagster.demo.stage import Stage
from leads_dagster.errors import ContentError

Look = Callable[[], "str | None"]
_CLARA, _DARIO, _KIRA, _QUENTIN = 2, 77, 10, 53
_CAPTURED = range(400, 460)
_DELETED = range(100, 220)


@dataclass(frozen=True)
class Scene:
    """One thing that happens.

    Attributes:
        name: one word, for programs.
        says: what is done.
        shows: what there is to see.
        play: does it; gives a look, which says on which page it is to be seen, None while it is not.
    """

    name: str
    says: str
    shows: str
    play: Callable[[Stage], Look]


def _load(stage: Stage) -> Look:
    def look() -> str | None:
        loaded = stage.client.sync_status().leads >= team.ROWS and len(stage.records()) >= team.ROWS
        return "/" if loaded else None

    return look


def _correct(stage: Stage) -> Look:
    stage.type_cell(team.row_of(_KIRA), "Title", team.MEANT)
    return _lead_where(stage, _email(_KIRA), lambda lead: lead["title"] == team.MEANT)


def _add(stage: Stage) -> Look:
    email = "ingrid@solheim.example"
    new = {"Name": "Ingrid Solheim", "Email": email, "Company": "Solheim Bakeries", "Title": "Founder"}
    stage.add_rows({**new, "City": "Bergen", "Status": "New", "Notes": "Called us"})
    return _lead_where(stage, email, lambda lead: True)


def _qualify(stage: Stage) -> Look:
    stage.edit_record(team.BEN, _email(_DARIO), Status="Proposal", Notes="Wants an offer by Friday")
    return _lead_where(stage, _email(_DARIO), lambda lead: lead["status"] == "Proposal")


def _merge(stage: Stage) -> Look:
    same = {"Name": "Clara M. Castellano", "Email": _email(_CLARA), "Company": "Kestrel Analytics plc"}
    stage.add_rows({**same, "Title": "Head of Data", "City": "London", "Status": "Contacted"})
    return _lead_where(stage, _email(_CLARA), lambda lead: bool(lead["matches"]))


def _spoil(stage: Stage) -> Look:
    stage.add_rows(
        {"Email": "jana(at)mistral.example", "Title": "Buyer", "City": "Lyon", "Notes": "Badge was hard to read"},
        {"Title": "Plant Manager", "City": "Porto", "Notes": "Ask Ana who this was"},
    )
    return lambda: "/inboxes/quarantine" if len(stage.get("/quarantine")) == 2 else None


def _mend(stage: Stage) -> Look:
    row = stage.row_with("jana(at)mistral.example")
    stage.type_cell(row, "Name", "Jana Horvat")
    stage.type_cell(row, "Email", "jana@mistral.example")
    return _lead_where(stage, "jana@mistral.example", lambda lead: len(stage.get("/quarantine")) == 1)


def _contradict(stage: Stage) -> Look:
    stage.edit_record(team.CHLOE, _email(_QUENTIN), Title="Managing Director")
    stage.type_cell(team.row_of(_QUENTIN), "Title", "Purchasing Director")
    return lambda: "/inboxes/conflicts" if stage.get("/conflicts") else None


def _resemble(stage: Stage) -> Look:
    shared = {"Email": "nora.l@fjordkayaks.example", "Company": "Fjord Kayaks", "City": "Bergen", "Status": "New"}
    stage.add_rows(
        {**shared, "Name": "Nora Lindqvist", "Title": "Founder"}, {**shared, "Name": "Erik Holm", "Title": "Buyer"}
    )
    return lambda: "/inboxes/reviews" if stage.get("/reviews") else None


def _capture(stage: Stage) -> Look:
    before = stage.get("/queue")["recorded"]
    stage.client.capture_many([_form(team.lead(number)) for number in _CAPTURED], key="demo-web-form")
    return lambda: "/queue" if stage.get("/queue")["recorded"] >= before + len(_CAPTURED) else None


def _undo(stage: Stage) -> Look:
    leads = stage.leads_with(_email(_CLARA))
    if len(leads) != 1:
        raise ContentError("The merge that this scene takes back is not there; perhaps you took it back yourself.")
    reason = "Clara and her assistant share a mailbox"
    stage.post("/undo/merge", {"leadId": leads[0]["id"], "who": "Ana", "reason": reason})
    return lambda: "/decisions" if len(stage.leads_with(_email(_CLARA))) == 2 else None


def _empty(stage: Stage) -> Look:
    stage.delete_rows([team.row_of(number) for number in _DELETED])

    def look() -> str | None:
        return next((f"/inboxes/holds/{hold['id']}" for hold in stage.get("/holds")), None)

    return look


def _lead_where(stage: Stage, email: str, holds: Callable[[Mapping[str, Any]], bool]) -> Look:
    """Looks for a lead by its address until something holds of it."""
    return lambda: next((f"/leads/{lead['id']}" for lead in stage.leads_with(email) if holds(lead)), None)


def _email(number: int) -> str:
    return team.lead(number)[team.HEADER.index("Email")]


def _form(cells: list[str]) -> dict[str, str]:
    """What a form on the team's web site sends."""
    filled = dict(zip(team.HEADER, cells, strict=True))
    return {**{name: filled[name] for name in ("Name", "Email", "Company", "Title")}, "source": "web form"}


SCENES = (
    Scene(
        "load",
        f"The team's sheet of {team.ROWS} rows is read, and written to the lead database, the CRM and Airtable.",
        "One sentence says whether everything is in step; below it stands the team, as the customer “sales”.",
        _load,
    ),
    Scene(
        "edit",
        f"Ana corrects a typo in row {team.row_of(_KIRA)} of the sheet: “{team.TYPO}”.",
        "Fields: who says the title, since when, in which row.",
        _correct,
    ),
    Scene(
        "add",
        "Ana types a new row into the sheet: Ingrid Solheim called.",
        "The new lead, with the first line of its history.",
        _add,
    ),
    Scene(
        "airtable",
        f"Ben moves {team.lead(_DARIO)[0]} to “Proposal” in Airtable, and adds a note.",
        "Status and notes come from Airtable now, the rest from the sheet.",
        _qualify,
    ),
    Scene(
        "merge",
        "Somebody types Clara Castellano again, with another title and a middle initial.",
        "Why these rows are one, both side by side, with a button to take it back.",
        _merge,
    ),
    Scene(
        "quarantine",
        "Two rows come from a fair: one has a broken e-mail and no name, the other nobody at all.",
        "What is wrong in which cell, and what would mend it.",
        _spoil,
    ),
    Scene(
        "mend",
        "Ana finds the badge, and types name and e-mail into the first of them.",
        "The row left the quarantine by itself, and is a lead.",
        _mend,
    ),
    Scene(
        "conflict",
        f"Chloe in Airtable and Ana in the sheet give {team.lead(_QUENTIN)[0]} a title, at the same moment.",
        "Both values, and who said which. One holds until somebody decides, which may be you.",
        _contradict,
    ),
    Scene(
        "review",
        "Nora and Erik are typed, with one personal e-mail: one person, or two? Nobody is merged on that alone.",
        "Both side by side, and what speaks for it.",
        _resemble,
    ),
    Scene(
        "captures",
        f"The web site sends {len(_CAPTURED)} filled forms at once.",
        "All of them are recorded, each once.",
        _capture,
    ),
    Scene(
        "undo",
        "Ana takes the merge back: that was Clara's assistant.",
        "Who took back what, and why. That can be taken back, too.",
        _undo,
    ),
    Scene(
        "hold",
        f"Somebody filters the sheet and deletes {len(_DELETED)} rows of it by mistake.",
        "Nothing is removed until somebody agrees.",
        _empty,
    ),
)
