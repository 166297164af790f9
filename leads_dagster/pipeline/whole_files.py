"""Results in files that appear together, whole, or not at all.

What belongs here: checking the paths a person named, and moving finished files over them. What is written into them
is the caller's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from leads_dagster.errors import SettingsError, StoreError


def check_targets(targets: Mapping[str, Path], source: Path | None) -> None:
    """Refuse what cannot be written before any work is done.

    Args:
        targets: option -> path of each file that will be written.
        source: the file that is read, which no target may be.

    Raises:
        SettingsError: a folder that is not there, something that is no file, or one path for two files.
    """
    seen: dict[Path, str] = {}
    for option, path in targets.items():
        _check(option, path, source)
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise SettingsError(f"{other} and {option} name the same file.", advice=f"Name another with {option}.")


def _check(option: str, path: Path, source: Path | None) -> None:
    advice = f"Name another file with {option}."
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise SettingsError(f"{path} is the file that is read.", advice=advice)
    if not path.parent.is_dir():
        raise SettingsError(
            f"There is no folder {path.parent}.", advice=f"Make it, or name another file with {option}."
        )
    if path.is_dir():
        raise SettingsError(f"{path} is a folder.", advice=f"Name a file with {option}.")
    if path.exists() and not path.is_file():  # a device or a pipe must not be replaced by a file
        raise SettingsError(f"{path} is not an ordinary file.", advice=advice)


@contextmanager
def all_or_none(targets: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    """For each target a file beside it to write into; they are moved over them when the block ends well, else removed.

    Raises:
        SettingsError: a target may not be written.
        StoreError: the disk refuses.
    """
    wholes = {option: target.resolve() for option, target in targets.items()}  # a link stays a link
    parts = {
        option: whole.with_name(f".{os.getpid()}-{number}.part")
        for number, (option, whole) in enumerate(wholes.items())
    }
    try:
        yield parts
        for option, part in parts.items():
            part.replace(wholes[option])
    except PermissionError as error:
        raise SettingsError(f"{_listed(targets)} cannot be written.", advice="Name other files.") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreError(
            f"{_listed(targets)} cannot be written: {error.strerror}.", advice="Make room, and try again."
        ) from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _listed(targets: Mapping[str, Path]) -> str:
    return " and ".join(map(str, targets.values())) or "The result"
