"""The receipt that a payment sends."""

from pathlib import Path

from membership.accounts.models import Member
from membership.db import transaction
from membership.outbox import Letter, OutboxItem
from membership.patronage.jobs import _prepare_welcome
from membership.patronage.models import Payment
from tests.conftest import NOW, SECRET_KEY
from tests.factories.accounts import make_member
from tests.patronage.conftest import Shop, Till


def letters_of(till: Till) -> list[Letter | None]:
    payloads = till.session.query(OutboxItem.payload).order_by(OutboxItem.id).all()
    return [_prepare_welcome(till.session, payload, NOW, secret_key=SECRET_KEY) for (payload,) in payloads]


def test_the_first_payment_welcomes_and_a_renewal_is_a_receipt(till: Till) -> None:
    till.pays()
    till.stripe.control("renew", id=till.subscription.stripe_id)
    till.sync(till.subscription.stripe_id)

    letters = letters_of(till)

    assert [(letter.to, letter.template, letter.language) for letter in letters if letter] == [
        ("reader@example.org", "welcome", "en")
    ] * 2
    assert [(letter.context["is_first"], letter.context["amount_minor"]) for letter in letters if letter] == [
        (True, 500),
        (False, 500),
    ]


def test_a_deleted_member_is_written_nothing(till: Till) -> None:
    till.pays()
    with transaction(till.session):
        till.session.query(Member).delete()
    till.session.expire_all()

    assert letters_of(till) == [None]


def test_an_address_that_is_none_is_written_nothing(till: Till) -> None:
    till.pays()
    with transaction(till.session):
        till.session.query(Member).one().typed_email = None

    assert letters_of(till) == [None]


def test_a_twin_is_not_told_to_sign_in_with_an_address_that_lets_somebody_else_in(shop: Shop) -> None:
    with shop.session() as session:
        make_member(session, "reader@example.org")
    browser = shop.browser()
    browser.get(browser.get(shop.stripe.pay(browser.choose().location)).location)

    shop.app.extensions["kernel"].queue.run("mails")

    folder = Path(shop.app.extensions["kernel"].settings.mail_url.removeprefix("maildir://"))
    (mail,) = [path.read_text().replace("=\n", "") for path in (folder / "new").iterdir()]
    assert "A second mail asks you whether both are yours, and joins them." in mail
    assert "sign in with this address" not in mail
    # Whoever has typed somebody else's address must not learn from their own page that it is known.
    assert "sign in with it once by mail" in browser.get("/account").text


def test_the_mail_tells_amount_fee_and_the_way_back(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    shop.webhooks_arrive()

    shop.app.extensions["kernel"].queue.run("mails")

    ((fee, net),) = shop.rows(Payment, "fee_minor", "net_minor")
    folder = Path(shop.app.extensions["kernel"].settings.mail_url.removeprefix("maildir://"))
    (mail,) = [path.read_text() for path in (folder / "new").iterdir()]
    text = mail.replace("=\n", "").replace("=E2=82=AC", "€").replace("=3D", "=")
    assert "To: reader@example.org" in text
    assert f"The card company took €{fee / 100:.2f}; €{net / 100:.2f} reached us." in text
    assert "On your bank statement: TEST GAZETTE" in text
    assert "You are a patron until: Wednesday 22 April 2026, 15:00 in Kyiv" in text
    assert f"{shop.site}/sign-in?next=/account" in text
    assert f"{shop.site}/cancel" in text
    assert [done for (done,) in shop.rows(OutboxItem, "done_at")] == [NOW]
