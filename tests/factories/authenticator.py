"""A device that keeps passkeys, in software: it does what a phone or a security key does, and can be told to do it wrong."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, HOLDS_CREDENTIAL = 0x01, 0x04, 0x40
ES256, EC2, P256 = -7, 2, 1


@dataclass
class Credential:
    """One passkey as its device keeps it."""

    id: bytes
    key: ec.EllipticCurvePrivateKey
    user_handle: bytes
    sign_count: int = 0


@dataclass
class Authenticator:
    """Makes and shows passkeys (ES256, no attestation); step is how far its counter goes each time."""

    origin: str = "http://localhost"
    verifies: bool = True
    step: int = 1
    credentials: list[Credential] = field(default_factory=list)

    def create(self, options: str) -> str:
        """Make a passkey for these options and return what the browser would send."""
        asked = json.loads(options)
        known = {each["id"] for each in asked["excludeCredentials"]}
        assert not known & {bytes_to_base64url(each.id) for each in self.credentials}, "this device has one already"
        handle = base64url_to_bytes(asked["user"]["id"])
        made = Credential(secrets.token_bytes(32), ec.generate_private_key(ec.SECP256R1()), handle)
        self.credentials.append(made)
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + _cose(made.key)
        data = self._data(asked["rp"]["id"], HOLDS_CREDENTIAL, made.sign_count) + attested
        return _answer(
            made,
            clientDataJSON=self._client_data("webauthn.create", asked["challenge"]),
            attestationObject=cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}),
            transports=["internal"],
        )

    def get(self, options: str, credential: Credential | None = None) -> str:
        """Sign these options with a passkey (the newest of those that fit) and return what the browser would send."""
        asked = json.loads(options)
        allowed = {each["id"] for each in asked.get("allowCredentials") or []}
        fitting = [each for each in self.credentials if not allowed or bytes_to_base64url(each.id) in allowed]
        shown = credential or fitting[-1]
        shown.sign_count += self.step
        client_data = self._client_data("webauthn.get", asked["challenge"])
        data = self._data(asked["rpId"], 0, shown.sign_count)
        signature = shown.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return _answer(shown, clientDataJSON=client_data, authenticatorData=data, signature=signature, userHandle=shown.user_handle)

    def _data(self, rp_id: str, flags: int, sign_count: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()


def changed(answer: str, **response: object) -> str:
    """Return an answer with other parts in its response (bytes are written as browsers write them)."""
    read = json.loads(answer)
    read["response"] |= {name: _written(value) for name, value in response.items()}
    return json.dumps(read)


def _answer(credential: Credential, **response: object) -> str:
    own_id = bytes_to_base64url(credential.id)
    answer: dict[str, Any] = {"id": own_id, "rawId": own_id, "type": "public-key"}
    return changed(json.dumps(answer | {"response": {}}), **response)


def _written(value: object) -> object:
    return bytes_to_base64url(value) if isinstance(value, bytes) else value


def _cose(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return cbor2.dumps({1: EC2, 3: ES256, -1: P256, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
