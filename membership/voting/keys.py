"""The keys of open votes: files outside the database and its backups."""

import os
import secrets
from pathlib import Path

from membership.errors import Conflict, Unavailable

KEY_BYTES = 32


class KeyLost(Conflict):
    """The vote's key is gone or damaged: new ballots and changes stop, every stored ballot counts."""

    def __init__(self) -> None:
        super().__init__(
            "We can't take new ballots or changes in this vote: its key can't be read. Ballots that were already sent still count.",
        )


class KeyUnreadable(Unavailable):
    """The disk does not answer: that says nothing about the key, so nothing is decided without it."""

    def __init__(self) -> None:
        super().__init__("The vote's key can't be read just now. Nothing was changed. Please try again in a few minutes.")


class RoundKeys:
    """One key file per round in one folder that only the app's own user may enter."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self, round_id: int) -> bytes:
        """Make the round's key and return it once it is safely on the disk; call it while the round's row is locked.

        An earlier key of a round that never opened is replaced: no ballot was made with it.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = secrets.token_bytes(KEY_BYTES)
        unfinished = self._path(round_id).with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path(round_id))
        self._sync_folder()
        return key

    def read(self, round_id: int) -> bytes:
        """Return the round's key; raises KeyLost when it is missing or cut short, KeyUnreadable when that can't be told."""
        try:
            key = self._path(round_id).read_bytes()
        except FileNotFoundError as error:
            raise KeyLost from error
        except OSError as error:
            raise KeyUnreadable from error
        if len(key) != KEY_BYTES:
            raise KeyLost
        return key

    def exists(self, round_id: int) -> bool:
        """Return whether the round's key can be read."""
        try:
            self.read(round_id)
        except (KeyLost, KeyUnreadable):
            return False
        return True

    def are_private(self) -> bool:
        """Return whether the folder is there and nobody but its owner may enter it."""
        return self.directory.is_dir() and self.directory.stat().st_mode & 0o077 == 0

    def destroy(self, round_id: int) -> None:
        """Remove the round's key for good; safe to repeat."""
        self._path(round_id).unlink(missing_ok=True)
        if self.directory.is_dir():
            self._sync_folder()

    def _path(self, round_id: int) -> Path:
        return self.directory / f"round-{round_id}.key"

    def _sync_folder(self) -> None:
        # Without this a power cut could bring the folder back as it was: an opened vote without its key, a destroyed key alive.
        folder = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
