"""From the ask to a membership: each way alone, all ways at once, and every way that ends without one."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from membership.accounts.models import LoginSession, Member
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeEvent, Subscription
from tests.conftest import NOW
from tests.factories import voting
from tests.factories.articles import make_article
from tests.patronage.conftest import Shop

EVERYTHING: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (Member, ("email", "typed_email", "language")),
    (Subscription, ("stripe_id", "status", "amount_minor", "current_period_end", "member_id")),
    (Payment, ("kind", "reference", "amount_minor", "fee_minor", "net_minor", "member_id")),
    (PaidPeriod, ("source", "reference", "starts_at", "ends_at", "reversed_at", "member_id")),
    (CheckoutAttempt, ("id", "completed_at", "paid_at", "expired_at", "member_id")),
    (OutboxItem, ("kind", "key")),
)


def open_vote(shop: Shop) -> str:
    with shop.session() as session:
        round_ = voting.open_vote(session, keys=shop.app.extensions["round_keys"], clock=shop.clock)
        return round_.slug


def test_the_webhook_alone_makes_the_patron(shop: Shop) -> None:
    checkout = shop.browser().choose()

    shop.stripe.pay(checkout.location, email="Reader@Example.org")
    attempts = shop.webhooks_arrive()

    assert {attempt["status"] for attempt in attempts} == {200}
    assert shop.rows(Member, "email", "typed_email") == [(None, "reader@example.org")]
    assert shop.rows(Subscription, "status", "amount_minor", "interval") == [("active", 500, "month")]
    assert shop.rows(Payment, "kind", "amount_minor") == [("charge", 500)]
    assert shop.rows(PaidPeriod, "source") == [("subscription",)]
    assert "new" not in {state for (state,) in shop.rows(StripeEvent, "state")}


def test_the_return_page_alone_makes_the_patron_and_leads_to_the_open_vote(shop: Shop) -> None:
    slug = open_vote(shop)
    with shop.session() as session:
        make_article(session, "the-mains")
    browser = shop.browser()
    checkout = browser.choose(article="the-mains")

    back = browser.get(shop.stripe.pay(checkout.location))
    stripped = browser.get(back.location)
    ballot = browser.get(stripped.location)

    assert (back.status_code, back.location) == (303, "/support/return")
    assert (stripped.status_code, stripped.location) == (303, f"/votes/{slug}?welcome=1&article=the-mains")
    assert ballot.status_code == 200
    assert shop.rows(LoginSession, "method") == [("checkout",)]
    assert shop.rows(Payment, "amount_minor") == [(500,)]
    with shop.session() as session:
        attempt = session.query(CheckoutAttempt).one()
        assert {attempt.article_id} == {article for (article,) in shop.rows(Subscription, "article_id")}
        assert {attempt.article_id} == {article for (article,) in shop.rows(Payment, "article_id")}


@pytest.mark.parametrize(("interval", "amount", "expected"), [("month", "500", [1] * 6), ("once", "2000", [1, 0, 1, 1, 1, 1])])
def test_page_and_webhook_together_make_one_of_everything(shop: Shop, interval: str, amount: str, expected: list[int]) -> None:
    browser = shop.browser()
    success_url = shop.stripe.pay(browser.choose(interval, amount).location)

    webhooks = threading.Thread(target=shop.webhooks_arrive)
    webhooks.start()
    page = browser.get(browser.get(success_url).location)
    webhooks.join()
    shop.webhooks_arrive()

    assert page.status_code == 200
    assert [len(shop.rows(model, *columns)) for model, columns in EVERYTHING] == expected


def test_coming_back_twice_pays_once_and_opens_one_session(shop: Shop) -> None:
    browser = shop.browser()
    success_url = shop.stripe.pay(browser.choose().location)

    pages = [browser.get(browser.get(success_url).location).status_code for _ in range(3)]

    assert pages == [200, 200, 200]
    assert len(shop.rows(LoginSession, "id")) == 1
    assert len(shop.rows(Payment, "id")) == 1


def test_only_the_browser_that_paid_is_signed_in(shop: Shop) -> None:
    payer, stranger = shop.browser(), shop.browser()
    success_url = shop.stripe.pay(payer.choose().location, email="secret@example.org")

    page = stranger.get(stranger.get(success_url).location)

    assert page.status_code == 404
    assert "secret@example.org" not in page.text
    assert "€5" not in page.text
    assert shop.rows(LoginSession, "id") == []
    assert shop.rows(Member, "id") == []


def test_a_made_up_session_id_shows_nothing(shop: Shop) -> None:
    browser = shop.browser()

    for session_id in ("cs_test_unknown", "", "x" * 5000, "{CHECKOUT_SESSION_ID}"):
        page = browser.get(browser.get("/support/return", query_string={"session_id": session_id}).location)

        assert page.status_code == 404
        assert "There is no payment to show here" in page.text


def test_a_signed_out_browser_is_not_signed_in_again_by_an_old_payment(shop: Shop) -> None:
    browser = shop.browser()
    success_url = shop.stripe.pay(browser.choose().location)
    browser.get(browser.get(success_url).location)
    browser.post("/sign-out")

    page = browser.get(browser.get(success_url).location)

    assert page.status_code == 404  # it is another browser to us by then
    assert "There is no payment to show here" in page.text
    assert browser.get("/account").status_code == 303


def test_paying_signs_nobody_in_whose_address_is_proved(shop: Shop) -> None:
    """Else whoever sits at a shared computer, after somebody signed out of it, pays and is inside their account."""
    browser = shop.browser()
    success_url = shop.stripe.pay(browser.choose().location)
    shop.webhooks_arrive()
    with shop.session() as session, transaction(session):
        session.query(Member).one().email = "reader@example.org"

    browser.get(browser.get(success_url).location)

    assert shop.rows(LoginSession, "id") == []


def test_a_declined_card_leaves_the_choice_open(shop: Shop) -> None:
    browser = shop.browser()
    checkout = browser.choose(amount="1000")
    shop.stripe.decline(checkout.location)
    shop.webhooks_arrive()
    session_id = shop.rows(CheckoutAttempt, "stripe_session_id")[0][0]

    page = browser.get(browser.get(f"/support/return?session_id={session_id}").location)

    assert page.status_code == 200
    assert "nothing was taken" in page.text
    assert checkout.location in page.text.replace("&amp;", "&")
    assert "/support?interval=month&amount=1000" in page.text.replace("&amp;", "&")
    assert shop.rows(Member, "id") == []


def test_cancelling_at_stripe_leads_back_to_the_same_choice(shop: Shop) -> None:
    with shop.session() as session:
        make_article(session, "the-mains")
    browser = shop.browser()
    browser.choose("year", "other", other="77.50", article="the-mains")
    stored = shop.stripe.client().v1.checkout.sessions.list().data[0]

    page = browser.get(stored.cancel_url or "")

    assert stored.cancel_url == f"{shop.site}/support?interval=year&amount=7750&article=the-mains"
    assert 'value="year" checked' in page.text
    assert 'name="other_year" value="77.50"' in page.text
    assert 'name="article" value="the-mains"' in page.text


def test_an_expired_page_takes_nothing_and_the_same_choice_opens_a_new_one(shop: Shop) -> None:
    browser = shop.browser()
    first = browser.choose()
    session_id = shop.rows(CheckoutAttempt, "stripe_session_id")[0][0]
    shop.stripe.client().v1.checkout.sessions.expire(session_id)
    shop.webhooks_arrive()

    page = browser.get(browser.get(f"/support/return?session_id={session_id}").location)
    second = browser.choose()

    assert "The payment page has expired, and nothing was taken." in page.text
    assert (second.status_code, second.location != first.location) == (303, True)


def test_only_the_opaque_attempt_travels_to_stripe(shop: Shop) -> None:
    with shop.session() as session:
        make_article(session, "the-mains")
    browser = shop.browser()
    shop.stripe.pay(browser.choose(article="the-mains").location)

    client = shop.stripe.client()
    session_ = client.v1.checkout.sessions.list().data[0]
    subscription = client.v1.subscriptions.list().data[0]

    (attempt_id,) = shop.rows(CheckoutAttempt, "id")[0]
    wanted = {"attempt": str(attempt_id)}
    assert session_.client_reference_id == str(attempt_id)
    assert (session_.to_dict()["metadata"], subscription.to_dict()["metadata"]) == (wanted, wanted)


def test_two_subscriptions_of_one_browser_are_both_told_truthfully(shop: Shop) -> None:
    browser = shop.browser()
    first, second = browser.choose(), browser.choose(amount="1000")

    for checkout in (first, second):
        shop.stripe.pay(checkout.location)
    shop.webhooks_arrive()

    assert shop.rows(Subscription, "status", "amount_minor") == [("active", 1000), ("active", 500)]
    assert shop.rows(Payment, "amount_minor") == [(1000,), (500,)]


def test_a_patron_with_a_running_month_is_not_sold_another(shop: Shop) -> None:
    browser = shop.browser()
    browser.get(browser.get(shop.stripe.pay(browser.choose().location)).location)

    again = browser.choose(amount="1000")
    page = browser.get(again.location)

    assert (again.status_code, again.location) == (303, "/account")
    assert "You support us already, and nothing was taken." in page.text
    assert len(shop.rows(CheckoutAttempt, "id")) == 1


def test_a_patron_may_give_once_beside_the_month(shop: Shop) -> None:
    browser = shop.browser()
    browser.get(browser.get(shop.stripe.pay(browser.choose().location)).location)

    browser.get(browser.get(shop.stripe.pay(browser.choose("once", "2000").location)).location)

    assert len({member for (member,) in shop.rows(Payment, "member_id")}) == 1
    assert shop.rows(PaidPeriod, "source") == [("once",), ("subscription",)]


def test_stripe_down_at_the_start_keeps_the_choice_and_tries_again_with_the_same_key(shop: Shop) -> None:
    browser = shop.browser()
    real = shop.gateway
    shop.app.extensions["gateway"] = shop.gateway_to_nowhere()

    away = browser.choose("year", "other", other="77")
    shop.app.extensions["gateway"] = real
    again = browser.post("/support", {"interval": "year", "amount_year": "other", "other_year": "77", "article": ""})

    assert away.status_code == 503
    assert away.headers["Retry-After"] == "60"
    assert 'name="other_year" value="77"' in away.text
    assert again.status_code == 303
    ((attempt_id, session_id),) = shop.rows(CheckoutAttempt, "id", "stripe_session_id")
    assert shop.stripe.client().v1.checkout.sessions.retrieve(session_id).client_reference_id == str(attempt_id)


def test_stripe_down_on_the_way_back_promises_only_what_is_true(shop: Shop) -> None:
    browser = shop.browser()
    success_url = shop.stripe.pay(browser.choose().location)
    real = shop.gateway
    shop.app.extensions["gateway"] = shop.gateway_to_nowhere()
    down = browser.get(browser.get(success_url).location)
    shop.app.extensions["gateway"] = real

    up = browser.get("/support/return")

    assert (down.status_code, "Please don’t pay again" in down.text) == (503, True)
    assert (up.status_code, "You are in." in up.text) == (200, True)


def test_the_webhook_needs_no_stripe_to_be_kept_and_the_sweep_does_the_rest(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    quick = shop.app.extensions["quick_gateway"]
    shop.app.extensions["quick_gateway"] = shop.gateway_to_nowhere()
    statuses = {attempt["status"] for attempt in shop.webhooks_arrive()}
    before = shop.rows(Member, "id")
    shop.app.extensions["quick_gateway"] = quick

    shop.clock.instant = NOW + timedelta(minutes=2)
    shop.app.extensions["kernel"].queue.run("events")

    assert (statuses, before) == ({200}, [])
    assert shop.rows(Member, "typed_email") == [("reader@example.org",)]
    assert "new" not in {state for (state,) in shop.rows(StripeEvent, "state")}
