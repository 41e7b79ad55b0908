"""The certificate's page and files, and the page on which voters look for their ballot."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.db import transaction
from membership.voting import certificates
from membership.voting.keys import RoundKeys
from membership.voting.models import BoxCheck, Certificate, CertifiedReceipt, Round
from membership.voting.public_keys import read_jwk_set
from membership.voting.receipts import grouped, receipt
from membership.voting.verifying import verify
from tests.factories.accounts import SAME_ORIGIN
from tests.factories.voting import cast_all, make_round, open_vote, publish_vote
from tests.voting.test_views import text_of


def published(session: Session, clock: FixedClock, keys: RoundKeys, *, water: int = 3) -> tuple[Round, str]:
    """A vote with a public count, and the ballot number of somebody who voted in it."""
    round_ = open_vote(session, keys=keys, clock=clock)
    voter = cast_all(session, round_, {"water": water}, keys=keys, clock=clock)[0]
    number = grouped(receipt(keys.read(round_.id), voter))
    return publish_vote(session, round_, keys=keys, clock=clock), number


def sign(app: Flask) -> None:
    app.extensions["kernel"].queue.run("certificates")


def lose_key(session: Session) -> None:
    """Leave what a check without the vote's key leaves."""
    with transaction(session):
        session.execute(update(BoxCheck).values(key_lost=True))
        session.execute(delete(CertifiedReceipt))


def test_until_it_is_signed_the_page_says_so_and_the_file_is_not_there(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    published(session, clock, keys)
    client = app.test_client()

    assert "This certificate is being signed. Look again in a minute." in text_of(client.get("/votes/march/certificate"))
    missing = client.get("/votes/march/certificate.json")
    assert (missing.status_code, "being signed" in text_of(missing)) == (404, True)
    assert client.get("/votes/certificate-keys.json").get_json() == {"keys": []}


def test_a_stranger_takes_three_files_and_checks_them_without_us(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_, _ = published(session, clock, keys, water=100)
    sign(app)
    client = app.test_client()
    document = client.get("/votes/march/certificate.json")
    public = client.get("/votes/certificate-keys.json")
    numbers = client.get("/votes/march/numbers.txt")

    report = verify(document.data, keys=read_jwk_set(public.data), numbers=numbers.data)

    assert [check.state for check in report.checks] == ["passed"] * 9
    session.commit()
    issued = certificates.find_certificate(session, round_.id)
    assert issued
    assert document.data == certificates.document_of(issued).encode()
    page = text_of(client.get("/votes/march/certificate"))
    assert issued.kid in page
    assert ("That the count adds up" in page, page.count(">yes<"), ">no<" in page) == (True, 9, False)
    assert "certificate-march.json --keys certificate-keys.json --numbers numbers.txt" in page


def test_a_changed_certificate_is_shown_as_one_that_does_not_hold(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    published(session, clock, keys)
    sign(app)
    with transaction(session):
        session.execute(update(Certificate).values(payload=Certificate.payload + " "))

    page = text_of(app.test_client().get("/uk/votes/march/certificate"))

    assert "this is no certificate: it was written anew" in page


@pytest.mark.parametrize(
    ("is_lost", "said"),
    [
        (False, "two people checked the box before anybody could see who was ahead"),
        (True, "This vote’s key was lost, so there is no list of ballot numbers"),
    ],
)
def test_the_page_says_what_is_not_proved(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, is_lost: bool, said: str
) -> None:
    published(session, clock, keys)
    if is_lost:
        lose_key(session)
    sign(app)

    page = text_of(app.test_client().get("/votes/march/certificate"))

    assert "That each ballot was recorded as it was sent." in page
    assert "With fewer than 20 ballots it holds how many voted and the order" in page
    assert said in page
    assert ("numbers.txt" in page) != is_lost


def test_a_voter_finds_their_ballot_number_and_nobody_finds_another(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    _, number = published(session, clock, keys)
    client = app.test_client()

    def look(typed: str) -> Any:
        return client.post("/votes/march/numbers", data={"number": typed}, headers=SAME_ORIGIN)

    assert "A ballot with this number was counted." in text_of(look(number.lower()))
    assert "No ballot with this number was counted." in text_of(look("AAAA-" + number[5:]))
    empty = look("")
    assert (empty.status_code, "There is a problem" in text_of(empty), "Enter your ballot number." in text_of(empty)) == (
        422,
        True,
        True,
    )
    assert "Look for my ballot" in text_of(client.get("/votes/march/numbers"))


def test_without_a_list_nobody_is_asked_for_a_number(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    published(session, clock, keys)
    lose_key(session)

    page = text_of(app.test_client().get("/votes/march/numbers"))

    assert ("This vote’s key was lost" in page, "<form" in page) == (True, False)


def test_of_a_vote_that_nobody_knows_of_the_certificate_tells_nothing(app: Flask, session: Session, clock: FixedClock) -> None:
    make_round(session, clock=clock, draft=True)
    client = app.test_client()

    def without_its_address(page: str, slug: str) -> tuple[int, str]:
        response = client.get(f"/votes/{slug}/{page}")
        return response.status_code, text_of(response).replace(slug, "SLUG")

    for page in ("certificate", "certificate.json", "numbers", "numbers.txt"):
        known, unknown = without_its_address(page, "march"), without_its_address(page, "april")
        assert (known, known[0]) == (unknown, 404)
