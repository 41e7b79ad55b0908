"""The keys of open votes: files outside the database and its backups, in one folder that all hosts share.

Beside each key lies a note that it was made in this folder. A host that finds the note without its key knows that the key is lost;
a host that finds neither looks into another folder than the one that held it (a share that isn't mounted), and decides nothing.
"""

import hashlib
import secrets
from pathlib import Path

from membership.errors import Conflict, Unavailable
from membership.voting.private_files import sync_folder, write_private

KEY_BYTES = 32


class KeyLost(Conflict):
    """The vote's key is gone or damaged: new ballots and changes stop, every stored ballot counts."""

    def __init__(self) -> None:
        super().__init__(
            "We can't take new ballots or changes in this vote: its key can't be read. Ballots that were already sent still count.",
        )


class KeyUnreadable(Unavailable):
    """The disk doesn't answer, or isn't the one that held the key: nothing is decided without it."""

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
        self._write(self._path(round_id), key)
        self._write(self._note(round_id), _fingerprint(key))
        self._sync_folder()
        return key

    def read(self, round_id: int) -> bytes:
        """Return the round's key.

        Raises KeyLost when this folder held it and it is missing or damaged, KeyUnreadable when that can't be told.
        """
        note = _read(self._note(round_id))
        key = _read(self._path(round_id))
        if key is None:
            raise KeyUnreadable if note is None else KeyLost
        # A key of the right length that isn't the one would make strangers of all voters.
        if len(key) != KEY_BYTES or note not in (None, b"", _fingerprint(key)):
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

    def give_up(self, round_id: int) -> None:
        """Note in this folder, because a person says so, that a key is lost that isn't here; raises Conflict if it can be read."""
        if self.exists(round_id):
            raise Conflict("This vote's key can be read here: it isn't lost.")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(self._note(round_id), b"")
        self._sync_folder()

    def is_given_up(self, round_id: int) -> bool:
        """Return whether a person has said that this key is lost: nothing waits for it any more."""
        try:
            return _read(self._note(round_id)) == b"" and _read(self._path(round_id)) is None
        except KeyUnreadable:
            return False

    def destroy(self, round_id: int) -> None:
        """Remove the round's key for good; safe to repeat. Raises KeyUnreadable in a folder that never held it."""
        path, note = self._path(round_id), self._note(round_id)
        try:
            if not note.exists():
                if not path.exists():
                    raise KeyUnreadable
                self._write(note, b"")  # else a crash after the next step would leave a folder that seems never to have held it
            path.unlink(missing_ok=True)
            self._sync_folder()
        except OSError as error:
            raise KeyUnreadable from error

    def forget(self, round_id: int) -> None:
        """Remove the note of a key that is destroyed, once the database says that it is."""
        self._note(round_id).unlink(missing_ok=True)

    def _path(self, round_id: int) -> Path:
        return self.directory / f"round-{round_id}.key"

    def _note(self, round_id: int) -> Path:
        return self.directory / f"round-{round_id}.made"

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file that is either there as a whole or not at all."""
        unfinished = path.with_name(path.name + ".new")
        unfinished.unlink(missing_ok=True)
        write_private(unfinished, content)
        unfinished.replace(path)

    def _sync_folder(self) -> None:
        # Without this a power cut could bring the folder back as it was: an opened vote without its key, a destroyed key alive.
        sync_folder(self.directory)


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"round key" + key).hexdigest().encode()


def _read(path: Path) -> bytes | None:
    """Return a file's content, None if there is no such file; raises KeyUnreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyUnreadable from error
