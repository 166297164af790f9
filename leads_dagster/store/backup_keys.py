"""The keys of encrypted backups: where they come from, and what they are called without being shown.

What belongs here: reading keys. How a file is encrypted with them is `backup_frames`'.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from leads_dagster.errors import CredentialsError
from leads_dagster.settings import Settings
from leads_dagster.settings_table import is_backup_key, split_keys

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_ADVICE = "Set LEADS_BACKUP_KEY, or LEADS_BACKUP_KEY_FILE to a file with one key a line, newest first."


@dataclass(frozen=True)
class BackupKeys:
    """Keys, newest first: the first one encrypts, any of them decrypts. None at all means: not encrypted."""

    keys: tuple[str, ...] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def newest_id(self) -> str | None:
        """What the encrypting key is called in manifests; None where nothing is encrypted."""
        return key_id(self.keys[0]) if self.keys else None

    def check(self, wanted: str | None, name: str) -> None:
        """See that a backup can be read.

        Args:
            wanted: the id of the key that it was encrypted with; None where it was not.
            name: of the backup, for the message.

        Raises:
            CredentialsError: the key is not among these.
        """
        if wanted is None or wanted in map(key_id, self.keys):
            return
        have = ", ".join(map(key_id, self.keys)) or "none"
        raise CredentialsError(
            f"The backup {name} is encrypted with the key {wanted}, which is not among the keys given ({have}).",
            advice=_ADVICE,
        )

    def cipher(self) -> MultiFernet:
        """What encrypts with the newest key and decrypts with any.

        Raises:
            CredentialsError: there is no key.
        """
        if not self.keys:
            raise CredentialsError("There is no key for encrypted backups.", advice=_ADVICE)
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(key) for key in self.keys])


def key_id(key: str) -> str:
    """Eight hex digits that tell keys apart and tell nothing of the key."""
    return hashlib.sha256(b"leads_dagster backup key " + key.encode()).hexdigest()[:8]


def fresh_key() -> str:
    """A new key, as text."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def backup_keys(settings: Settings) -> BackupKeys:
    """The keys as they are now; their file is read at every call, so that a new key is used at once.

    Raises:
        CredentialsError: the file cannot be read, is empty, or holds something that is no key.
    """
    if settings.backup_key_value:
        return BackupKeys(split_keys(settings.backup_key_value))
    if settings.backup_key_file is None:
        return BackupKeys(())
    return BackupKeys(_read_file(settings.backup_key_file))


def _read_file(path: Path) -> tuple[str, ...]:
    try:
        keys = split_keys(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(
            f"The file of the backup keys, {path}, cannot be read: {type(error).__name__}.",
            advice="LEADS_BACKUP_KEY_FILE names it.",
        ) from error
    if not keys or not all(map(is_backup_key, keys)):
        raise CredentialsError(
            f"The file of the backup keys, {path}, holds {'something that is no key' if keys else 'no key'}.",
            advice="One key a line, newest first, as `leads backup key` makes them.",
        )
    return keys
