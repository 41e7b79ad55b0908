"""The pages: what is typed is kept, what is refused says what to do, and nobody sees anybody else's."""

import html
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from membership.db import transaction
from membership.patronage import services
from membership.patronage.models import CheckoutAttempt, Payment, Plan, StripeClosure, Subscription
from tests.conftest import NOW, make_sessions
from tests.factories.accounts import make_member, sign_in
from tests.factories.articles import make_article
from tests.factories.patronage import give_seat, make_plan
from tests.patronage.conftest import ON_SQLITE, Browser, Shop


@pytest.fixture
def reader(app: Flask) -> Browser:
    """A browser at an app whose Stripe answers nobody, with a plan."""
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_plan(session)
        make_plan(session, key="retired")
        services.retire_plan(session, key="retired", now=NOW)
    return Browser(app.test_client(), "http://localhost")


def words(page: TestResponse) -> str:
    """The page's text without markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def paid_browser(shop: Shop) -> Browser:
    """A browser that has paid and is signed in."""
    browser = shop.browser()
    browser.get(browser.get(shop.stripe.pay(browser.choose().location)).location)
    return browser


@ON_SQLITE
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({}, "Choose how often.", id="nothing"),
        pytest.param({"interval": "week"}, "Choose how often.", id="an interval that is not sold"),
        pytest.param({"interval": "month"}, "Choose an amount, or type one of your own.", id="no amount"),
        pytest.param({"interval": "month", "amount_month": "1"}, "Choose an amount, or type one", id="a tampered amount"),
        pytest.param({"interval": "month", "amount_month": "-500"}, "Choose an amount, or type one", id="a negative amount"),
        pytest.param({"interval": "month", "amount_month": "500.0"}, "Choose an amount, or type one", id="a fraction"),
        pytest.param({"interval": "month", "amount_month": "9" * 5000}, "Choose an amount, or type one", id="more than a number"),
        pytest.param({"interval": "month", "amount_month": "٥٠٠"}, "Choose an amount, or type one", id="other digits"),
        pytest.param({"interval": "month", "amount_month": "500", "plan": "press"}, "not offered any more", id="no such plan"),
        pytest.param({"interval": "month", "amount_month": "500", "plan": "retired"}, "not offered any more", id="a retired plan"),
        pytest.param({"interval": "year", "amount_month": "500"}, "Choose an amount, or type one", id="another interval's amount"),
    ],
)
def test_a_form_without_a_choice_says_what_to_choose(reader: Browser, fields: dict[str, str], message: str) -> None:
    page = reader.post("/support", fields)

    assert page.status_code == 422
    assert message in words(page)
    assert "There is a problem" in words(page)
    assert "<title>Error: " in page.text


@ON_SQLITE
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Enter an amount of €3 or more, such as 7 or 7.50."),
        ("2", "Enter €3 or more. If that is too much, ask for a free seat."),
        ("2,99", "Enter €3 or more. If that is too much, ask for a free seat."),
        ("0", "Enter an amount of €3 or more, such as 7 or 7.50."),
        ("-5", "Enter an amount of €3 or more, such as 7 or 7.50."),
        ("five", "Enter an amount of €3 or more, such as 7 or 7.50."),
        ("5.123", "Enter an amount of €3 or more, such as 7 or 7.50."),
        ("1.000,00", "Enter an amount of €3 or more, such as 7 or 7.50."),
        ("$7", "We take EUR only. Enter an amount of €3 or more."),
        ("₴300", "We take EUR only. Enter an amount of €3 or more."),
        ("7 USD", "We take EUR only. Enter an amount of €3 or more."),
        ("300 грн", "We take EUR only. Enter an amount of €3 or more."),
        ("99999999999", "That is more than a card payment can carry. Please write to us."),
        ("9" * 5000, "That is more than a card payment can carry. Please write to us."),
        ("<script>", "Enter an amount of €3 or more, such as 7 or 7.50."),
    ],
)
def test_an_amount_that_cannot_be_taken_says_why_and_stays_typed(reader: Browser, typed: str, message: str) -> None:
    page = reader.choose("month", "other", other=typed)

    assert page.status_code == 422
    assert message in words(page)
    assert f'value="{html.escape(typed)}" inputmode="decimal"' in page.text
    assert 'href="#other-month"' in page.text


@ON_SQLITE
def test_amounts_are_read_as_people_type_them(shop: Shop) -> None:
    typed = ["7", "7,00", "7.00", "€7", "7 €", " 7 ", "7 EUR"]

    answers = [shop.browser().choose("month", "other", other=text).status_code for text in typed]

    assert answers == [303] * len(typed)
    assert shop.rows(CheckoutAttempt, "amount_minor", "interval") == [(700, "month")] * len(typed)


@ON_SQLITE
def test_nothing_that_was_typed_is_lost_where_something_else_is_wrong(reader: Browser) -> None:
    fields = {"interval": "fortnight", "amount_month": "other", "other_month": "12", "amount_year": "5000", "other_year": "77"}

    page = reader.post("/support", fields)

    assert page.status_code == 422
    assert 'name="other_month" value="12"' in page.text
    assert 'name="other_year" value="77"' in page.text
    assert 'value="5000" data-amount="€50" checked' in page.text


@ON_SQLITE
def test_each_plan_has_its_own_amounts_and_the_foot_sells_the_first(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_press_plan(session)

    plain, press = reader.get("/support"), reader.get("/support?plan=press&interval=month&amount=4000")
    refused = reader.post("/support", {"plan": "press", "interval": "month", "amount_month": "other", "other_month": "19"})
    foreign = reader.post("/support", {"plan": "press", "interval": "month", "amount_month": "500"})

    assert 'name="plan" value="main"' in plain.text
    assert "Press, from €20 a month" in words(plain)
    assert 'name="plan" value="press"' in press.text
    assert 'value="4000" data-amount="€40" checked' in press.text
    assert (refused.status_code, foreign.status_code) == (422, 422)
    assert "Enter €20 or more." in words(refused)
    assert 'name="plan" value="press"' in refused.text
    assert "Choose an amount, or type one of your own." in words(foreign)


@ON_SQLITE
def test_while_stripe_is_closed_every_ask_leads_to_the_other_ways(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_article(session, "the-mains")
        close_stripe(session)

    asked = [reader.get(path) for path in ("/support", "/support/gift", "/support/seats")]
    sent = [reader.choose(), reader.post("/support/gift", {"amount_once": "900"}), reader.post("/support/seats", {})]
    story = reader.get("/articles/the-mains")

    assert [page.status_code for page in asked] == [200, 200, 200]
    assert [page.status_code for page in sent] == [409, 409, 409]
    for page in [*asked, *sent]:
        assert "We can’t take card payments at the moment, and nothing is taken from you." in words(page)
        assert 'href="/support/other"' in page.text
        assert 'name="amount_once"' not in page.text
    assert 'action="/support"' not in story.text
    assert 'href="/support/other"' in story.text
    assert "Give once" not in words(reader.get("/support/other"))


def close_stripe(session: Session) -> None:
    with transaction(session):
        session.add(StripeClosure(closed_at=NOW, reason="closed", place=1))


def make_press_plan(session: Session) -> Plan:
    return services.ensure_plan(
        session,
        key="press",
        name="Press",
        currency="eur",
        minimums={"month": 2000, "year": 20_000, "once": 2000},
        presets={"month": (2000, 4000, 8000), "year": (20_000, 40_000, 80_000), "once": (4000, 8000, 16_000)},
        now=NOW,
    )


def test_only_the_chosen_intervals_amount_is_read(shop: Shop) -> None:
    fields = {"interval": "year", "amount_month": "500", "amount_year": "5000", "other_month": "nonsense", "amount_once": "2000"}

    answer = shop.browser().post("/support", fields)

    assert answer.status_code == 303
    assert shop.rows(CheckoutAttempt, "amount_minor", "interval") == [(5000, "year")]


def test_the_join_page_is_the_same_for_everybody(shop: Shop) -> None:
    stranger, patron = shop.browser(), paid_browser(shop)

    pages = [browser.get("/support") for browser in (stranger, patron)]

    assert pages[0].data == pages[1].data
    assert "Set-Cookie" not in pages[0].headers
    assert "public" in pages[0].headers["Cache-Control"]


@ON_SQLITE
@pytest.mark.parametrize(
    "query",
    ["interval=week&amount=500", "amount=abc", "interval=month&amount=-1", "interval=month&amount=" + "9" * 30, "article=no-such"],
)
def test_an_odd_address_shows_the_plain_ask(reader: Browser, query: str) -> None:
    page = reader.get(f"/support?{query}")

    assert page.status_code == 200
    assert 'value="500" data-amount="€5" checked' in page.text


def test_the_join_page_speaks_the_language_of_its_address(reader: Browser) -> None:
    assert 'action="/uk/support"' in reader.get("/uk/support").text
    assert "української мови там немає" in reader.get("/uk/support").text


def test_without_a_plan_the_pages_say_what_else_there_is(app: Flask) -> None:
    browser = Browser(app.test_client(), "http://localhost")

    assert "not set up here yet" in words(browser.get("/support"))
    assert browser.choose().status_code == 404
    assert browser.get("/support/other").status_code == 200


def test_the_ask_is_refused_from_another_site(app: Flask, reader: Browser) -> None:
    answer = app.test_client().post("/support", data={}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403


def test_the_article_of_the_ask_is_kept_through_an_error(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        make_article(session, "the-mains")

    page = reader.choose("month", "other", other="1", article="the-mains")

    assert 'name="article" value="the-mains"' in page.text
    assert 'href="/articles/the-mains"' in page.text


def test_an_article_that_is_not_published_yet_stays_secret(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        article = make_article(session, "the-mains", published_at=NOW + timedelta(days=1))

    page = reader.get("/support?article=the-mains")

    assert page.status_code == 200
    assert article.headline not in page.text


def test_other_ways_say_of_each_whether_it_makes_a_patron(reader: Browser) -> None:
    page = words(reader.get("/support/other"))

    assert page.count("Makes you a patron:") == 6
    assert "one month for each €3" in page


def test_the_account_page_tells_state_date_amount_and_fee(shop: Shop) -> None:
    page = words(paid_browser(shop).get("/account"))

    ((fee, net),) = shop.rows(Payment, "fee_minor", "net_minor")
    assert "You are a patron until 22 April 2026. Thank you." in page
    assert "€5 a month" in page
    assert f"€5 €{fee / 100:.2f} €{net / 100:.2f}" in page
    assert "reader@example.org not confirmed" in page


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (None, "You are not a patron yet."),
        ((-40, -10), "You were a patron until 12 March 2026. Thank you."),
        ((-10, 20), "You are a patron until 11 April 2026. Thank you."),
    ],
)
def test_the_account_page_says_in_one_sentence_what_you_are(
    app: Flask, reader: Browser, days: tuple[int, int] | None, sentence: str
) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        member = make_member(session)
        if days:
            give_seat(session, member.id, starts_at=NOW + timedelta(days=days[0]), ends_at=NOW + timedelta(days=days[1]))
    sign_in(app, reader.client, member.id)

    page = reader.get("/account")

    assert sentence in words(page)
    assert "No receipts yet" in words(page)
    assert page.headers["Cache-Control"] == "private, no-store"


def test_private_pages_ask_strangers_to_sign_in(reader: Browser) -> None:
    assert reader.get("/account").location == "/sign-in?next=/account"
    assert reader.get("/account/stop").location == "/sign-in?next=/account/stop"
    assert reader.post("/account/stop").location == "/sign-in"
    assert reader.post("/account/resume").location == "/sign-in"


def test_stopping_takes_two_clicks_and_can_be_taken_back(shop: Shop) -> None:
    browser = paid_browser(shop)

    asked = words(browser.get("/account/stop"))
    stopped = browser.get(browser.post("/account/stop", {"reason": "topics"}).location)
    account = words(browser.get("/account"))
    resumed = browser.get(browser.post("/account/resume").location)

    assert "You stay a patron until 22 April 2026" in asked
    assert "Nothing more will be taken. You stay a patron until 22 April 2026." in words(stopped)
    assert "You have stopped." in account
    assert "Your support goes on. Thank you." in words(resumed)
    assert "You are a patron until 22 April 2026. Thank you." in words(resumed)


def test_stopping_while_stripe_is_down_changes_nothing(shop: Shop) -> None:
    browser = paid_browser(shop)
    shop.app.extensions["gateway"] = shop.gateway_to_nowhere()

    answer = browser.post("/account/stop")

    assert answer.status_code == 503
    assert "You are a patron until 22 April 2026. Thank you." in words(browser.get("/account"))


def test_who_pays_nothing_by_itself_has_nothing_to_stop(app: Flask, reader: Browser) -> None:
    with make_sessions(app.extensions["kernel"].engine)() as session:
        member = make_member(session)
        give_seat(session, member.id)
    sign_in(app, reader.client, member.id)

    assert "There is nothing to stop" in words(reader.get("/account/stop"))
    assert reader.post("/account/stop").status_code == 200
    assert reader.post("/account/resume").status_code == 404


def test_stopping_what_is_past_due_says_that_it_ends_at_once(shop: Shop) -> None:
    browser = paid_browser(shop)
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    shop.stripe.control("fail", id=stripe_id)
    shop.webhooks_arrive()

    account = words(browser.get("/account"))
    asked = words(browser.get("/account/stop"))
    stopped = words(browser.get(browser.post("/account/stop").location))

    assert "it is overdue" in account
    assert "Your support ends at once." in asked
    assert "Stopped at once. Nothing more will be taken." in stopped
