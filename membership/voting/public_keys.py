"""Public keys of certificates as others read them: JSON Web Keys (RFC 8037), named by their thumbprint (RFC 7638)."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY_BYTES = 32
PublicKeys = Mapping[str, bytes]  # kid -> raw Ed25519 public key


class NoKeys(ValueError):
    """These are no public keys of certificates; the message says why."""


def base64url(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Read back what base64url() gave, in this one spelling. Raises ValueError."""
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not base64url as it is written here")
    return data


def thumbprint(public_key: bytes) -> str:
    """Return a key's id: SHA-256 over its JSON Web Key's required members, in base64url."""
    required = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": base64url(public_key)}, separators=(",", ":"))
    return base64url(hashlib.sha256(required.encode()).digest())


def jwk_set(keys: PublicKeys) -> dict[str, Any]:
    """Return public keys as a JWK set."""
    fixed = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
    return {"keys": [fixed | {"kid": kid, "x": base64url(key)} for kid, key in keys.items()]}


def read_jwk_set(text: bytes) -> dict[str, bytes]:
    """Return the Ed25519 keys of a JWK set, each under its real thumbprint, whatever kid it claims. Raises NoKeys."""
    try:
        listed = json.loads(text)["keys"]
        keys = [from_base64url(key["x"]) for key in listed if key["kty"] == "OKP" and key["crv"] == "Ed25519"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoKeys("this is no file of public keys, such as the site gives at /votes/certificate-keys.json") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise NoKeys("there is no usable Ed25519 key in this file")
    return {thumbprint(key): key for key in keys}
