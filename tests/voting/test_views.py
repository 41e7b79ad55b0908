"""The open pages of a vote: who may vote, every refusal, the confirmation, the result."""

from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.clock import FixedClock
from membership.db import transaction
from membership.patronage.models import PaidPeriod, Subscription
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Round
from membership.voting.receipts import grouped, receipt, voter_tag
from tests.factories.accounts import SAME_ORIGIN, sign_in
from tests.factories.articles import make_article
from tests.factories.voting import (
    cast,
    cast_all,
    close_vote,
    count_vote,
    make_member,
    make_patron,
    make_round,
    make_staff,
    open_vote,
    publish_vote,
    topic_ids,
)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.get_data(as_text=True)).split())


def signed_in(app: Flask, member_id: int) -> FlaskClient:
    client = app.test_client()
    sign_in(app, client, member_id)
    return client


def send(client: FlaskClient, *slugs: str, vote: str = "march") -> Any:
    return client.post(f"/votes/{vote}/ballot", data={"topics": list(slugs)}, headers=SAME_ORIGIN)


def ticked(session: Session, round_: Round, member_id: int, keys: RoundKeys) -> frozenset[int]:
    session.commit()
    return queries.ballot_of(session, round_id=round_.id, tag=voter_tag(keys.read(round_.id), member_id))


def test_a_vote_that_does_not_exist_is_not_found(app: Flask) -> None:
    assert app.test_client().get("/votes/nowhere").status_code == 404


def test_without_any_vote_the_list_says_what_to_do(app: Flask) -> None:
    assert "There has been no vote yet" in text_of(app.test_client().get("/votes"))


def test_a_stranger_reads_the_ballot_and_is_told_how_to_vote(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    open_vote(session, keys=keys, clock=clock)

    page = app.test_client().get("/votes/march")
    refused = send(app.test_client(), "water")

    assert (page.status_code, refused.status_code) == (200, 403)
    for said in (text_of(page), text_of(refused)):
        assert "Patrons vote." in said
        assert "/sign-in?next=" in said
        assert "ask for a free seat" in said
        assert "Send my ballot" not in said
    assert queries.count_ballots(session, 1) == 0


def test_who_is_no_patron_is_refused_and_told_how_to_become_one(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)

    refused = send(signed_in(app, make_member(session, clock=clock)), "water")

    assert (refused.status_code, "Become one now and vote at once" in text_of(refused)) == (403, True)
    assert queries.count_ballots(session, round_.id) == 0


def test_staff_are_told_why_they_do_not_vote(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)

    refused = send(signed_in(app, make_staff(session, clock=clock)), "water")

    assert (refused.status_code, "our staff don’t vote" in text_of(refused)) == (403, True)
    assert queries.count_ballots(session, round_.id) == 0


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("incomplete_expired", "Your first payment didn’t go through."),
        ("paused", "Your support is paused"),
        ("canceled", "Your support has ended."),
    ],
)
def test_each_state_without_a_vote_has_its_own_sentence(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, status: str, said: str
) -> None:
    member_id = make_member(session, clock=clock)
    with transaction(session):
        session.add(Subscription(stripe_id="sub_1", member_id=member_id, status=status, created_at=clock.now()))
    open_vote(session, keys=keys, clock=clock)

    refused = send(signed_in(app, member_id), "water")

    assert (refused.status_code, said in text_of(refused)) == (403, True)


def test_whose_money_came_back_is_told_so(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    with transaction(session):
        session.execute(update(PaidPeriod).values(reversed_at=clock.now()))
    open_vote(session, keys=keys, clock=clock)

    assert "Your payment was given back, so you can’t vote with it." in text_of(send(signed_in(app, patron), "water"))


def test_a_first_payment_on_its_way_votes_and_is_told_what_that_means(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    member_id = make_member(session, clock=clock)
    with transaction(session):
        session.add(Subscription(stripe_id="sub_1", member_id=member_id, status="incomplete", created_at=clock.now()))
    round_ = open_vote(session, keys=keys, clock=clock)
    client = signed_in(app, member_id)

    assert "still on its way" in text_of(client.get("/votes/march"))
    assert send(client, "water").status_code == 303
    assert ticked(session, round_, member_id, keys) == topic_ids(session, "water")


@pytest.mark.parametrize(
    ("status", "since_days", "attention", "said"),
    [
        ("past_due", 2, "authentication", "Your bank wants you to confirm your last payment. You can vote until"),
        ("past_due", 2, "expired", "Your card has expired. You can vote until Friday 3 April 2026"),
        ("past_due", 20, "declined", "Your last payment didn’t go through. <a href"),
        ("incomplete", None, "authentication", "Your bank wants you to confirm your first payment. You can vote now"),
        ("active", None, "declined", "Your first payment didn’t go through. <a href"),
    ],
)
def test_what_stands_in_the_way_of_a_payment_is_said_with_what_to_do(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, status: str, since_days: int | None, attention: str, said: str
) -> None:
    member_id, since = make_member(session, clock=clock), clock.now() - timedelta(days=since_days or 0)
    owed = {"stripe_id": "sub_1", "member_id": member_id, "status": status, "attention": attention, "created_at": clock.now()}
    with transaction(session):
        session.add(Subscription(**owed, past_due_since=since if since_days else None))
        session.flush()
        if since_days:
            paid = {"starts_at": since - timedelta(days=30), "ends_at": since, "subscription_id": "sub_1"}
            session.add(PaidPeriod(member_id=member_id, source="subscription", reference="in_1", **paid))
    open_vote(session, keys=keys, clock=clock)

    assert said in text_of(signed_in(app, member_id).get("/votes/march"))


def test_who_became_a_patron_too_late_for_a_vote_of_earlier_ones_is_told_so(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock, electorate="at_opening")

    refused = send(signed_in(app, make_patron(session, clock=clock)), "water")

    assert (refused.status_code, "Only who was a patron when this vote opened" in text_of(refused)) == (403, True)
    assert (queries.roll_of(session, round_.id), queries.count_ballots(session, round_.id)) == ([], 0)


def test_while_the_key_does_not_answer_nothing_is_taken_and_every_tick_stays(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    open_vote(session, keys=keys, clock=clock)
    client, away = signed_in(app, patron), keys.directory.with_name("unmounted")
    keys.directory.rename(away)

    refused = send(client, "water", "port")
    back = client.post("/votes/march/withdrawal", headers=SAME_ORIGIN)
    away.rename(keys.directory)

    assert (refused.status_code, back.status_code) == (503, 503)
    assert ("in a few minutes" in text_of(refused), text_of(refused).count(" checked")) == (True, 2)
    assert send(client, "water", "port").status_code == 303


def test_a_ticked_topic_that_was_taken_off_is_named_to_its_voter_and_can_not_be_ticked(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron, other = make_patron(session, clock=clock), make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    editor, [water] = make_staff(session, clock=clock, role="editor"), topic_ids(session, "water")
    services.withdraw_topic(session, round_id=round_.id, topic_id=water, reason="It is out", actor_id=editor, clock=clock)

    page, refused = text_of(signed_in(app, patron).get("/votes/march")), send(signed_in(app, other), "water", "port")

    assert ("“About water”, which you ticked, was taken off" in page, 'value="water"' in page) == (True, False)
    assert (refused.status_code, "was taken off the ballot" in text_of(refused)) == (422, True)
    assert text_of(refused).count(" checked") == 1


def test_nobody_finds_a_draft(app: Flask, session: Session, clock: FixedClock) -> None:
    make_round(session, clock=clock, draft=True)
    client = app.test_client()

    found = [client.get("/votes/march").status_code, send(client, "water").status_code]

    assert (found, "March" in text_of(client.get("/votes"))) == ([404, 404], False)


def test_a_voided_vote_says_so_and_takes_nothing(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    editor = make_staff(session, clock=clock, role="editor")
    services.void_round(session, round_id=round_.id, reason="The list was wrong.", actor_id=editor, clock=clock)
    client = signed_in(app, patron)

    page, refused, listed = client.get("/votes/march"), send(client, "water"), client.get("/votes")

    assert (page.status_code, refused.status_code) == (200, 409)
    for said in (page, refused, listed):
        assert "The list was wrong." in text_of(said)
    assert "Send my ballot" not in text_of(page)


def test_four_ticks_are_refused_and_kept(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    open_vote(session, keys=keys, clock=clock, topics=("water", "schools", "port", "roads", "parks"))

    refused = send(signed_in(app, patron), "water", "schools", "port", "roads")
    said = text_of(refused)

    assert refused.status_code == 422
    assert "You ticked 4. Keep the 3 you want most; we have kept your ticks." in said
    assert ("<title>Error:" in said, "There is a problem" in said, said.count(" checked")) == (True, True, 4)


def test_an_empty_ballot_is_refused(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    open_vote(session, keys=keys, clock=clock)

    refused = send(signed_in(app, patron))

    assert (refused.status_code, "Tick at least one topic, up to 3." in text_of(refused)) == (422, True)


def test_another_votes_topic_is_refused(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    open_vote(session, keys=keys, clock=clock, slug="april", topics=("elsewhere", "nowhere"))
    round_ = open_vote(session, keys=keys, clock=clock)

    refused = send(signed_in(app, patron), "water", "elsewhere")

    assert (refused.status_code, "isn't part of this vote" in text_of(refused)) == (422, True)
    assert ticked(session, round_, patron, keys) == frozenset()


@pytest.mark.parametrize(("voted_before", "said"), [(True, "Your earlier ballot counts."), (False, "no earlier ballot of yours")])
def test_a_late_ballot_is_told_both_times_and_whether_an_earlier_one_counts(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, voted_before: bool, said: str
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    if voted_before:
        cast(session, round_, patron, "water", keys=keys, clock=clock)
    client = signed_in(app, patron)
    clock.instant = round_.closes_at + timedelta(seconds=2)

    refused = send(client, "port")

    assert refused.status_code == 409
    assert "The vote closed at 15:00:00; your ballot reached us at 15:00:02 and was not counted." in text_of(refused)
    assert said in text_of(refused)


def test_a_vote_that_is_not_open_yet_takes_nothing(app: Flask, session: Session, clock: FixedClock) -> None:
    patron = make_patron(session, clock=clock)
    make_round(session, clock=clock)

    refused = send(signed_in(app, patron), "water")

    assert (refused.status_code, "This vote opens on" in text_of(refused)) == (409, True)


def test_with_a_lost_key_nothing_new_is_taken_and_that_is_said(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    cast(session, round_, patron, "water", keys=keys, clock=clock)
    keys.destroy(round_.id)

    refused = send(signed_in(app, patron), "port")

    assert (refused.status_code, "Ballots that were already sent still count." in text_of(refused)) == (403, True)
    assert queries.count_ballots(session, round_.id) == 1


def test_a_post_from_another_site_is_refused(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)

    refused = signed_in(app, patron).post("/votes/march/ballot", data={"topics": "water"}, headers={"Sec-Fetch-Site": "same-site"})

    assert (refused.status_code, queries.count_ballots(session, round_.id)) == (403, 0)


def test_a_patron_votes_changes_and_takes_it_back(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    client = signed_in(app, patron)

    first = send(client, "water", "port")
    page = text_of(client.get(first.headers["Location"]))
    assert first.status_code == 303
    assert "Your ballot is in." in page
    assert grouped(receipt(keys.read(round_.id), patron)) in page
    assert ticked(session, round_, patron, keys) == topic_ids(session, "water,port")

    send(client, "schools")
    assert ticked(session, round_, patron, keys) == topic_ids(session, "schools")

    back = client.post("/votes/march/withdrawal", headers=SAME_ORIGIN)
    assert "You have taken your ballot back." in text_of(client.get(back.headers["Location"]))
    assert ticked(session, round_, patron, keys) == frozenset()


def test_the_request_that_votes_writes_nothing_but_the_ballot(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    open_vote(session, keys=keys, clock=clock)
    client = signed_in(app, patron)
    written: list[str] = []
    statements = app.extensions["kernel"].engine
    event.listen(statements, "before_cursor_execute", lambda *args: written.append(" ".join(args[2].split())))

    assert send(client, "water").status_code == 303

    changes = {statement.split()[2] for statement in written if statement.startswith(("INSERT", "DELETE"))}
    assert changes == {"ballot", "ballot_choice"}
    assert {statement.split()[0] for statement in written} <= {"SELECT", "BEGIN", "INSERT", "DELETE"}
    locking = [statement for statement in written if " FOR SHARE" in statement or " FOR UPDATE" in statement]
    assert not any("member" in statement for statement in locking)


def test_who_became_a_patron_this_minute_votes_at_once(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    patron = make_patron(session, clock=clock)
    client = signed_in(app, patron)

    unseen = send(client, "water")  # without ever having opened the page
    assert (unseen.status_code, "send your ballot once more" in text_of(unseen), " checked" in text_of(unseen)) == (409, True, True)
    assert send(client, "water").status_code == 303
    assert ticked(session, round_, patron, keys) == topic_ids(session, "water")


def test_a_new_patron_is_greeted(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    open_vote(session, keys=keys, clock=clock)
    make_article(session, "the-fence")
    make_article(session, "tomorrow", published_at=clock.now() + timedelta(days=1))
    client = signed_in(app, make_patron(session, clock=clock))

    page = text_of(client.get("/votes/march?welcome=1&article=the-fence"))

    assert "You are in. Choose the next stories." in page
    assert "Send my ballot" in page
    assert 'href="/articles/the-fence#support"' in page
    sent = client.post("/votes/march/ballot?article=the-fence", data={"topics": "water"}, headers=SAME_ORIGIN)
    assert "article=the-fence" in sent.headers["Location"]
    for unknown in ("tomorrow", "nowhere", "%00"):
        assert "Back to the story" not in text_of(client.get(f"/votes/march?welcome=1&article={unknown}"))


def test_who_has_just_paid_sees_the_address_that_was_typed_and_can_correct_it(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    open_vote(session, keys=keys, clock=clock)
    patron = make_patron(session, clock=clock)
    client = signed_in(app, patron)
    proved = text_of(client.get("/votes/march?welcome=1"))
    with transaction(session):
        session.execute(update(Member).where(Member.id == patron).values(email=None, typed_email="raeder@example.org"))

    typed = text_of(client.get("/votes/march?welcome=1"))

    assert ("/account/address" in proved, "/account/address" in typed, "raeder@example.org" in typed) == (False, True, True)


def test_a_voter_is_told_after_the_close_that_the_ballot_is_in_the_box(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    [voter] = cast_all(session, round_, {"water": 1}, keys=keys, clock=clock)
    client, other = signed_in(app, voter), signed_in(app, make_patron(session, clock=clock))

    close_vote(session, round_, clock=clock)

    assert "Your ballot is in the box." in text_of(client.get("/votes/march"))
    assert "Your ballot is in the box." not in text_of(other.get("/votes/march"))


def test_the_vote_speaks_ukrainian_under_its_own_address(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    round_ = open_vote(session, keys=keys, clock=clock)
    with transaction(session):
        round_.name_uk = "Березневе голосування"
    client = signed_in(app, make_patron(session, clock=clock))

    page = text_of(client.get("/uk/votes/march"))
    sent = client.post("/uk/votes/march/ballot", data={"topics": "water"}, headers=SAME_ORIGIN)

    assert ('<html lang="uk"' in page, "Березневе голосування" in page) == (True, True)
    assert sent.headers["Location"].startswith("/uk/votes/march")


def test_topics_keep_their_order_for_one_voter_and_differ_between_voters(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    slugs = tuple(f"topic-{number}" for number in range(8))
    patrons = [make_patron(session, clock=clock) for _ in range(4)]
    open_vote(session, keys=keys, clock=clock, topics=slugs)

    def order(client: FlaskClient) -> list[str]:
        page = client.get("/votes/march").get_data(as_text=True)
        return sorted(slugs, key=lambda slug: page.index(f'value="{slug}"'))

    orders = []
    for patron in patrons:
        client = signed_in(app, patron)
        assert order(client) == order(client)
        orders.append(tuple(order(client)))
    assert len(set(orders)) > 1


@pytest.mark.parametrize("stage", ["open", "closed", "checked", "certified", "counted"])
def test_no_page_prints_a_tally_before_it_is_public(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys, stage: str
) -> None:
    """137 ballots for one topic and 61 for another: these numbers, and the word won, must stand nowhere."""
    round_ = open_vote(session, keys=keys, clock=clock)
    voters = cast_all(session, round_, {"water,port": 61, "water": 76, "schools": 26}, keys=keys, clock=clock)
    reach(session, round_, stage, keys=keys, clock=clock)
    people = {"stranger": app.test_client(), "voter": signed_in(app, voters[0])}
    for role in ("editor", "counter", "treasurer", "admin"):
        people[role] = signed_in(app, make_staff(session, clock=clock, role=role))
    open_pages = ("/votes", "/votes/march", "/uk/votes/march", "/topics", "/topics?sort=state", "/votes/march/result.json")
    signed_pages = tuple(f"/votes/march/{what}" for what in ("certificate", "certificate.json", "numbers", "numbers.txt"))
    staff_pages = ("/staff/votes", "/staff/topics", *(() if stage == "counted" else ("/staff/votes/march",)))

    for name, client in people.items():
        for address in (*open_pages, "/votes/march/result.csv", *signed_pages, *staff_pages):
            said = text_of(client.get(address))
            for leak in (">137<", " 137 ", ">61<", " 61 ", "won first", "chosen as", "Readers chose", "seed&#34;"):
                assert leak not in said, (name, address, leak)
    for address in ("/votes/march/result.json", "/votes/march/result.csv", *signed_pages):
        assert people["admin"].get(address).status_code == 404


def reach(session: Session, round_: Round, stage: str, *, keys: RoundKeys, clock: FixedClock) -> None:
    if stage == "closed":
        close_vote(session, round_, clock=clock)
    elif stage == "checked":
        close_vote(session, round_, clock=clock)
        counter = make_staff(session, clock=clock)
        services.check_box(session, round_id=round_.id, keys=keys, actor_id=counter, now=clock.now())
    elif stage == "certified":
        close_vote(session, round_, clock=clock)
        for verb in (services.check_box, services.confirm_check):
            verb(session, round_id=round_.id, keys=keys, actor_id=make_staff(session, clock=clock), now=clock.now())
    elif stage == "counted":
        count_vote(session, round_, keys=keys, clock=clock)


def published(session: Session, profile: dict[str, int], *, keys: RoundKeys, clock: FixedClock, seats: int = 2) -> list[int]:
    round_ = open_vote(session, keys=keys, clock=clock, seats=seats)
    voters = cast_all(session, round_, profile, keys=keys, clock=clock)
    publish_vote(session, round_, keys=keys, clock=clock)
    return voters


def test_who_can_see_what_is_said(app: Flask) -> None:
    page = text_of(app.test_client().get("/votes/who-can-see-what"))

    assert ("what you ticked" in page, "please don’t vote" in page) == (True, True)


def test_the_list_shows_every_kind_of_vote(app: Flask, session: Session, clock: FixedClock, keys: RoundKeys) -> None:
    published(session, {"water": 3}, keys=keys, clock=clock)
    make_round(session, clock=clock, slug="later", topics=("a", "b"))
    open_vote(session, keys=keys, clock=clock, slug="now", topics=("c", "d"))

    page = text_of(app.test_client().get("/votes"))

    for said in ("Open now", "Coming", "Results", "Readers chose “About water”."):
        assert said in page
    assert "Being counted" not in page


def test_a_ballot_too_late_by_the_databases_clock_alone_sees_the_closed_vote(
    app: Flask, session: Session, clock: FixedClock, keys: RoundKeys
) -> None:
    patron = make_patron(session, clock=clock)
    round_ = open_vote(session, keys=keys, clock=clock)
    client = signed_in(app, patron)
    clock.instant = round_.closes_at - timedelta(seconds=1)
    app.extensions["kernel"] = replace(app.extensions["kernel"], clock=DatabaseAhead(clock.instant))

    refused = send(client, "port")

    assert refused.status_code == 409
    assert "The vote closed at 15:00:00; your ballot reached us at 15:00:02 and was not counted." in text_of(refused)
    assert "we wait for first payments" in text_of(refused)


class DatabaseAhead(FixedClock):
    """A host whose clock is three seconds behind the database's."""

    def now_in(self, session: Session) -> datetime:
        return self.instant + timedelta(seconds=3)
