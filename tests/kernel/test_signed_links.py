"""Signed links are good for one algorithm, one key and one purpose; their features' tests show the rest."""

import hashlib
from datetime import timedelta

import pytest
from itsdangerous import URLSafeTimedSerializer

from membership.signed_links import make_token, read_token
from tests.conftest import NOW, SECRET_KEY

DAY = timedelta(days=1)


@pytest.mark.parametrize("method", [hashlib.sha1, hashlib.md5, hashlib.sha512])
def test_another_algorithm_is_none_of_ours(method: object) -> None:
    signing = {"digest_method": method, "key_derivation": "hmac"}
    forged = URLSafeTimedSerializer(SECRET_KEY, salt="link-stop", signer_kwargs=signing).dumps("named")

    with pytest.raises(ValueError, match="not a token of ours"):
        read_token(SECRET_KEY, "stop", str(forged), valid_for=DAY * 9999, now=NOW)


def test_what_was_signed_is_read_back() -> None:
    token = make_token(SECRET_KEY, "stop", "named", now=NOW)

    assert read_token(SECRET_KEY, "stop", token, valid_for=DAY, now=NOW + DAY) == "named"
    assert len(token.rpartition(".")[2]) == 43  # 256 bits
