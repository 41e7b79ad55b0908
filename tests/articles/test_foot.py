"""What the foot says for each standing."""

import pytest

from membership.articles.foot import Foot, foot_for


def test_who_is_not_signed_in_gets_the_ask() -> None:
    assert foot_for(code=None) == Foot(asks=True)


@pytest.mark.parametrize("code", ["never", "ended", "refunded"])
def test_who_is_no_patron_is_asked_and_still_thanked_for_an_earlier_vote(code: str) -> None:
    assert foot_for(code=code, a_vote_is_open=True, took_part=True) == Foot(asks=True, took_part=True)


@pytest.mark.parametrize("code", ["patron", "cancelling"])
def test_a_patron_is_invited_once_and_then_told_that_the_ballot_is_in(code: str) -> None:
    assert foot_for(code=code, may_vote=True, a_vote_is_open=True) == Foot(thanks=True, invites_to_vote=True)
    assert foot_for(code=code, may_vote=True, a_vote_is_open=True, has_voted=True) == Foot(thanks=True, has_voted=True)
    assert foot_for(code=code, may_vote=True) == Foot(thanks=True)


def test_each_trouble_is_told_apart() -> None:
    assert foot_for(code="grace", may_vote=True) == Foot(thanks=True, payment_needs_attention=True)
    assert foot_for(code="pending", may_vote=True) == Foot(thanks=True, is_pending=True)
    assert foot_for(code="payment_failed", a_vote_is_open=True) == Foot(first_payment_failed=True)
    assert foot_for(code="paused", a_vote_is_open=True, has_voted=True) == Foot(is_paused=True, has_voted=True)
    assert foot_for(code="disputed", a_vote_is_open=True) == Foot(is_disputed=True)
    assert foot_for(code="staff", a_vote_is_open=True) == Foot(is_staff=True)
