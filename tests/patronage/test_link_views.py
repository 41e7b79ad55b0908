"""What works without signing in: the links in receipts, and the way out in every footer."""

import html
import re
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from membership.accounts.models import Member
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage.links import make_link
from membership.patronage.models import CancelRequest, CheckoutAttempt, Payment, Subscription
from membership.stripe_standin.cards import PAYS
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import make_member, sign_in
from tests.patronage.conftest import ON_SQLITE, Shop
from tests.patronage.test_account_views import fields, follow, words

MONTH = timedelta(days=31)
EVERYTHING: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (Subscription, ("status", "amount_minor", "cancel_at", "is_paused")),
    (CheckoutAttempt, ("withdrawn_at",)),
    (Payment, ("kind", "amount_minor")),
)


def mails(shop: Shop) -> list[Any]:
    """Send what waits and return every mail of the mailbox, oldest first."""
    shop.app.extensions["kernel"].queue.run("mails")
    folder = Path(shop.app.extensions["kernel"].settings.mail_url.removeprefix("maildir://")) / "new"
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]


def links_of(mail: Any) -> dict[str, str]:
    """Return the signed links of a mail by what they do, as paths."""
    found = re.findall(r"http://localhost:\d+(/links/(\w+)/[^\s/]+)(?=\s)", mail.get_content())
    return {purpose: path for path, purpose in found}


def receipt_of_a_patron(shop: Shop) -> dict[str, str]:
    """Let somebody pay €5 a month who never signs in; return the links of their receipt."""
    shop.stripe.pay(shop.browser().choose().location, email="reader@example.org")
    shop.webhooks_arrive()
    (mail,) = mails(shop)
    return links_of(mail)


def everything(shop: Shop) -> list[list[tuple[Any, ...]]]:
    return [shop.rows(model, *columns) for model, columns in EVERYTHING]


def test_a_scanner_that_opens_every_link_changes_nothing_and_learns_nothing(shop: Shop) -> None:
    links = receipt_of_a_patron(shop)
    before = everything(shop)
    scanner = shop.browser()

    pages = [scanner.get(path) for path in (*links.values(), links["stop"] + "/withdraw", links["card"] + "/done")]

    assert sorted(links) == ["card", "lower", "pause", "stop"]
    assert [page.status_code for page in pages] == [200, 200, 200, 200, 200, 303]
    assert everything(shop) == before
    for page in pages:
        assert "reader@example.org" not in page.text
        assert "noindex" in page.text or page.status_code == 303
        assert page.headers["Cache-Control"] == "private, no-store"
    assert [page.text for page in pages if "€5" in page.text] == [pages[sorted(links, key=list(links).index).index("lower")].text]


def test_a_link_that_no_longer_works_says_what_else_does(shop: Shop) -> None:
    links = receipt_of_a_patron(shop)
    browser = shop.browser()
    ((member,),) = shop.rows(Member, "id")
    owner = shop.browser()
    sign_in(shop.app, owner.client, member)
    broken = [links["stop"][:-2], links["stop"].replace("/stop/", "/pause/")]

    pages = [browser.get(path) for path in broken] + [browser.post(path) for path in broken]
    owner.post("/account/links/revoke")
    pages.append(browser.post(links["stop"]))
    shop.clock.instant = NOW + timedelta(days=61)
    pages.append(browser.get(links["stop"]))

    assert [page.status_code for page in pages] == [410] * 6
    assert all("/cancel" in page.text and "/sign-in" in page.text for page in pages)
    assert everything(shop)[0] == [("active", 500, None, False)]


def test_links_in_mails_to_a_former_address_are_dead_and_those_made_since_work(shop: Shop) -> None:
    links = receipt_of_a_patron(shop)
    shop.clock.instant = NOW + timedelta(minutes=1)
    with shop.session() as session, transaction(session):
        session.scalars(select(Member)).one().address_changed_at = shop.clock.now()
    browser, secret = shop.browser(), shop.app.extensions["kernel"].settings.secret_key
    ((key,),) = shop.rows(CheckoutAttempt, "link_key")
    fresh = make_link(secret, "stop", key, now=shop.clock.now())

    paths = [*links.values(), links["stop"] + "/withdraw", links["lower"] + "/confirm", links["card"] + "/done"]
    pages = [browser.get(path) for path in paths] + [browser.post(path) for path in (links["stop"], links["stop"] + "/withdraw")]

    assert [page.status_code for page in pages] == [410] * 9
    assert all("/cancel" in page.text and "/sign-in" in page.text for page in pages)
    assert everything(shop)[0] == [("active", 500, None, False)]
    assert browser.get(f"/links/stop/{fresh}").status_code == 200


def test_stopping_by_a_link_takes_one_button_and_is_confirmed_by_mail(shop: Shop) -> None:
    stop = receipt_of_a_patron(shop)["stop"]
    browser = shop.browser()

    asked = words(browser.get(stop))
    stopped = words(follow(browser, browser.post(stop, {"reason": "topics"})))
    again = browser.post(stop)

    assert "You stay a patron until 22 April 2026" in asked
    assert "Stopped Nothing more will be taken. You stay a patron until 22 April 2026." in stopped
    assert again.status_code == 303
    assert shop.rows(Subscription, "cancel_at") == [(NOW + MONTH,)]
    told = mails(shop)[1:]
    assert [mail["Subject"] for mail in told] == ["Your support is stopped"]
    assert "You stay a patron until 22 April 2026" in told[0].get_content()


def test_a_link_lowers_and_never_raises(shop: Shop) -> None:
    lower = receipt_of_a_patron(shop)["lower"]
    browser = shop.browser()

    refused = browser.post(lower, {"amount": "7"})
    tampered = browser.get(lower + "/confirm?interval=month&amount=700&when=next")
    at_once = browser.get(lower + "/confirm?interval=month&amount=300&when=now")
    shown = follow(browser, browser.post(lower, {"amount": "3"}))
    browser.post(lower + "/confirm", fields(shown))

    assert refused.status_code == 422
    assert "Enter less than €5." in words(refused)
    assert (tampered.location, at_once.location) == (lower, lower)
    assert "Today nothing is taken Next payment €3 on 22 April 2026" in words(shown)
    assert shop.rows(Subscription, "amount_minor") == [(300,)]
    told = mails(shop)[-1]
    assert told["Subject"] == "Your support has changed"
    assert "You now support us with €3 a month." in told.get_content()


def test_pausing_and_another_card_by_a_link(shop: Shop) -> None:
    links = receipt_of_a_patron(shop)
    browser = shop.browser()

    paused = words(follow(browser, browser.post(links["pause"], {"until": "2026-05-22"})))
    back = shop.stripe.change_card(browser.post(links["card"]).location, PAYS)
    changed = words(follow(browser, browser.get(back)))

    assert "Nothing is taken before 22 May 2026" in paused
    told = mails(shop)[-1]
    assert told["Subject"] == "Your support is paused until 22 May 2026"
    assert "The first payment after the pause: €5 on 22 May 2026." in told.get_content()
    assert back == f"{shop.site}{links['card']}/done"
    assert "Your new card is used from the next payment on." in changed


@pytest.mark.parametrize(("interval", "amount"), [("month", "500"), ("once", "2000")])
def test_the_way_out_works_by_mail_alone_and_lets_one_withdraw(shop: Shop, interval: str, amount: str) -> None:
    shop.stripe.pay(shop.browser().choose(interval, amount).location, email="reader@example.org")
    shop.webhooks_arrive()
    browser = shop.browser()

    sent = follow(browser, browser.post("/cancel", {"email": "Reader@Example.org"}))
    mail = mails(shop)[-1]
    withdraw = links_of(mail)["stop"] + "/withdraw"
    done = words(follow(browser, browser.post(withdraw)))

    assert "A mail is on its way to the address you gave." in words(sent)
    assert "reader@example.org" not in sent.text
    assert "get everything back" in mail.get_content()
    assert "We have your withdrawal of Sunday 22 March 2026, 14:00 in Kyiv." in done
    assert sum(net for (net,) in shop.rows(Payment, "amount_minor")) == 0
    confirmed = next(mail for mail in mails(shop) if mail["Subject"] == "We have your withdrawal")
    assert "You withdrew from the contract: Sunday 22 March 2026, 14:00 in Kyiv." in confirmed.get_content()


def test_the_way_out_answers_everybody_alike_and_a_stranger_gets_a_mail_too(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location, email="typed@example.org")
    shop.webhooks_arrive()
    mails(shop)
    with shop.session() as session, transaction(session):
        session.query(OutboxItem).delete()
    browser = shop.browser()

    answers = [browser.post("/cancel", {"email": address}) for address in ("typed@example.org", "nobody@example.org")]

    assert len({(answer.status_code, answer.location, answer.text) for answer in answers}) == 1
    told = {mail["To"]: mail["Subject"] for mail in mails(shop)[-2:]}
    assert told == {
        "typed@example.org": "How to stop your support",
        "nobody@example.org": "No support runs under this address",
    }


@ON_SQLITE
def test_at_most_three_mails_an_hour_go_to_one_address(shop: Shop) -> None:
    browser = shop.browser()

    answers = [browser.post("/cancel", {"email": "reader@example.org"}).status_code for _ in range(7)]
    shop.clock.instant = NOW + timedelta(hours=1)
    browser.post("/cancel", {"email": "reader@example.org"})

    assert answers == [303] * 7
    assert len(shop.rows(CancelRequest, "id")) == 4
    shop.clock.instant = NOW + timedelta(days=2)
    shop.app.extensions["kernel"].queue.run("forget_requests")
    assert shop.rows(CancelRequest, "id") == []


@ON_SQLITE
@pytest.mark.parametrize("typed", ["", "reader", "a@b@c", "<script>@example.org", "x" * 3000 + "@example.org"])
def test_what_is_no_address_says_so_and_stays_typed(shop: Shop, typed: str) -> None:
    page = shop.browser().post("/cancel", {"email": typed})

    assert page.status_code == 422
    assert "Enter your e-mail address, such as name@example.org." in words(page)
    assert f'value="{html.escape(typed)}"' in page.text


@ON_SQLITE
def test_who_is_signed_in_is_led_to_their_own_page(shop: Shop) -> None:
    with shop.session() as session:
        member = make_member(session)
    browser = shop.browser()
    sign_in(shop.app, browser.client, member.id)

    assert browser.get("/cancel").location == "/account/stop"


@ON_SQLITE
def test_a_link_about_nothing_that_runs_says_so(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose("once", "2000").location)
    shop.webhooks_arrive()
    ((key,),) = shop.rows(CheckoutAttempt, "link_key")
    browser = shop.browser()

    pages = {
        purpose: browser.get(f"/links/{purpose}/{make_link(SECRET_KEY, purpose, key, now=NOW)}")
        for purpose in ("card", "lower", "pause", "stop")
    }

    assert {purpose for purpose, page in pages.items() if "Nothing is running" in words(page)} == {"card", "lower", "pause"}
    assert "There is nothing to stop" in words(pages["stop"])
