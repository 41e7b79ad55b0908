"""Certificates as the site makes them: of which votes, how often, what stands in them, and that a stranger can check them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from membership import audit_check
from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict
from membership.voting import certificates, queries, services
from membership.voting.certificates import Site
from membership.voting.keys import RoundKeys
from membership.voting.models import BoxCheck, CertificateKey, CertifiedReceipt, Round
from membership.voting.signing import CertificateSigner, SigningKeyUnusable
from membership.voting.verifying import verify
from tests.factories.voting import cast_all, count_vote, make_staff, open_vote, publish_vote

SITE = Site("The Test Gazette", "https://gazette.example")
MANY = {"water,port": 61, "water": 46, "schools": 26, "port": 12}


@pytest.fixture
def signer(tmp_path: Path) -> CertificateSigner:
    """A signer whose key is made when it is needed."""
    return CertificateSigner(tmp_path / "certificate-key.pem")


def voted(session: Session, *, keys: RoundKeys, clock: FixedClock, ballots: dict[str, int], slug: str = "march") -> Round:
    round_ = open_vote(session, keys=keys, clock=clock, slug=slug)
    cast_all(session, round_, ballots, keys=keys, clock=clock)
    return round_


def issue(session: Session, signer: CertificateSigner, clock: FixedClock) -> int:
    return services.issue_due(session, signer=signer, site=SITE, now=clock.now())


def document_of(session: Session, round_: Round) -> str:
    issued = certificates.find_certificate(session, round_.id)
    assert issued
    return certificates.document_of(issued)


def payload_of(session: Session, round_: Round) -> dict[str, Any]:
    return json.loads(document_of(session, round_))["payload"]  # type: ignore[no-any-return]


def states(session: Session, round_: Round) -> dict[str, str]:
    numbers = certificates.number_list(queries.receipt_hashes(session, round_.id)).encode()
    report = verify(document_of(session, round_).encode(), keys=certificates.public_keys(session), numbers=numbers)
    return {check.name: check.state for check in report.checks}


def test_a_counted_vote_has_no_certificate_before_its_result_is_public(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = count_vote(session, voted(session, keys=keys, clock=clock, ballots={"water": 3}), keys=keys, clock=clock)

    assert issue(session, signer, clock) == 0
    with pytest.raises(Conflict, match="not public"):
        services.issue_certificate(session, round_id=round_.id, signer=signer, site=SITE, now=clock.now())
    assert certificates.find_certificate(session, round_.id) is None


def test_without_a_usable_key_nothing_is_signed_until_it_is_back(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = publish_vote(session, voted(session, keys=keys, clock=clock, ballots={"water": 3}), keys=keys, clock=clock)
    signer.path.write_bytes(b"damaged")

    with pytest.raises(SigningKeyUnusable):
        issue(session, signer, clock)
    assert certificates.find_certificate(session, round_.id) is None

    signer.path.unlink()
    assert issue(session, signer, clock) == 1


def test_a_public_count_is_signed_once_and_its_text_never_changes(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = publish_vote(session, voted(session, keys=keys, clock=clock, ballots={"water": 3}), keys=keys, clock=clock)
    head = audit_check.current_head(session)
    assert head

    assert [issue(session, signer, clock), issue(session, signer, clock)] == [1, 0]
    first = document_of(session, round_)
    clock.instant += timedelta(days=1)
    again = services.issue_certificate(session, round_id=round_.id, signer=signer, site=SITE, now=clock.now())

    assert (again, document_of(session, round_)) == (False, first)
    assert payload_of(session, round_)["audit_head"] == {"entry": head.last_id, "hmac": head.mac.hex()}
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.act, entry.actor_id, entry.details) == ("certificate.issued", None, {"kid": signer.kid})


def test_what_is_signed_of_a_vote_can_be_added_up_again_by_a_stranger(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = publish_vote(session, voted(session, keys=keys, clock=clock, ballots=MANY), keys=keys, clock=clock)
    issue(session, signer, clock)

    assert set(states(session, round_).values()) == {"passed"}
    payload = payload_of(session, round_)
    assert payload["site"] == {"name": "The Test Gazette", "url": "https://gazette.example"}
    assert payload["settings"] == {"rule": "fair_share", "seats": 2, "most_ticks": 3, "electorate": "while_open"}
    assert payload["box"] == {"counted": 145, "not_counted": 0, "not_counted_because": {}, "checked_by": 2, "key_lost": False}
    assert payload["winners"] == ["water", "port"]
    assert payload["count"]["ticks"] == {"water": 107, "schools": 26, "port": 73}
    assert payload["count"]["steps"][1]["readers"] == {"schools": [26, 0], "port": [12, 61]}
    assert payload["ballot_numbers"]["listed"] == 145


@pytest.mark.parametrize(("ballots", "has_count"), [({"water,port": 12, "schools": 8}, True), ({"water": 12, "schools": 7}, False)])
def test_fewer_ballots_are_told_in_fewer_numbers(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner, ballots: dict[str, int], has_count: bool
) -> None:
    round_ = publish_vote(session, voted(session, keys=keys, clock=clock, ballots=ballots), keys=keys, clock=clock)
    issue(session, signer, clock)

    count = payload_of(session, round_)["count"]
    assert (count is not None) == has_count
    assert count is None or [step["readers"] for step in count["steps"]] + [count["without_a_winner"]] == [None] * 3
    assert "failed" not in states(session, round_).values()


def test_what_was_changed_while_the_vote_was_open_is_told(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = voted(session, keys=keys, clock=clock, ballots=MANY)
    editor = make_staff(session, clock=clock)
    later = round_.closes_at + timedelta(days=1)
    services.extend_round(session, round_id=round_.id, closes_at=later, note="A storm.", actor_id=editor, clock=clock)
    port = next(entry.topic_id for entry in round_.topics if entry.topic.slug == "port")
    services.withdraw_topic(session, round_id=round_.id, topic_id=port, reason="It is out already.", actor_id=editor, clock=clock)
    at = clock.now()
    publish_vote(session, queries.get_round(session, round_.id), keys=keys, clock=clock)
    issue(session, signer, clock)

    payload = payload_of(session, round_)
    assert payload["topics"]["port"]["withdrawn"] == {"at": f"{at:%Y-%m-%dT%H:%M:%S}Z", "reason": "It is out already."}
    assert [(move["to"], move["note"]) for move in payload["times"]["moved"]] == [(f"{later:%Y-%m-%dT%H:%M:%S}Z", "A storm.")]
    assert (sorted(payload["lot"]["of"]), payload["winners"]) == (["schools", "water"], ["water", "schools"])
    assert set(states(session, round_).values()) == {"passed"}


def test_a_count_voided_after_the_box_was_opened_is_signed_with_the_reason(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = count_vote(session, voted(session, keys=keys, clock=clock, ballots=MANY), keys=keys, clock=clock)
    one, other = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.void_round(session, round_id=round_.id, reason="A machine voted.", actor_id=one, clock=clock)
    assert issue(session, signer, clock) == 0
    services.confirm_voiding(session, round_id=round_.id, actor_id=other, now=clock.now())

    assert issue(session, signer, clock) == 1
    payload = payload_of(session, round_)
    assert (payload["voided"]["reason"], payload["times"]["published"]) == ("A machine voted.", None)
    assert set(states(session, round_).values()) == {"passed"}


def test_a_vote_whose_key_was_lost_says_so_and_has_no_list(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = publish_vote(session, voted(session, keys=keys, clock=clock, ballots={"water": 3}), keys=keys, clock=clock)
    with transaction(session):  # as a check without the key leaves it
        session.execute(update(BoxCheck).values(key_lost=True, checked_alone=True))
        session.execute(delete(CertifiedReceipt))
    issue(session, signer, clock)

    payload = payload_of(session, round_)
    assert (payload["box"]["key_lost"], payload["box"]["checked_by"], payload["ballot_numbers"]) == (True, 1, None)
    assert states(session, round_)["numbers"] == "absent"


def test_a_new_key_signs_later_votes_and_the_old_one_still_proves_earlier_ones(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    march = publish_vote(session, voted(session, keys=keys, clock=clock, ballots={"water": 3}), keys=keys, clock=clock)
    issue(session, signer, clock)
    before = signer.kid
    services.replace_certificate_key(session, signer=signer, now=clock.now())
    april = open_vote(session, keys=keys, clock=clock, slug="april", topics=("trams", "rivers"))
    cast_all(session, april, {"trams": 3}, keys=keys, clock=clock)
    publish_vote(session, april, keys=keys, clock=clock)
    issue(session, signer, clock)

    assert list(certificates.public_keys(session)) == [signer.kid, before]
    assert len(session.scalars(select(CertificateKey)).all()) == 2
    assert [states(session, round_)["signature"] for round_ in (march, april)] == ["passed", "passed"]


def test_a_host_whose_clock_is_behind_signs_nothing_before_it_was_public(
    session: Session, clock: FixedClock, keys: RoundKeys, signer: CertificateSigner
) -> None:
    round_ = publish_vote(session, voted(session, keys=keys, clock=clock, ballots={"water": 3}), keys=keys, clock=clock)
    published = clock.now()
    clock.instant -= timedelta(seconds=2)

    assert issue(session, signer, clock) == 1

    issued = certificates.find_certificate(session, round_.id)
    assert issued
    times = payload_of(session, round_)["times"]
    assert (issued.issued_at, payload_of(session, round_)["issued_at"]) == (published, times["published"])
    assert "failed" not in states(session, round_).values()
