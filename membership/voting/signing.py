"""The newsroom's signing key for certificates: one file, made when it is first needed, never overwritten."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from membership.errors import Unavailable
from membership.voting.private_files import sync_folder, write_private
from membership.voting.public_keys import thumbprint

MISSING, DAMAGED, NOT_PRIVATE = "missing", "damaged", "not_private"


class SigningKeyUnusable(Unavailable):
    """The key file is there and can't be used: it is never replaced by itself, because somebody may still mend it."""

    def __init__(self) -> None:
        super().__init__("The key for certificates can't be read. Nothing was signed.")


@dataclass(frozen=True)
class Signed:
    """A signature (64 bytes), and with which key (32 bytes) it was made."""

    public_key: bytes
    signature: bytes

    @property
    def kid(self) -> str:
        """The key's id."""
        return thumbprint(self.public_key)


class CertificateSigner:
    """Signs with the Ed25519 key in one file (PEM, PKCS #8) that only the app's own user may read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def kid(self) -> str:
        """The id of the present key, which is made if there is none. Raises SigningKeyUnusable."""
        return thumbprint(self.public_key())

    def public_key(self) -> bytes:
        """Return the present public key (32 bytes); a key is made if there is none. Raises SigningKeyUnusable."""
        return self._private().public_key().public_bytes_raw()

    def sign(self, payload: bytes) -> Signed:
        """Sign with the present key. Raises SigningKeyUnusable."""
        private = self._private()
        return Signed(private.public_key().public_bytes_raw(), private.sign(payload))

    def fault(self) -> str:
        """Return what is wrong with the file (missing, damaged, not_private), "" if nothing is; makes none."""
        try:
            self._read()
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            return MISSING
        except (SigningKeyUnusable, OSError):
            return DAMAGED
        return NOT_PRIVATE if mode & 0o077 else ""

    def replace(self) -> Path:
        """Put the present key aside under its id and make another; return where the old one is. Raises SigningKeyUnusable."""
        retired = self.path.with_name(f"{self.path.stem}-{self.kid}{self.path.suffix}")
        try:
            with suppress(FileExistsError):  # an earlier attempt came this far: it goes by its own id
                os.link(self.path, retired)
            self.path.unlink()
            self._make()
        except OSError as error:
            raise SigningKeyUnusable from error
        return retired

    def _private(self) -> Ed25519PrivateKey:
        try:
            if not self.path.exists():
                self._make()
            return self._read()
        except OSError as error:  # a folder that is no folder, a disk that is full or read-only
            raise SigningKeyUnusable from error

    def _read(self) -> Ed25519PrivateKey:
        try:
            private = load_pem_private_key(self.path.read_bytes(), password=None)
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyUnusable from error
        if not isinstance(private, Ed25519PrivateKey):
            raise SigningKeyUnusable
        return private

    def _make(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        unfinished = self.path.with_name(f"{self.path.name}.{os.getpid()}.{os.urandom(8).hex()}.new")
        try:
            write_private(unfinished, pem)
            with suppress(FileExistsError):
                # A link, because it refuses to replace: of two hosts that make a key at one time both use the first.
                os.link(unfinished, self.path)
        finally:
            unfinished.unlink(missing_ok=True)
        # Without this a power cut could take the key away after a certificate was signed with it.
        sync_folder(self.path.parent)
