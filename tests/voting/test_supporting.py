"""A patron marks a topic as "I'd read this"."""

import pytest
from sqlalchemy.orm import Session

from membership.clock import FixedClock
from membership.errors import Conflict, NotFound
from membership.voting import services
from membership.voting.keys import RoundKeys
from membership.voting.topic_queries import support_of, supported_by
from tests.factories.voting import cast_all, make_patron, make_staff, make_supporters, make_topics, open_vote, publish_vote, suggest


def test_what_can_stand_on_no_ballot_can_not_be_supported(session: Session, clock: FixedClock) -> None:
    patron, editor = make_patron(session, clock=clock), make_staff(session, clock=clock, role="editor")
    waiting = suggest(session, patron, clock=clock)
    declined, merged, into = make_topics(session, ["declined", "merged", "water"], clock=clock)
    services.decide_topic(session, topic_id=declined, state="declined", reason="No.", actor_id=editor, now=clock.now())
    services.merge_topic(session, topic_id=merged, into_id=into, actor_id=editor, now=clock.now())

    for topic_id, said in ((declined, "declined this topic"), (merged, "put together with another")):
        with pytest.raises(Conflict, match=said):
            services.support_topic(session, topic_id=topic_id, member_id=patron)
    for topic_id in (waiting, 999):
        with pytest.raises(NotFound):
            services.support_topic(session, topic_id=topic_id, member_id=patron)
    assert supported_by(session, patron) == set()


def test_while_a_vote_is_open_marks_tell_nothing_about_it(session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    water, _schools = make_topics(session, ["water", "schools"], clock=clock)
    patron, other = make_supporters(session, water, 2, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock, seats=1)

    with pytest.raises(Conflict, match="Now your vote decides"):
        services.support_topic(session, topic_id=water, member_id=make_patron(session, clock=clock))
    services.unsupport_topic(session, topic_id=water, member_id=other)  # what is one's own is taken back at any time
    assert support_of(session, [water]) == {water: 1}

    cast_all(session, round_, {"water": 1}, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)
    with pytest.raises(Conflict, match="have chosen this topic"):
        services.support_topic(session, topic_id=water, member_id=other)
    assert supported_by(session, patron) == {water}


def test_supporting_twice_counts_once_and_can_be_taken_back(session: Session, clock: FixedClock) -> None:
    water, schools = make_topics(session, ["water", "schools"], clock=clock)
    patron, _other = make_supporters(session, water, 2, clock=clock)

    services.support_topic(session, topic_id=water, member_id=patron)
    assert (support_of(session, [water, schools]), supported_by(session, patron)) == ({water: 2, schools: 0}, {water})

    for _ in range(2):
        services.unsupport_topic(session, topic_id=water, member_id=patron)
    assert (support_of(session), supported_by(session, patron)) == ({water: 1}, set())


def test_who_takes_support_back_from_a_page_that_is_older_than_a_merge_is_told_where_it_went(
    session: Session, clock: FixedClock
) -> None:
    road, street = make_topics(session, ["road", "street"], clock=clock)
    [patron], editor = make_supporters(session, road, 1, clock=clock), make_staff(session, clock=clock, role="editor")
    services.merge_topic(session, topic_id=road, into_id=street, actor_id=editor, now=clock.now())

    with pytest.raises(Conflict, match="its support went there"):
        services.unsupport_topic(session, topic_id=road, member_id=patron)
    assert supported_by(session, patron) == {street}
