"""The folder whose CSV files are the spreadsheets, looked at anew on each request so that a saved file shows at once.

`NAME.csv` is the spreadsheet with id `NAME` and gid 0; further files `NAME/*.csv` are further tabs of it (or, without
`NAME.csv`, all of them). An optional `sheets.json` beside them says more:

    {"spreadsheets": {"ID": {"title": "…", "refuse": "login" | 401 | 403 | 404,
                             "tabs": [{"file": "a.csv", "title": "…", "gid": 0, "rowCount": 1000, "columnCount": 26}]}}}
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from leads_dagster.sandbox.clock import iso_milliseconds
from leads_dagster.sandbox.google_grid import Grid, read_grid, width_of, write_csv
from leads_dagster.sandbox.http import JsonObject

DEFAULT_ROWS, DEFAULT_COLUMNS = 1000, 26
MANIFEST = "sheets.json"
Signature = tuple[int, int, int]


@dataclass
class Tab:
    """One CSV file; its cells and its export are kept until the file changes."""

    path: Path
    title: str
    gid: int
    minimum_rows: int = DEFAULT_ROWS
    minimum_columns: int = DEFAULT_COLUMNS
    _seen: Signature | None = None
    _grid: Grid = field(default_factory=list)
    _export: bytes | None = None

    def signature(self) -> Signature:
        stat = self.path.stat()
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def grid(self) -> Grid:
        signature = self.signature()
        if signature != self._seen:
            self._grid, self._export, self._seen = read_grid(self.path.read_bytes()), None, signature
        return self._grid

    def export(self) -> bytes:
        grid = self.grid()
        if self._export is None:
            self._export = write_csv(grid)
        return self._export

    def rows(self) -> int:
        return max(self.minimum_rows, len(self.grid()))

    def columns(self) -> int:
        return max(self.minimum_columns, width_of(self.grid()))

    def replace(self, grid: Grid) -> None:
        """Write the cells to the file, all or nothing."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(write_csv(grid))
        Path(name).replace(self.path)


@dataclass
class Spreadsheet:
    """`refuse`: None, "login", or the status with which it refuses everybody."""

    id: str
    title: str
    tabs: list[Tab]
    refuse: Any = None

    def tab(self, title: str) -> Tab | None:
        return next((tab for tab in self.tabs if tab.title == title), None)

    def tab_by_gid(self, gid: int) -> Tab | None:
        return next((tab for tab in self.tabs if tab.gid == gid), None)

    def signature(self) -> tuple[Signature, ...]:
        return tuple(tab.signature() for tab in self.tabs)

    def modified_time(self) -> str:
        newest = max((tab.signature()[0] for tab in self.tabs), default=0)
        return iso_milliseconds(datetime.fromtimestamp(newest / 1e9, timezone.utc))


class SheetFolder:
    """Finds spreadsheets by id or title. `folder` of None holds none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.refusals: dict[str, Any] = {}
        self.titles: dict[tuple[str, int], str] = {}
        self._tabs: dict[Path, Tab] = {}
        self._versions: dict[str, tuple[tuple[Signature, ...], int]] = {}

    def ids(self) -> list[str]:
        if self.folder is None or not self.folder.is_dir():
            return []
        found = {path.stem for path in self.folder.glob("*.csv")}
        found |= {path.name for path in self.folder.iterdir() if path.is_dir() and any(path.glob("*.csv"))}
        return sorted(found | set(self._manifest()))

    def find(self, name: str) -> Spreadsheet | None:
        """The spreadsheet with that id, else the first with that title."""
        if self.folder is None or not name or "/" in name or "\\" in name or name.startswith("."):
            return None
        return self._by_id(name) or self._by_title(name)

    def _by_title(self, title: str) -> Spreadsheet | None:
        for each, given in self._manifest().items():
            if given.get("title") == title:
                return self._by_id(each)
        return None

    def _by_id(self, name: str) -> Spreadsheet | None:
        given = self._manifest().get(name, {})
        tabs = self._listed_tabs(given["tabs"]) if "tabs" in given else self._found_tabs(name)
        if not tabs:
            return None
        for tab in tabs:
            tab.title = self.titles.get((name, tab.gid), tab.title)
        return Spreadsheet(name, given.get("title", name), tabs, self.refusals.get(name, given.get("refuse")))

    def _manifest(self) -> dict[str, JsonObject]:
        path = self.folder / MANIFEST if self.folder else None
        if path is None or not path.is_file():
            return {}
        spreadsheets: dict[str, JsonObject] = json.loads(path.read_text(encoding="utf-8")).get("spreadsheets", {})
        return spreadsheets

    def _listed_tabs(self, given: list[JsonObject]) -> list[Tab]:
        assert self.folder is not None
        tabs = []
        for at, each in enumerate(given):
            path = self.folder / each["file"]
            if path.is_file():
                gid = each.get("gid", 0 if at == 0 else gid_of(path.stem))
                tab = self._tab(path, each.get("title", path.stem), gid)
                tab.minimum_rows = each.get("rowCount", DEFAULT_ROWS)
                tab.minimum_columns = each.get("columnCount", DEFAULT_COLUMNS)
                tabs.append(tab)
        return tabs

    def _found_tabs(self, name: str) -> list[Tab]:
        assert self.folder is not None
        paths = [self.folder / f"{name}.csv", *sorted((self.folder / name).glob("*.csv"))]
        present = [path for path in paths if path.is_file()]
        return [self._tab(path, path.stem, 0 if at == 0 else gid_of(path.stem)) for at, path in enumerate(present)]

    def _tab(self, path: Path, title: str, gid: int) -> Tab:
        tab = self._tabs.get(path)
        if tab is None:
            tab = self._tabs[path] = Tab(path, title, gid)
        tab.title, tab.gid = title, gid
        return tab

    def add_tab(self, spreadsheet: Spreadsheet, title: str) -> Tab:
        """A new, empty tab: a file in the spreadsheet's own folder."""
        assert self.folder is not None
        folder = self.folder / spreadsheet.id
        folder.mkdir(exist_ok=True)
        path = folder / f"{title.replace('/', '_')}.csv"
        path.write_bytes(b"")
        return self._tab(path, title, gid_of(path.stem))

    def version(self, spreadsheet: Spreadsheet) -> int:
        """A number that grows whenever a file of the spreadsheet changes."""
        signature = spreadsheet.signature()
        seen, version = self._versions.get(spreadsheet.id, ((), 0))
        if signature != seen:
            newest = max((each[0] for each in signature), default=0) // 1_000_000
            version = max(version + 1, newest)
            self._versions[spreadsheet.id] = (signature, version)
        return version

    def raw_file(self, name: str) -> Path | None:
        """The file itself, for `/files/NAME.csv`."""
        if self.folder is None or "/" in name or "\\" in name or name.startswith("."):
            return None
        path = self.folder / name
        return path if path.is_file() else None


def gid_of(title: str) -> int:
    """A tab's id that stays the same while its file is called the same."""
    return zlib.crc32(title.encode()) & 0x7FFFFFFF or 1
