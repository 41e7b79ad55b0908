"""What passes between us and an authenticator (WebAuthn): what it is asked, and what its answer is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import webauthn
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from membership.errors import NotAllowed

# How long an authenticator may take to answer, and how long a passkey that was shown is good for dangerous acts.
ANSWER_WITHIN = timedelta(minutes=5)
PROVED_FOR = timedelta(minutes=5)
LONGEST_ANSWER = 20_000
UNREADABLE = "Your browser's answer could not be read. Try again, or use another browser."
UNVERIFIED = "This passkey could not be verified. Try again, or use another one."

Found = TypeVar("Found")


@dataclass(frozen=True)
class RelyingParty:
    """What a passkey is bound to: our host name, and the origins on which it may be shown."""

    id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Owner:
    """For whom a passkey is made: handle is random and says nothing, the names are for the list that the authenticator shows."""

    handle: bytes
    address: str
    display_name: str


@dataclass(frozen=True)
class NewCredential:
    """A passkey as its authenticator made it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]


@dataclass(frozen=True)
class Assertion:
    """What an answer claims before it is verified: which passkey, whose, and which challenge it signs."""

    credential_id: bytes
    user_handle: bytes | None
    challenge: bytes


def registration_options(party: RelyingParty, owner: Owner, challenge: bytes, *, known: Sequence[bytes]) -> str:
    """Return what the browser is asked to make, as JSON: a passkey that its authenticator finds by itself and guards."""
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=owner.handle,
        user_name=owner.address,
        user_display_name=owner.display_name or owner.address,
        challenge=challenge,
        timeout=ANSWER_WITHIN // timedelta(milliseconds=1),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return webauthn.options_to_json(options)


def request_options(party: RelyingParty, challenge: bytes, *, allowed: Sequence[bytes] = ()) -> str:
    """Return what the browser is asked to sign, as JSON; with any of our passkeys that it has unless some are named."""
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=ANSWER_WITHIN // timedelta(milliseconds=1),
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def challenge_of_registration(answer: str) -> bytes:
    """Return which challenge a new passkey answers; raises NotAllowed."""

    def read() -> bytes:
        found = parse_registration_credential_json(answer)
        return parse_client_data_json(found.response.client_data_json).challenge

    return _read(read, answer, UNREADABLE)


def read_assertion(answer: str) -> Assertion:
    """Return what an answer claims; raises NotAllowed."""

    def read() -> Assertion:
        found = parse_authentication_credential_json(answer)
        client_data = parse_client_data_json(found.response.client_data_json)
        return Assertion(found.raw_id, found.response.user_handle, client_data.challenge)

    return _read(read, answer, UNREADABLE)


def verify_registration(party: RelyingParty, answer: str, *, challenge: bytes) -> NewCredential:
    """Return the passkey that was made for this challenge, here, by somebody whom the authenticator knows; raises NotAllowed."""

    def verify() -> NewCredential:
        credential = parse_registration_credential_json(answer)
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
        transports = tuple(sorted(transport.value for transport in credential.response.transports or ()))
        return NewCredential(verified.credential_id, verified.credential_public_key, verified.sign_count, transports)

    return _read(verify, answer, UNVERIFIED)


def verify_assertion(party: RelyingParty, answer: str, *, challenge: bytes, public_key: bytes) -> int:
    """Return the authenticator's counter if the answer is genuine; raises NotAllowed.

    The counter is not compared here: what is not signed by the passkey must not make it look like a copied one.
    """

    def verify() -> int:
        return webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        ).new_sign_count

    return _read(verify, answer, UNVERIFIED)


def _descriptors(credential_ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each) for each in credential_ids]


def _read(read: Callable[[], Found], answer: str, refusal: str) -> Found:
    if len(answer) > LONGEST_ANSWER:
        raise NotAllowed(UNREADABLE)
    try:
        return read()
    except Exception:  # anybody can send anything here, and parsers of JSON and CBOR fail in many ways
        raise NotAllowed(refusal) from None
