"""What a scene does things with, and sees them by: sheet and Airtable as people type, the API as the dashboard reads.

What belongs here: hands and eyes. What is done with them is `scenes`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from leads_dagster.client import LeadsClient
from leads_dagster.demo.team import BASE, HEADER, SHEET, TABLE
from leads_dagster.errors import ContentError, ServiceUnavailableError
from leads_dagster.sandbox import Sandbox

_SECONDS = 30.0


class Stage:
    """The twin and the API of the live system.

    Args:
        twin: serving, with the team's sheet and base.
        url: of the API and the dashboard.
    """

    def __init__(self, twin: Sandbox, url: str) -> None:
        self._twin = twin
        self.client = LeadsClient(url, timeout=_SECONDS)
        self._http = httpx.Client(base_url=f"{url}/api/leads", timeout=_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self._http.close()

    def type_cell(self, row: int, column: str, text: str) -> None:
        """Somebody types into a cell of the sheet; rows as the screen counts them."""
        self._twin.sheets.edit(SHEET, f"{'ABCDEFGH'[HEADER.index(column)]}{row}", [[text]])

    def add_rows(self, *rows: Mapping[str, str]) -> None:
        """Somebody types rows below the last one, by column."""
        self._twin.sheets.append(SHEET, [[row.get(column, "") for column in HEADER] for row in rows])

    def delete_rows(self, rows: Sequence[int]) -> None:
        """Somebody deletes rows of the sheet."""
        self._twin.sheets.delete_rows(SHEET, list(rows))

    def row_with(self, text: str) -> int:
        """The row of the sheet that has a cell with just this text.

        Raises:
            ContentError: there is none, since somebody else has edited it.
        """
        for number, row in enumerate(self._twin.sheets.rows(SHEET), 1):
            if text in row:
                return number
        raise ContentError("A row that this scene needs is not in the sheet any more.")

    def edit_record(self, who: str, email: str, **cells: str) -> None:
        """Somebody changes cells of a record in Airtable.

        Raises:
            ContentError: there is no such record.
        """
        for record in self.records():
            if record["fields"].get("Email") == email:
                edit = {"id": record["id"], "fields": cells}
                self._twin.airtable.acting(user_id=who).update(BASE, TABLE, [edit])
                return
        raise ContentError("A record that this scene needs is not in Airtable.")

    def records(self) -> list[dict[str, Any]]:
        """The records of Airtable."""
        return self._twin.airtable.records(BASE, TABLE)

    def leads_with(self, email: str) -> list[Mapping[str, Any]]:
        """The active leads with this address, whole."""
        return [self.client.lead(found["id"]) for found in self.client.leads(email=[email]).leads]

    def get(self, path: str) -> Any:
        """What the API says at a path below /api/leads."""
        return self._asked("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the API answers."""
        return self._asked("POST", path, json=dict(body))

    def _asked(self, method: str, path: str, **sent: Any) -> Any:
        try:
            answer = self._http.request(method, path, **sent)
        except httpx.TransportError as error:
            raise ServiceUnavailableError("The API does not answer.") from error
        if answer.is_error:
            raise ContentError(f"The API answered {answer.status_code} to {method} {path}.")
        return answer.json()
