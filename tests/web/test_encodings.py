"""Which encoding a reader gets."""

import gzip

import brotli
import pytest

from membership.web.encodings import choose_encoding, encode


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "identity"),
        ("identity", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;Q=1.0, BR;q=0.5", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("br;q=0, gzip;q=0", "identity"),
        ("br;q=0, *", "gzip"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("gzip;q=0.1, identity;q=0.9", "identity"),
        ("gzip;q=high", "identity"),
        ("deflate, zstd", "identity"),
        (",,;=;q=1", "identity"),
    ],
)
def test_an_accept_encoding_is_answered_with(accepted: str, chosen: str) -> None:
    assert choose_encoding(accepted) == chosen


def test_each_encoding_gives_the_same_page() -> None:
    page = "<p>Сторінка</p>".encode() * 500

    assert gzip.decompress(encode(page, "gzip")) == page
    assert brotli.decompress(encode(page, "br")) == page
    assert encode(page, "identity") == page


def test_the_same_page_is_the_same_bytes_each_time() -> None:
    page = b"<p>page</p>" * 500

    assert [encode(page, each) for each in ("gzip", "br")] == [encode(page, each) for each in ("gzip", "br")]
