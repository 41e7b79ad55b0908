"""Two who write about the same topics wait for each other in turn: PostgreSQL never has to end one of them."""

from pathlib import Path

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from membership.accounts.models import AccountClosure, Member
from membership.clock import FixedClock
from membership.db import transaction
from membership.errors import Conflict
from membership.voting import services, topic_queries
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic
from membership.voting.services.closures import LONGEST_REQUEST
from tests.factories.voting import make_patron, make_staff, make_topics, suggest
from tests.locking import ON_POSTGRESQL, meet, meeting
from tests.patronage.conftest import table


@ON_POSTGRESQL
def test_a_topic_is_put_elsewhere_while_what_it_took_in_is_put_into_it_again(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    inner, outer, other = make_topics(session, ("a", "b", "c"), clock=clock)
    act = {"actor_id": make_staff(session, clock=clock, role="editor"), "now": clock.now()}
    services.merge_topic(session, topic_id=inner, into_id=outer, **act)

    moved, again = meet(
        engine,
        "SELECT FROM topic WHERE id = :id FOR UPDATE",
        {"id": outer},
        lambda own: services.merge_topic(own, topic_id=outer, into_id=other, **act),
        lambda own: services.merge_topic(own, topic_id=inner, into_id=outer, **act),
    )

    assert moved.exception() is None
    assert isinstance(again.exception(), Conflict)
    assert table(session, Topic, "id", "merged_into_id") == [(inner, other), (outer, other), (other, None)]


@ON_POSTGRESQL
def test_a_deleted_accounts_suggestions_are_let_go_in_the_order_in_which_others_lock_two_topics(
    engine: Engine, session: Session, clock: FixedClock, tmp_path: Path
) -> None:
    member_id, now = make_patron(session, clock=clock), clock.now()
    first, second = (suggest(session, member_id, title, clock=clock) for title in ("Who repairs the road?", "Who reads meters?"))
    with transaction(session):  # written again, it stands behind the second
        session.execute(update(Topic).where(Topic.id == first).values(slug="the-road"))
        session.execute(update(Member).where(Member.id == member_id).values(email=None, closed_at=now - LONGEST_REQUEST))
        session.add(AccountClosure(member_id=member_id, asked_at=now, due_at=now, begun_at=now, confirmed_at=now))

    with meeting(engine) as begin, transaction(session):
        topic_queries.lock_topic(session, first)
        let_go = begin(lambda own: services.withdraw_closed(own, keys=RoundKeys(tmp_path), clock=clock))
        topic_queries.lock_topic(session, second)

    assert let_go.result() == 1
    assert table(session, Topic, "suggested_by_id") == [(None,), (None,)]
