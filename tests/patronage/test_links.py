"""Signed links do one thing, for a while, for whoever holds them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from membership.patronage.links import PURPOSES, make_link, make_links, read_link
from tests.conftest import NOW

SECRET = "a secret key of at least 32 characters"
KEY = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        ".." * 500,
        "é" * 40,
        "\ud800",
        make_link(SECRET, "stop", KEY, now=NOW)[:-1],
        make_link(SECRET, "stop", KEY, now=NOW) + "A",
        make_link("another secret key of 32 characters or more", "stop", KEY, now=NOW),
    ],
)
def test_what_is_garbled_or_not_ours_names_nothing(token: str) -> None:
    with pytest.raises(ValueError):
        read_link(SECRET, "stop", token, now=NOW)


def test_a_link_works_for_its_own_purpose_only() -> None:
    link = make_link(SECRET, "card", KEY, now=NOW)

    for purpose in ("stop", "pause", "lower", "twin"):
        with pytest.raises(ValueError):
            read_link(SECRET, purpose, link, now=NOW)


def test_a_link_runs_out_after_sixty_days_by_our_own_clock() -> None:
    link = make_link(SECRET, "stop", KEY, now=NOW)

    assert read_link(SECRET, "stop", link, now=NOW + timedelta(days=60)) == KEY
    with pytest.raises(ValueError):
        read_link(SECRET, "stop", link, now=NOW + timedelta(days=60, seconds=1))
    with pytest.raises(ValueError):  # made in a future that has not come
        read_link(SECRET, "stop", link, now=NOW - timedelta(days=1))


def test_a_link_that_is_older_than_what_it_must_be_younger_than_names_nothing() -> None:
    link = make_link(SECRET, "stop", KEY, now=NOW)

    assert [read_link(SECRET, "stop", link, since=since, now=NOW) for since in (None, NOW)] == [KEY, KEY]
    with pytest.raises(ValueError):
        read_link(SECRET, "stop", link, since=NOW + timedelta(microseconds=1), now=NOW + timedelta(days=1))


def test_a_link_names_what_it_was_made_for() -> None:
    key = uuid4()

    links = make_links(SECRET, key, now=NOW)

    assert {purpose: read_link(SECRET, purpose, links[purpose], now=NOW) for purpose in PURPOSES} == dict.fromkeys(PURPOSES, key)
