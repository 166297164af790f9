"""docs/configuration.md, written from the tables of settings and keys.

`python -m leads_dagster.interfaces.configuration_page` writes it; with `--check` it only says whether it is current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from leads_dagster.customers import (
    BY_FIELD,
    COLUMN_PARTS,
    FORM_FIELDS_HELP,
    FORM_KEYS,
    KEYS,
    MAPPINGS,
    REQUIRED,
    Key,
)
from leads_dagster.leads.fields import LEAD_FIELDS
from leads_dagster.settings_table import SETTINGS, Setting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

_INTRODUCTION = """\
<!-- Written by `make docs` from leads_dagster/settings.py and leads_dagster/customers.py; edit those. -->
# Configuration

Nothing has to be set: without any setting there is one customer, `default`, whose sheet is the packaged sample, and
everything runs on files under `.leads`. Whatever is wrong is said before anything starts, every fault at once, with
the line and the name that was probably meant (exit code 2). `leads doctor` checks that what is set also works.

## Environment

What holds for the whole process. Relative paths count from the folder a command is started in; `$LEADS_HOME` in a
default is the state folder. An empty variable counts as not set.
"""

_FILE = """\
## leads.toml

The customers: the file that `LEADS_CONFIG` names, else `$LEADS_HOME/leads.toml`. Each `[[customers]]` is one sheet,
one Airtable table at most, and its own policy. Where it names several, a command is told which with `--customer`.
Secrets do not belong in it.

```toml
[[customers]]
name = "acme"
sheet = "https://docs.google.com/spreadsheets/d/…/edit#gid=0"

[customers.airtable]
base_id = "app…"
table = "Leads"
plan = "team"

[customers.columns]
full_name = "Contact (as on badge)"
```
"""

_FORMS = """\
A web form, or another service, that posts leads into the capture queue, under a name of letters, digits, `-` and `_`:
[Web forms](capture.md#web-forms-and-webhooks)."""


def page() -> str:
    """The whole page."""
    lines = [_INTRODUCTION, *_settings_table(), "", _FILE]
    for section in dict.fromkeys(key.section for key in KEYS):
        lines += [f"### {_heading(section)}", "", *_key_table([key for key in KEYS if key.section == section]), ""]
        if section in BY_FIELD:
            lines += [BY_FIELD[section], "", *_left_of_equals(LEAD_FIELDS)]
    for path, (known, help_text) in MAPPINGS.items():
        lines += [f"### {_heading(path)}", "", help_text, ""]
        if known is not None:
            lines += _left_of_equals(known)
    lines += [f"### {_heading(FORM_KEYS[0].section)}", "", _FORMS, "", *_key_table(list(FORM_KEYS)), ""]
    lines += [f"### {_heading(FORM_KEYS[0].section + '.fields')}", "", FORM_FIELDS_HELP, ""]
    lines += _left_of_equals((*LEAD_FIELDS, *COLUMN_PARTS))
    return "\n".join(lines).rstrip() + "\n"


def _left_of_equals(names: Iterable[str]) -> list[str]:
    return ["Left of the equals sign: " + ", ".join(f"`{name}`" for name in names) + ".", ""]


def _settings_table() -> Iterator[str]:
    yield "| variable | default | what it sets |"
    yield "|---|---|---|"
    for setting in SETTINGS:
        yield f"| `{setting.env}` | {_code(setting.default)} | {_sentence(setting)} |"


def _sentence(setting: Setting) -> str:
    return f"{setting.help} Never shown or logged." if setting.secret else setting.help


def _key_table(keys: list[Key]) -> Iterator[str]:
    yield "| key | default | what it sets |"
    yield "|---|---|---|"
    for key in keys:
        yield f"| `{key.name}` | {_default(key)} | {key.help}{_limits(key)} |"


def _heading(section: str) -> str:
    return f"`[customers.{section}]`" if section else "`[[customers]]`"


def _default(key: Key) -> str:
    if key.default is REQUIRED:
        return "required"
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return _code(f"{key.default:g}" if isinstance(key.default, float) else key.default)


def _limits(key: Key) -> str:
    if key.choices:
        several = ", or a list of them in order" if key.kind == "texts" else ""
        return " One of " + ", ".join(f"`{choice}`" for choice in key.choices) + several + "."
    if key.most != float("inf"):
        return f" From {key.least:g} to {key.most:g}."
    return f" At least {key.least:g}." if key.least != float("-inf") else ""


def _code(value: object) -> str:
    return "none" if value is None else f"`{value}`"


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it; 1 where it is not current."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    typer.echo(f"{PAGE} is not what the settings say; run make docs.", err=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
