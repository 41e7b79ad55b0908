"""The key that signs certificates: made once, private, never replaced by itself."""

from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from membership.voting.signing import CertificateSigner, SigningKeyUnusable


@pytest.fixture
def signer(tmp_path: Path) -> CertificateSigner:
    """A signer whose key doesn't exist yet, nor its folder."""
    return CertificateSigner(tmp_path / "state" / "certificate-key.pem")


OTHER_KIND = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----", OTHER_KIND])
def test_a_damaged_key_signs_nothing_and_is_not_replaced(signer: CertificateSigner, content: bytes) -> None:
    signer.path.parent.mkdir()
    signer.path.write_bytes(content)

    with pytest.raises(SigningKeyUnusable):
        signer.sign(b"text")
    with pytest.raises(SigningKeyUnusable):
        signer.replace()
    assert (signer.fault(), signer.path.read_bytes()) == ("damaged", content)


def test_to_ask_what_is_wrong_makes_no_key(signer: CertificateSigner) -> None:
    assert (signer.fault(), signer.path.exists()) == ("missing", False)


def test_a_key_that_others_can_read_is_a_fault(signer: CertificateSigner) -> None:
    signer.public_key()
    assert signer.fault() == ""

    signer.path.chmod(0o640)

    assert signer.fault() == "not_private"


def test_the_first_signature_makes_a_private_key_that_later_ones_use(signer: CertificateSigner) -> None:
    first, second = signer.sign(b"text"), CertificateSigner(signer.path).sign(b"text")

    assert first == second
    assert first.kid == signer.kid
    Ed25519PublicKey.from_public_bytes(first.public_key).verify(first.signature, b"text")
    assert [(path.name, path.stat().st_mode & 0o777) for path in signer.path.parent.iterdir()] == [("certificate-key.pem", 0o600)]


def test_processes_that_need_the_first_key_at_one_time_use_the_same(signer: CertificateSigner) -> None:
    kids: list[str] = []
    together = [Thread(target=lambda: kids.append(CertificateSigner(signer.path).kid)) for _ in range(8)]
    for one in together:
        one.start()
    for one in together:
        one.join()

    assert kids == [signer.kid] * 8


def test_another_key_leaves_the_old_one_beside_it(signer: CertificateSigner) -> None:
    old = signer.kid

    retired = signer.replace()

    assert (CertificateSigner(retired).kid, signer.kid != old, signer.fault()) == (old, True, "")


def test_a_replacement_that_was_broken_off_can_be_done_again(signer: CertificateSigner) -> None:
    old = signer.kid
    kept = signer.path.with_name(f"certificate-key-{old}.pem")
    kept.hardlink_to(signer.path)

    assert signer.replace() == kept

    assert (CertificateSigner(kept).kid, signer.kid != old) == (old, True)
