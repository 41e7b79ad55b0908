"""One person of whom there is a row in every table that can hold something of somebody."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain, count
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from membership.accounts import models as accounts
from membership.articles.models import Article
from membership.credits.models import Award
from membership.db import Base, transaction
from membership.outbox import OutboxItem
from membership.patronage import models as patronage
from membership.voting import models as voting
from tests.conftest import NOW

Made = dict[str, list[Base]]
LATER = NOW + timedelta(days=20)
_serial = count(1)


def make_everything(session: Session, who: str, *, plan_id: int, round_id: int) -> tuple[int, Made]:
    """Write the rows and return the member's id with all of them by table; whatever is a text says who."""
    with transaction(session):
        member = accounts.Member(email=f"{who}@example.org", display_name=f"{who} name", user_handle=_bytes(who), created_at=NOW)
        article = _article(who)
        session.add_all([member, article])
        session.flush()
        made: Made = {"member": [member]}
        supported = _of_support(who, member.id, plan_id, article.id)
        for row in chain(_of_accounts(who, member.id), supported, _of_giving(who, member.id), _of_votes(who, member.id, round_id)):
            session.add(row)
            session.flush()
            made.setdefault(str(row.__tablename__), []).append(row)
    return member.id, made


def _of_accounts(who: str, member_id: int) -> Iterator[Base]:
    email, since = f"{who}@example.org", {"created_at": NOW, "expires_at": LATER}
    yield accounts.SignInRequest(email=email, browser_hash=_bytes(who), language="en", next_path=f"/{who}", **since)
    yield accounts.LoginSession(
        token_hash=_bytes(who), member_id=member_id, last_seen_at=NOW, method="mail", browser_hash=_bytes(who), **since
    )
    yield accounts.StaffLink(token_hash=_bytes(who), member_id=member_id, **since)
    key = {"credential_id": _bytes(who), "public_key": _bytes(who), "sign_count": 0}
    yield accounts.Passkey(member_id=member_id, name=f"{who} key", created_at=NOW, **key)
    yield accounts.PasskeyChallenge(
        challenge=_bytes(who), browser_hash=_bytes(who), purpose="confirm", member_id=member_id, **since
    )
    yield accounts.RecoveryCode(member_id=member_id, code_hash=_bytes(who), created_at=NOW, used_at=NOW)
    yield accounts.Invitation(email=email, display_name=f"{who} name", roles=["editor"], **since)
    change = {"asked_at": NOW, "expires_at": LATER, "not_before": NOW, "done_at": NOW, "undo_token_hash": _bytes(who)}
    yield accounts.AddressChange(member_id=member_id, old_email=f"{who}-old@example.org", new_email=email, reason=who, **change)
    yield accounts.MailChoice(member_id=member_id, mail_group="stories", off_at=NOW)
    sent = {"created_at": NOW, "due_at": NOW, "done_at": NOW}
    yield OutboxItem(key=f"{who}:1", kind="welcome", payload={"payment_id": 1}, member_id=member_id, **sent)


def _of_support(who: str, member_id: int, plan_id: int, article_id: int) -> Iterator[Base]:
    paid = {"interval": "once", "amount_minor": 500, "currency": "eur", "language": "en", "article_id": article_id}
    done = {"created_at": NOW, "settled_at": NOW, "completed_at": NOW, "paid_at": NOW, "browser_hash": _bytes(who)}
    attempt = patronage.CheckoutAttempt(
        id=uuid4(), plan_id=plan_id, member_id=member_id, purpose="gift", buyer_email=f"{who}-gift@example.org", **paid, **done
    )
    attempt.stripe_session_id, attempt.stripe_session_url = f"cs_{who}", f"https://stripe.example/{who}"
    yield attempt
    yield patronage.StripeCustomer(stripe_id=f"cus_{who}", member_id=member_id, created_at=NOW)
    yield patronage.Gift(id=uuid4(), attempt_id=attempt.id, months=3, created_at=NOW, redeemed_at=NOW, redeemed_by=member_id)
    support = {"status": "canceled", "amount_minor": 500, "currency": "eur", "ended_at": NOW, "created_at": NOW}
    card = {
        "card_brand": f"{who} card",
        "card_last4": "4242",
        "card_expires": date(2030, 1, 31),
        "open_invoice_url": f"https://{who}",
    }
    for name in ("sub", "sub2"):
        stripe_id = f"{name}_{who}"
        yield patronage.Subscription(stripe_id=stripe_id, member_id=member_id, article_id=article_id, **support, **card)
    yield patronage.DuplicateSubscription(subscription_id=f"sub2_{who}", kept_id=f"sub_{who}", refunds_from=NOW, found_at=NOW)
    owned = {"member_id": member_id, "currency": "eur", "amount_minor": 500}
    yield patronage.Payment(
        kind="charge",
        source="stripe",
        reference=f"ch_{who}",
        fee_minor=50,
        net_minor=450,
        occurred_at=NOW,
        article_id=article_id,
        **owned,
    )
    yield patronage.DeclinedCharge(stripe_id=f"ch2_{who}", code="card_declined", occurred_at=NOW, **owned)
    period = {"starts_at": NOW, "ends_at": LATER}
    yield patronage.PaidPeriod(member_id=member_id, source="once", reference=f"ch_{who}", **period)
    yield patronage.Dispute(
        stripe_id=f"dp_{who}", charge_reference=f"ch_{who}", status="won", reason="general", opened_at=NOW, **owned
    )
    refund = {"charge_reference": f"ch_{who}", "cause": "staff", "amount_minor": 5, "ordered_at": NOW, "done_at": NOW}
    yield patronage.RefundOrder(id=uuid4(), member_id=member_id, note=f"{who} refund note", **refund)


def _of_giving(who: str, member_id: int) -> Iterator[Base]:
    email = f"{who}@example.org"
    answer = {"requested_at": NOW, "decision": "granted", "decided_at": NOW}
    yield patronage.FreeSeatRequest(email=email, language="en", member_id=member_id, **answer)
    yield patronage.TransferReference(reference=f"REF-{who}", member_id=member_id, language="en", created_at=NOW)
    statement = patronage.BankImport(imported_at=NOW, rows=1, matched=1, known=0, skipped=0)
    yield statement
    known = {"booked_on": NOW.date(), "amount_minor": 900, "currency": "eur", "payer": "", "text": "", "state": "matched"}
    yield patronage.BankTransfer(
        import_id=statement.id, fingerprint=who, member_id=member_id, months=3, decided_at=NOW, note=f"{who} transfer note", **known
    )
    applied = patronage.PatreonImport(uploaded_at=NOW, applied_at=NOW)
    yield applied
    yield patronage.PatreonMember(patreon_id=f"p_{who}", member_id=member_id, paid_until=LATER, last_import_id=applied.id)
    yield patronage.CancelRequest(email=email, language="en", requested_at=NOW)
    twin = accounts.Member(display_name=f"{who} second", created_at=NOW)
    yield twin
    yield patronage.TwinNotice(member_id=twin.id, earlier_member_id=member_id, noticed_at=NOW, decision="not_me", decided_at=NOW)
    yield patronage.MemberNote(member_id=member_id, text=f"{who} note", written_at=NOW)


def _of_votes(who: str, member_id: int, round_id: int) -> Iterator[Base]:
    words = {"slug": f"topic-of-{who}", "title": f"{who} topic", "why": who, "suggested_as": f"{who} pen name"}
    topic = voting.Topic(**words, suggested_by_id=member_id, created_at=NOW)
    yield topic
    yield voting.TopicSupport(topic_id=topic.id, member_id=member_id)
    yield voting.RollEntry(round_id=round_id, member_id=member_id)
    yield voting.Participation(round_id=round_id, member_id=member_id, counted=True)
    yield Award(member_id=member_id, badge="co_creator", round_id=round_id, awarded_at=NOW)


def _article(who: str) -> Article:
    text: dict[str, Any] = {"slug": f"article-of-{who}", "headline": f"What {who} read", "body_html": "<p>Words</p>"}
    return Article(source="test", source_id=who, published_at=NOW, updated_at=NOW, **text)


def _bytes(who: str) -> bytes:
    return f"{who}-{next(_serial)}".encode().ljust(32, b".")
