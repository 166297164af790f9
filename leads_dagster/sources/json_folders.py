"""Which files a person means who names files and folders of JSON.

What belongs here: looking into folders, and what is left out and why. Nothing is opened.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leads_dagster.errors import AccessError, LeadsError, SettingsError

SUFFIXES = (".json", ".jsonl", ".ndjson", ".ldjson", ".geojson")
_PACKED = ".gz"


@dataclass(frozen=True, slots=True)
class JsonFile:
    """One file to read.

    Attributes:
        path: absolute, links followed.
        name: as the person would say it: as given, or below the folder given.
        source: canonical address of the source that it is, "json:<path>".
    """

    path: Path
    name: str

    @property
    def source(self) -> str:
        """Canonical address of the source that this file is; a name that is no UTF-8 is shown as near as can be."""
        return "json:" + os.fsencode(self.path).decode("utf-8", "replace")


@dataclass(slots=True)
class Listing:
    """The files found, in the order of the arguments and sorted by path within each; and what was left out."""

    files: list[JsonFile] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def find_files(paths: Sequence[Path]) -> Listing:
    """Every file that is meant; a file named itself is taken whatever it is called, each file once.

    Of folders: hidden files and folders, files of another kind, and links that lead out of the folder are left out.

    Raises:
        SettingsError: a path is not there, or neither file nor folder.
        AccessError: a folder may not be read.
    """
    listing = Listing()
    seen: set[Path] = set()
    for path in paths:
        for found in _meant(path, listing.left_out):
            if found.path in seen:
                listing.left_out["named twice"] += 1
            else:
                seen.add(found.path)
                listing.files.append(found)
    return listing


def _meant(path: Path, left_out: Counter[str]) -> Iterable[JsonFile]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _typed(error, path) from error
    if stat.S_ISDIR(mode):
        return list(_inside(path, left_out))
    if not stat.S_ISREG(mode):
        raise SettingsError(f"{path} is neither a file nor a folder.", advice="Name the JSON file itself.")
    return [JsonFile(path.resolve(), os.fspath(path))]


def _inside(folder: Path, left_out: Counter[str]) -> Iterator[JsonFile]:
    root = folder.resolve()
    for below, folders, names in os.walk(root, onerror=_refuse):
        left_out["hidden"] += sum(name.startswith(".") for name in (*folders, *names))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        left_out["links to folders"] += sum((Path(below) / name).is_symlink() for name in folders)
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(below) / name
            if (why := _why_not(path, root)) is None:
                yield JsonFile(path.resolve(), os.fspath(folder / path.relative_to(root)))
            else:
                left_out[why] += 1


def _why_not(path: Path, root: Path) -> str | None:
    if not path.name.lower().removesuffix(_PACKED).endswith(SUFFIXES):
        return "not JSON"
    if not path.is_file():
        return "not a regular file"
    if not path.resolve().is_relative_to(root):
        return "links out of the folder"
    return None


def _refuse(error: OSError) -> None:
    raise _typed(error, Path(str(error.filename)))


def _typed(error: OSError, path: Path) -> LeadsError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SettingsError(f"There is no file or folder {path}.", advice="Correct the path.")
    if isinstance(error, PermissionError):
        return AccessError(f"{path} may not be read by this user.", advice="Give it read permission.")
    return AccessError(f"{path} cannot be read: {error.strerror or error}.")
