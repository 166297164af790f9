"""The offline twin of Airtable and Google, served over real HTTP; imported by tests and the command line only.

One port serves all:

* Airtable's Web API under `/v0`: records, schema, comments, webhooks, whoami. Any key is good, none is refused.
* Google under its own paths: `/spreadsheets/d/ID/export`, `/spreadsheets/d/e/2PACX-ID/pub`, `/v4/spreadsheets/ID…`,
  `/drive/v3/files/ID…`, and `/token` for a service account's key. Every CSV file of the folder is a spreadsheet.
* `/files/NAME.csv`: the files as they are, with ETag and Last-Modified.
* `/sandbox/…`: the twin's own requests, see `admin`.

What a bases file may hold is told in `bases_file`, the folder's optional `sheets.json` in `google_folder`, faults in
`faults`. Not here: attachments' content, interfaces, automations, enterprise requests, Sheets formulas and formats,
and the five minutes by which a published sheet may be old.
"""

from __future__ import annotations

from leads_dagster.sandbox.server import Sandbox, serve

__all__ = ["Sandbox", "serve"]
