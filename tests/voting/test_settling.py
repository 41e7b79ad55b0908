"""While a box waits for first payments, Stripe is asked about those of everybody who could vote, whether they did or not."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.voting import services
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.sealed import settling_roll
from tests.factories.voting import cast, certify_vote, close_vote, make_patron, make_staff, open_vote


def void(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    close_vote(session, round_, clock=clock)
    services.void_round(session, round_id=round_.id, reason="Wrong", actor_id=make_staff(session, clock=clock), clock=clock)
    return round_


@pytest.mark.parametrize("end", [certify_vote, void])
def test_everybody_who_could_vote_is_asked_about_from_the_close_until_the_box_is_settled(
    session: Session, clock: FixedClock, keys: RoundKeys, end: Callable[..., Round]
) -> None:
    voter, silent = make_patron(session, clock=clock), make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    other = open_vote(session, keys=keys, clock=clock, slug="april", topics=("a", "b"), days=90)
    cast(session, round_, voter, "water", keys=keys, clock=clock)
    asked = [settling_roll(session)]

    close_vote(session, round_, clock=clock)
    newcomer = make_patron(session, clock=clock)
    services.draw_roll(session, round_id=other.id, clock=clock)
    asked.append(settling_roll(session))
    end(session, round_, keys=keys, clock=clock)
    asked.append(settling_roll(session))

    assert (asked, newcomer > silent) == ([[], [voter, silent], []], True)
