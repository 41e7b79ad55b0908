"""One person with two tabs, two people with one computer, one address typed twice: who is the same member, and who is not."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts.models import LoginSession, Member
from membership.accounts.services import start_session
from membership.db import Base, transaction
from membership.errors import Conflict, NotFound
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.links import make_link
from membership.patronage.models import (
    CheckoutAttempt,
    MemberNote,
    PaidPeriod,
    Payment,
    RefundOrder,
    StripeCustomer,
    Subscription,
    TransferReference,
    TwinNotice,
)
from membership.patronage.services.twins import MOVED
from membership.voting import box
from membership.voting.keys import RoundKeys
from tests.conftest import NOW
from tests.factories import voting
from tests.factories.accounts import make_member, race
from tests.factories.patronage import give_seat
from tests.patronage.conftest import ON_SQLITE, Shop, Till
from tests.patronage.test_duplicates import end, statuses

ADDRESS = "reader@example.org"
WITHOUT_NUMBERS = re.compile(r"(?:ch|sub|cus)_\w+|/receipts/\d+")


def notice_of(till: Till) -> TwinNotice:
    return till.session.scalars(select(TwinNotice).execution_options(populate_existing=True)).one()


def notice(till: Till) -> int:
    return services.notice_twins(till.session, now=till.clock.now())


def decide(till: Till, decision: str) -> str:
    key = notice_of(till).key
    return services.decide_twin(till.session, key=key, decision=decision, now=till.clock.now())


def members(till: Till) -> list[tuple[Any, ...]]:
    return till.table(Member, "id", "email", "typed_email")


# The same member: two tabs of one browser, and nobody else.


def test_two_tabs_at_once_are_one_member(till: Till, engine: Engine) -> None:
    tabs = [till.opens(amount_minor=amount) for amount in (500, 1000, 2000)]
    for tab in tabs:
        till.stripe.pay(tab.url)
    ids = iter([tab.attempt.stripe_session_id or "" for tab in tabs])

    race(engine, lambda session: sync(session, till, next(ids)), racers=3)

    assert len(members(till)) == 1
    assert len({member for (member,) in till.table(Subscription, "member_id")}) == 1


def sync(session: Session, till: Till, session_id: str) -> str:
    return services.sync_checkout(session, till.gateway, stripe_session_id=session_id, now=NOW)


@ON_SQLITE
def test_who_pays_in_a_shared_browser_after_somebody_else_is_somebody_else(till: Till) -> None:
    till.pays()
    till.clock.instant += timedelta(minutes=5)

    till.pays(amount_minor=1000)

    assert len(members(till)) == 2


@ON_SQLITE
def test_another_browser_is_somebody_else_whatever_address_is_typed(till: Till) -> None:
    tabs = [till.opens(amount_minor=500, browser=b"1" * 32), till.opens(amount_minor=1000, browser=b"2" * 32)]
    for tab in tabs:
        till.stripe.pay(tab.url, email=ADDRESS)
        till.sync_checkout(tab.attempt.stripe_session_id or "")

    assert [row[1:] for row in members(till)] == [(None, ADDRESS)] * 2
    assert end(till) == 0


@ON_SQLITE
def test_a_tab_never_leads_into_an_account_whose_address_is_proved(till: Till) -> None:
    """Somebody left a payment page open in a shared browser; the owner of an account paid there meanwhile."""
    owner = make_member(till.session, "owner@example.org")
    left_open = till.opens(amount_minor=1000)
    till.pays(member_id=owner.id)

    till.stripe.pay(left_open.url, email="stranger@example.org")
    till.sync_checkout(left_open.attempt.stripe_session_id or "")

    assert {row[1:] for row in members(till)} == {("owner@example.org", None), (None, "stranger@example.org")}


def test_a_second_tab_opens_no_session_once_the_first_has(till: Till) -> None:
    """Whoever kept a copy of the browser's id, and left a payment page open in it, is not let into what its next user made."""
    tabs = [till.opens(amount_minor=amount) for amount in (500, 1000)]
    opened = []
    for tab in tabs:
        till.stripe.pay(tab.url)
        till.sync_checkout(tab.attempt.stripe_session_id or "")
        opened.append(
            services.use_paid_checkout(till.session, attempt_id=tab.attempt.id, browser_hash=b"b" * 32, now=till.clock.now())
        )

    ((member_id, *_),) = members(till)
    assert opened == [member_id, None]


def test_signing_out_makes_a_shared_computer_two_people(shop: Shop) -> None:
    browser = shop.browser()
    left_open = browser.choose(amount="1000")
    browser.get(browser.get(shop.stripe.pay(browser.choose().location, email="first@example.org")).location)
    browser.post("/sign-out")

    again = browser.choose(amount="1000")
    shop.stripe.pay(again.location, email="second@example.org")
    shop.webhooks_arrive()

    assert again.location != left_open.location
    assert [address for (address,) in shop.rows(Member, "typed_email")] == ["first@example.org", "second@example.org"]


# The same typed address from a stranger.


def twins_of(till: Till, *, proved: bool = False) -> tuple[int, int]:
    """Two memberships under one address, the earlier one's and a stranger's; return their members."""
    if proved:
        earlier = make_member(till.session, ADDRESS).id
        till.pays(member_id=earlier, browser=b"1" * 32)
    else:
        till.pays(browser=b"1" * 32)
        earlier = members(till)[0][0]
    till.clock.instant += timedelta(hours=1)
    till.pays(amount_minor=1000, browser=b"2" * 32)
    later = max(row[0] for row in members(till))
    return earlier, later


@pytest.mark.parametrize("proved", [True, False])
def test_the_mailbox_of_an_address_typed_again_is_asked_once(till: Till, *, proved: bool) -> None:
    earlier, later = twins_of(till, proved=proved)

    asked = [notice(till), notice(till)]

    assert asked == [1, 0]
    assert till.table(TwinNotice, "member_id", "earlier_member_id", "decision") == [(later, earlier, None)]
    found = notice_of(till)
    assert [row for row in till.table(OutboxItem, "kind", "payload", "member_id") if row[0] == "twin"] == [
        ("twin", {"key": str(found.key)}, earlier)
    ]


@ON_SQLITE
def test_each_later_membership_is_asked_about(till: Till) -> None:
    earlier, later = twins_of(till)
    till.pays(amount_minor=2000, browser=b"3" * 32)

    assert notice(till) == 2
    assert {row[1] for row in till.table(TwinNotice, "member_id", "earlier_member_id")} == {earlier}
    assert later in {row[0] for row in till.table(TwinNotice, "member_id")}


@ON_SQLITE
def test_a_typed_address_alone_asks_nobody_anything(till: Till) -> None:
    make_member(till.session, ADDRESS)
    opened = till.opens()
    till.stripe.decline(opened.url, email=ADDRESS)
    with transaction(till.session):
        till.session.add(Member(typed_email=ADDRESS, created_at=NOW))

    assert notice(till) == 0


def test_workers_at_once_ask_once(till: Till, engine: Engine) -> None:
    twins_of(till)

    asked = race(engine, lambda session: services.notice_twins(session, now=NOW), racers=4)

    assert sorted(asked) == [0, 0, 0, 1]
    assert len([kind for (kind,) in till.table(OutboxItem, "kind") if kind == "twin"]) == 1


@pytest.mark.parametrize("proved", [True, False])
def test_joined_everything_is_the_earlier_ones_and_the_second_support_goes_back(till: Till, *, proved: bool) -> None:
    earlier, later = twins_of(till, proved=proved)
    notice(till)

    decided = decide(till, "joined")
    ended = end(till)

    assert (decided, ended) == ("joined", 1)
    assert statuses(till) == {500: "active", 1000: "canceled"}
    for model in (Payment, PaidPeriod, Subscription, StripeCustomer, CheckoutAttempt, RefundOrder):
        assert {row[0] for row in till.table(model, "member_id")} == {earlier}, model
    assert sum(amount for (amount,) in till.table(Payment, "amount_minor")) == 500
    assert queries.standing_of(till.session, later, at=till.clock.now()).code == "never"
    assert queries.standing_of(till.session, earlier, at=till.clock.now()).code == "patron"
    assert (later, None, None) in members(till)


def test_what_stripe_says_later_of_a_joined_one_is_the_earlier_ones(till: Till) -> None:
    earlier, later = twins_of(till)
    second = till.session.scalars(select(Subscription.stripe_id).where(Subscription.member_id == later)).one()
    notice(till)
    decide(till, "joined")
    till.stripe.control("renew", id=second)

    till.sync(second)

    assert {row[0] for row in till.table(Payment, "member_id")} == {earlier}
    assert len(till.table(Payment, "id")) == 3


@ON_SQLITE
def test_a_later_one_beside_none_that_runs_goes_on(till: Till) -> None:
    earlier = make_member(till.session, ADDRESS).id
    till.pays(browser=b"2" * 32)
    notice(till)

    decide(till, "joined")

    assert end(till) == 0
    assert queries.standing_of(till.session, earlier, at=till.clock.now()).code == "patron"


def test_not_me_drops_the_address_and_nothing_else(till: Till) -> None:
    earlier, later = twins_of(till)
    notice(till)

    assert decide(till, "not_me") == "not_me"

    assert end(till) == 0
    assert set(members(till)) == {(earlier, None, ADDRESS), (later, None, None)}
    assert queries.standing_of(till.session, later, at=till.clock.now()).code == "patron"
    assert notice(till) == 0


@ON_SQLITE
@pytest.mark.parametrize(("first", "second"), [("joined", "not_me"), ("not_me", "joined"), ("joined", "joined")])
def test_the_first_decision_stands(till: Till, first: str, second: str) -> None:
    twins_of(till)
    notice(till)

    assert [decide(till, first), decide(till, second)] == [first, first]


def test_both_buttons_at_once_decide_once(till: Till, engine: Engine) -> None:
    twins_of(till)
    notice(till)
    key, choices = notice_of(till).key, iter(("joined", "not_me", "joined", "not_me"))
    till.session.commit()

    told = race(engine, lambda session: services.decide_twin(session, key=key, decision=next(choices), now=NOW), racers=4)

    assert set(told) == {notice_of(till).decision}


def test_a_mailbox_has_no_say_in_a_membership_that_has_another_address_by_now(till: Till) -> None:
    """The reader had mistyped it, and corrected or proved it since: a stranger's mailbox must not take their membership."""
    _earlier, later = twins_of(till)
    notice(till)
    with transaction(till.session):
        till.session.get_one(Member, later).typed_email = "corrected@example.org"

    for decision in ("joined", "not_me"):
        with pytest.raises(Conflict, match="another address"):
            decide(till, decision)

    with transaction(till.session):
        person = till.session.get_one(Member, later)
        person.email, person.typed_email = "corrected@example.org", None
    with pytest.raises(Conflict, match="another address"):
        decide(till, "joined")
    assert {row[0] for row in till.table(Payment, "member_id")} == {_earlier, later}


@ON_SQLITE
def test_an_unknown_notice_is_nothing_to_answer(till: Till) -> None:
    with pytest.raises(NotFound):
        services.decide_twin(till.session, key=uuid4(), decision="joined", now=NOW)


@ON_SQLITE
@pytest.mark.parametrize(("proved", "left"), [(True, "earlier"), (False, "nobody")])
def test_joined_only_who_has_proved_the_address_stays_signed_in(till: Till, proved: bool, left: str) -> None:
    """Unproved, the earlier one may be a stranger's who typed the address first."""
    earlier, later = twins_of(till, proved=proved)
    for member_id in (earlier, later):
        start_session(till.session, member_id=member_id, method="checkout", now=NOW)
    notice(till)

    decide(till, "joined")

    signed_in = {member for member, ended in till.table(LoginSession, "member_id", "ended_at") if ended is None}
    assert signed_in == ({earlier} if left == "earlier" else set())


@ON_SQLITE
@pytest.mark.parametrize("both", [True, False])
def test_transfers_under_either_reference_are_the_earlier_ones(till: Till, *, both: bool) -> None:
    earlier, later = twins_of(till, proved=True)
    with transaction(till.session):
        for member_id in (earlier, later) if both else (later,):
            till.session.add(TransferReference(reference=f"R{member_id}", member_id=member_id, language="en", created_at=NOW))
        till.session.add(MemberNote(member_id=later, text="Asked for a receipt", written_at=NOW))
    notice(till)

    decide(till, "joined")

    mine = (f"R{later}", None, ADDRESS) if both else (f"R{later}", earlier, None)
    assert mine in till.table(TransferReference, "reference", "member_id", "email")
    assert till.table(MemberNote, "member_id") == [(earlier,)]


def test_nothing_that_belongs_to_somebody_is_left_behind() -> None:
    """Whoever adds a table decides whether its rows move when two memberships are joined."""
    who_did = {"decided_by", "imported_by", "uploaded_by", "author_id", "ordered_by", "requested_by", "closed_by", "reopened_by"}
    handled = {"transfer_reference.member_id", "twin_notice.member_id", "twin_notice.earlier_member_id"}
    moved = {f"{column.class_.__tablename__}.{column.key}" for column in MOVED}
    names = {
        f"{table.name}.{key.parent.name}"
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "member" and key.parent.name not in who_did
    }
    modules = {mapper.class_.__tablename__: mapper.class_.__module__ for mapper in Base.registry.mappers}
    ours = {name for name in names if ".patronage." in modules[name.partition(".")[0]]}

    assert ours - moved - handled == set()


def test_the_later_ones_ballot_is_not_counted_once_they_are_joined(till: Till, tmp_path: Path) -> None:
    keys = RoundKeys(tmp_path)
    earlier, later = twins_of(till)
    round_ = voting.open_vote(till.session, keys=keys, clock=till.clock)
    for member_id in (earlier, later):
        voting.cast(till.session, round_, member_id, "water", keys=keys, clock=till.clock)
    notice(till)
    decide(till, "joined")
    end(till)

    closed = voting.close_vote(till.session, round_, clock=till.clock)

    report = box.report(till.session, closed, keys=keys, at=till.clock.now())
    assert (report.ballots, report.counted, report.set_aside) == (2, 1, {"not_a_patron": 1})


# The page behind the mailed link.


def twins_in(shop: Shop) -> str:
    """Two memberships under one address; return the token of the mailed link."""
    for amount in ("500", "1000"):
        browser = shop.browser()
        browser.get(browser.get(shop.stripe.pay(browser.choose(amount=amount).location, email=ADDRESS)).location)
        shop.clock.instant += timedelta(hours=1)
    shop.webhooks_arrive()
    shop.app.extensions["kernel"].queue.run("twins")
    ((key,),) = shop.rows(TwinNotice, "key")
    return make_link(shop.app.extensions["kernel"].settings.secret_key, "twin", key, now=shop.clock.now())


def test_the_mail_asks_and_the_page_names_nobody_and_nothing_happens_by_looking(shop: Shop) -> None:
    twins_in(shop)
    kernel = shop.app.extensions["kernel"]
    kernel.queue.run("mails")
    mailbox = kernel.settings.state_dir.parent / "mailbox"
    mails = [path.read_text() for path in mailbox.rglob("*") if path.is_file()]
    (link,) = {found for mail in mails for found in re.findall(r"/links/twin/\S+", mail.replace("=\n", "").replace("=3D", "="))}

    pages = [shop.browser().get(link) for _ in range(2)]

    assert {page.status_code for page in pages} == {200}
    assert not [secret for secret in (ADDRESS, "€", "reader@") if secret in pages[0].text.split("<footer")[0]]
    assert shop.rows(TwinNotice, "decision") == [(None,)]


def test_joining_by_the_page_gives_the_second_back_and_says_to_vote_again(shop: Shop) -> None:
    path = f"/links/twin/{twins_in(shop)}"
    owner = shop.browser()

    answer = owner.post(path, {"decision": "joined"})
    page = owner.get(answer.location)
    shop.app.extensions["kernel"].queue.run("duplicates")
    again = owner.post(path, {"decision": "not_me"}, follow_redirects=True)

    assert (answer.status_code, answer.location) == (303, path)
    assert "vote again" in page.text
    assert "They are one now" in again.text
    assert [row for row in shop.rows(Payment, "kind", "amount_minor") if row[0] == "refund"] == [("refund", -1000)]


@ON_SQLITE
def test_not_me_by_the_page(shop: Shop) -> None:
    path = f"/links/twin/{twins_in(shop)}"

    page = shop.browser().post(path, {"decision": "not_me"}, follow_redirects=True)

    assert "We have forgotten the address there" in page.text
    assert sorted(shop.rows(Member, "typed_email"), key=str) == sorted([(ADDRESS,), (None,)], key=str)


@ON_SQLITE
def test_a_link_that_is_garbled_made_for_something_else_or_too_old_does_nothing(shop: Shop) -> None:
    token = twins_in(shop)
    secret = shop.app.extensions["kernel"].settings.secret_key
    ((key,),) = shop.rows(TwinNotice, "key")
    stranger = shop.browser()
    wrong = [make_link(secret, "stop", key, now=shop.clock.now()), "x" * 3000, token[:-2], "A" + token[1:]]

    statuses_ = [stranger.post(f"/links/twin/{each}", {"decision": "joined"}).status_code for each in wrong]
    nothing_chosen = stranger.post(f"/links/twin/{token}", {"decision": "other"})
    shop.clock.instant += timedelta(days=61)
    too_old = stranger.post(f"/links/twin/{token}", {"decision": "joined"})

    assert statuses_ == [410] * 4
    assert (nothing_chosen.status_code, "Choose one of the two." in nothing_chosen.text) == (422, True)
    assert (too_old.status_code, "This link has run out" in too_old.text) == (410, True)
    assert shop.rows(TwinNotice, "decision") == [(None,)]


@ON_SQLITE
def test_a_stranger_sees_the_same_whether_somebody_has_the_address_or_not(shop: Shop) -> None:
    pages = []
    for address in (ADDRESS, "nobody@example.org"):
        with shop.session() as session:
            if address == ADDRESS:
                give_seat(session, make_member(session, ADDRESS).id)
        browser = shop.browser()
        page = browser.get(browser.get(shop.stripe.pay(browser.choose().location, email=address)).location)
        shop.webhooks_arrive()
        shop.app.extensions["kernel"].queue.run("twins")
        own = browser.get("/account")
        pages += [(page.status_code, own.status_code, *(WITHOUT_NUMBERS.sub("", p.text.replace(address, "")) for p in (page, own)))]

    assert pages[0] == pages[1]


@ON_SQLITE
def test_a_mail_to_a_former_address_decides_nothing_any_more(shop: Shop) -> None:
    path = f"/links/twin/{twins_in(shop)}"
    shop.clock.instant += timedelta(minutes=1)
    with shop.session() as session, transaction(session):
        earlier = session.get_one(Member, session.scalars(select(TwinNotice.earlier_member_id)).one())
        earlier.address_changed_at = shop.clock.now()
    stranger = shop.browser()

    pages = [stranger.get(path), stranger.post(path, {"decision": "joined"})]

    assert [page.status_code for page in pages] == [410, 410]
    assert shop.rows(TwinNotice, "decision") == [(None,)]
