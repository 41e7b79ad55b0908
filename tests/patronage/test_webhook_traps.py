"""Traps that others fell into, each over real HTTP: what Stripe sends differs, lags or lies, and our tables stay true."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.serving import ThreadedWSGIServer

from membership.accounts.models import Member
from membership.patronage import queries
from membership.patronage.entitlement import Standing
from membership.patronage.gateway import Gateway
from membership.patronage.models import PaidPeriod, Payment, StripeEvent, Subscription
from membership.patronage.webhooks import MOST_INLINE
from membership.stripe_standin.loopback import Reply, request
from tests.conftest import NOW
from tests.patronage.conftest import ON_SQLITE, Shop, Silent, Till

MONTH = timedelta(days=31)  # from 22 March
THREADS = 8  # of one worker in production
PATIENCE = 60  # seconds; reached only where something is wrong


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop whose webhooks wait for Stripe as long as it takes: nothing here depends on how fast this machine is."""
    settings = shop.app.extensions["kernel"].settings
    shop.app.extensions["quick_gateway"] = Gateway(settings, timeout=PATIENCE, retries=0)
    return shop


def standing(shop: Shop) -> Standing:
    """Return what the only member may do."""
    ((member_id,),) = shop.rows(Member, "id")
    with shop.session() as session:
        return queries.standing_of(session, member_id, at=shop.clock.now())


def unfinished(shop: Shop) -> list[tuple[Any, ...]]:
    return [row for row in shop.rows(StripeEvent, "state", "type", "last_error") if row[0] not in ("done", "ignored")]


def rewrite(tmp_path: Path, stripe_id: str, field: str, value: str) -> None:
    """Change a field of an object at Stripe to what the stand-in itself would never say."""
    with closing(sqlite3.connect(tmp_path / "stand-in" / "stripe.db", timeout=5)) as state, state:
        state.execute("UPDATE object SET body = json_set(body, ?, ?) WHERE id = ?", (f"$.{field}", value, stripe_id))


def post(url: str, raw: bytes, header: str, host: str = "") -> Reply:
    headers = {"Content-Type": "application/json", "Stripe-Signature": header}
    return request("POST", url, raw, headers | ({"Host": host} if host else {}), timeout=PATIENCE)


@ON_SQLITE
def test_whatever_is_odd_about_a_request_is_a_400_and_the_next_event_is_taken(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    good, header = shop.stripe.signed(shop.stripe.client().v1.events.list().data[0].id)
    at, sign = int(NOW.timestamp()), shop.stripe.sign
    deep = b'{"data":' * 10_000 + b"1" + b"}" * 10_000
    odd = {
        "no signature": (good, ""),
        "not ASCII": (good, f"t={at},v1=\xe9" + "0" * 63),
        "a timestamp of 5,000 digits": (good, sign(good, at="9" * 5_000)),
        "a signature of 5,000 digits": (good, f"t={at},v1={'0' * 5_000}"),
        "from the future": (good, sign(good, at=at + 301)),
        "a year ahead": (good, sign(good, at=at + 365 * 86_400)),
        "stale": (good, sign(good, at=at - 301)),
        "another secret": (good, sign(good, secret="whsec_other")),
        "signed for another second": (good, header.replace(f"t={at}", f"t={at + 1}")),
        "a list": (b"[]", sign(b"[]")),
        "a list of events": (b"[" + good + b"]", sign(b"[" + good + b"]")),
        "lists nested 10,000 deep": (b"[" * 10_000 + b"]" * 10_000, sign(b"[" * 10_000 + b"]" * 10_000)),
        "objects nested 10,000 deep": (deep, sign(deep)),
        "a number of 5,000 digits": (b"9" * 5_000, sign(b"9" * 5_000)),
        "half an event": (good[:-9], sign(good[:-9])),
    }

    url = f"{shop.site}/stripe/webhook"
    answers = {name: post(url, raw, sent).status for name, (raw, sent) in odd.items()}

    assert answers == dict.fromkeys(odd, 400)
    assert shop.rows(StripeEvent, "stripe_id") == []
    assert post(url, good, header).status == 200
    assert len(shop.rows(StripeEvent, "stripe_id")) == 1


@ON_SQLITE
def test_while_a_secret_is_changed_both_are_good(shop: Shop) -> None:
    """Stripe then signs each event with both; we may know the old one only, or have the new one first already."""
    shop.stripe.pay(shop.browser().choose().location)
    events = [event.id for event in shop.stripe.client().v1.events.list({"limit": 2}).data]
    statuses = []
    for event_id, unknown_first in zip(events, (True, False), strict=True):
        raw, ours = shop.stripe.signed(event_id)
        theirs = shop.stripe.sign(raw, secret="whsec_next").partition(",")[2]
        at, _, known = ours.partition(",")
        header = ",".join([at, theirs, known] if unknown_first else [at, known, theirs])
        statuses.append(post(f"{shop.site}/stripe/webhook", raw, header).status)

    assert statuses == [200, 200]
    assert sorted(event_id for (event_id,) in shop.rows(StripeEvent, "stripe_id")) == sorted(events)


def test_badly_signed_events_come_again_and_are_taken_then(shop: Shop) -> None:
    shop.stripe.chaos(wrong_signature={"next": 4}, stale={"next": 4}, future={"next": 4})
    shop.stripe.pay(shop.browser().choose().location)
    refused = {attempt["status"] for attempt in shop.webhooks_arrive()[:12]}
    shop.stripe.calm()
    shop.clock.instant = NOW + timedelta(seconds=1)
    shop.webhooks_arrive()

    assert refused == {400}
    assert standing(shop) == Standing(True, "patron", NOW + MONTH)
    assert shop.stripe.client().v1.events.list({"delivery_success": False}).data == []


@pytest.mark.parametrize("shape", ["today", "before 2025"])
def test_the_events_of_the_invoice_alone_bring_the_paid_month(shop: Shop, shape: str) -> None:
    """Its subscription stands in parent.subscription_details today, in a field of its own before; its period on the item or not."""
    shop.stripe.chaos(drop={"rate": 1, "type": "[!i]*"}, old_shape=0 if shape == "today" else {"rate": 1})
    shop.stripe.pay(shop.browser().choose().location)

    statuses = {attempt["status"] for attempt in shop.webhooks_arrive()}

    assert statuses == {200}
    assert {type_.partition(".")[0] for (type_,) in shop.rows(StripeEvent, "type")} == {"invoice", "invoice_payment"}
    assert {version for (version,) in shop.rows(StripeEvent, "api_version")} == {
        "2026-10-28.endive" if shape == "today" else "2024-06-20"
    }
    assert shop.rows(Subscription, "status", "current_period_end") == [("active", NOW + MONTH)]
    assert shop.rows(PaidPeriod, "starts_at", "ends_at") == [(NOW, NOW + MONTH)]
    assert standing(shop) == Standing(True, "patron", NOW + MONTH)


def test_a_year_of_old_payloads_ends_like_one_of_todays(shop: Shop) -> None:
    """Joined, renewed, stopped in the portal and refunded, all told in the words of 2024."""
    shop.stripe.chaos(old_shape={"rate": 1})
    shop.stripe.pay(shop.browser().choose().location)
    shop.webhooks_arrive()
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    for action in ("renew", "cancel-at-period-end", "refund"):
        shop.stripe.control(action, id=stripe_id)
        assert {attempt["status"] for attempt in shop.webhooks_arrive()} == {200}

    end = NOW.replace(month=5)
    assert unfinished(shop) == []
    assert shop.rows(Subscription, "status", "current_period_end", "cancel_at") == [("active", end, end)]
    assert shop.rows(Payment, "kind", "amount_minor") == [("charge", 500), ("charge", 500), ("refund", -500)]
    assert sorted(shop.rows(PaidPeriod, "starts_at", "ends_at", "reversed_at")) == [
        (NOW, NOW + MONTH, None),
        (NOW + MONTH, end, NOW),
    ]


def test_a_stop_in_the_portal_shows_in_cancel_at_alone(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    shop.webhooks_arrive()
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    shop.stripe.control("cancel-at-period-end", id=stripe_id)
    shop.webhooks_arrive()

    stopped = shop.stripe.client().v1.subscriptions.retrieve(stripe_id)
    assert (stopped.cancel_at_period_end, stopped.cancel_at) == (False, int((NOW + MONTH).timestamp()))
    assert shop.rows(Subscription, "status", "cancel_at") == [("active", NOW + MONTH)]
    assert standing(shop) == Standing(True, "cancelling", NOW + MONTH)


@ON_SQLITE
def test_the_sdks_objects_are_no_dicts_and_none_of_them_leaves_the_gateway(till: Till) -> None:
    session_id = till.pays()
    subscription = till.stripe.client().v1.subscriptions.retrieve(till.subscription.stripe_id)
    with pytest.raises(AttributeError):
        subscription.get("status")  # type: ignore[attr-defined]  # the trap itself

    facts = asdict(till.gateway.fetch_subscription(till.subscription.stripe_id))
    checkout = asdict(till.gateway.fetch_checkout(session_id))

    assert {type(value) for value in leaves([facts, checkout])} <= {str, int, bool, type(None), type(NOW), date}


def leaves(value: Any) -> Iterator[Any]:
    """Yield everything in nested dicts and sequences that is neither."""
    if isinstance(value, dict | list | tuple):
        for child in value.values() if isinstance(value, dict) else value:
            yield from leaves(child)
    else:
        yield value


def test_a_status_that_nobody_knows_gives_no_access_and_raises_an_alert(shop: Shop, tmp_path: Path) -> None:
    """A month that was paid stays; of the days of grace after it, which past_due would give, there are none."""
    shop.stripe.pay(shop.browser().choose().location)
    shop.webhooks_arrive()
    ((stripe_id,),) = shop.rows(Subscription, "stripe_id")
    shop.clock.instant = NOW + MONTH - timedelta(hours=1)
    shop.stripe.control("fail", id=stripe_id)
    shop.webhooks_arrive()
    shop.clock.instant = NOW + MONTH + timedelta(hours=1)
    known = standing(shop).may_vote
    shop.stripe.client().v1.subscriptions.update(stripe_id, {"description": "Touched, so that there is an event"})
    rewrite(tmp_path, stripe_id, "status", "moonlit")

    with capture_logs() as logs:
        statuses = {attempt["status"] for attempt in shop.webhooks_arrive()}

    alerts = [line for line in logs if line["event"] == "stripe.unknown_status"]
    assert (known, statuses) == (True, {200})
    assert shop.rows(Subscription, "stripe_id", "status") == [(stripe_id, "moonlit")]
    assert not standing(shop).may_vote
    assert alerts[0] == {
        "event": "stripe.unknown_status",
        "log_level": "error",
        "subscription": stripe_id,
        "status": "moonlit",
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_events_of_the_same_second_in_any_order_end_in_the_truth(shop: Shop, seed: int) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    stripe_id = shop.stripe.client().v1.subscriptions.list().data[0].id
    for action in ("fail", "recover", "cancel-at-period-end"):
        shop.stripe.control(action, id=stripe_id)
    shop.stripe.chaos(reorder={"rate": 1, "seed": seed}, duplicate={"rate": 0.5, "seed": seed})

    shop.webhooks_arrive()

    ties = {created for (created,) in shop.rows(StripeEvent, "created_at")}
    end = NOW.replace(month=5)
    assert ties == {NOW}
    assert unfinished(shop) == []
    assert shop.rows(Subscription, "status", "cancel_at", "past_due_since") == [("active", end, None)]
    assert shop.rows(Payment, "amount_minor") == [(500,), (500,)]
    assert standing(shop) == Standing(True, "cancelling", end)


def test_another_product_of_the_same_account_is_not_ours(shop: Shop) -> None:
    client = shop.stripe.client()
    price = client.v1.prices.create(
        {"currency": "eur", "unit_amount": 900, "recurring": {"interval": "month"}, "product_data": {"name": "Mugs"}}
    )
    foreign = client.v1.checkout.sessions.create(
        {"mode": "subscription", "line_items": [{"price": price.id, "quantity": 1}], "success_url": "http://localhost/"}
    )
    shop.stripe.pay(foreign.url or "")
    subscription_id = str(client.v1.checkout.sessions.retrieve(foreign.id).subscription)
    shop.stripe.control("renew", id=subscription_id)
    shop.stripe.control("refund", id=subscription_id)

    statuses = {attempt["status"] for attempt in shop.webhooks_arrive()}

    assert statuses == {200}
    assert {state for (state,) in shop.rows(StripeEvent, "state")} == {"ignored"}
    assert [shop.rows(model, "id") for model in (Member, Payment, PaidPeriod)] == [[], [], []]
    assert shop.rows(Subscription, "stripe_id") == []


@ON_SQLITE
def test_a_live_event_about_something_of_ours_has_no_effect_in_test_mode(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    paid = shop.stripe.client().v1.events.list({"type": "invoice.paid"}).data[0]
    event = json.loads(shop.stripe.signed(paid.id)[0])
    raw = json.dumps(event | {"livemode": True}).encode()

    answer = post(f"{shop.site}/stripe/webhook", raw, shop.stripe.sign(raw))
    shop.app.extensions["kernel"].queue.run("events")

    assert answer.status == 200
    assert shop.rows(StripeEvent, "type", "livemode", "state") == [("invoice.paid", True, "ignored")]
    assert shop.rows(Subscription, "stripe_id") == []


def test_a_customer_deleted_between_event_and_fetch_ends_the_subscription(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    client = shop.stripe.client()
    client.v1.customers.delete(client.v1.customers.list().data[0].id)

    statuses = {attempt["status"] for attempt in shop.webhooks_arrive()}

    assert statuses == {200}
    assert unfinished(shop) == []
    assert shop.rows(Subscription, "status") == [("canceled",)]
    assert shop.rows(Payment, "amount_minor") == [(500,)]


@contextmanager
def worker(shop: Shop) -> Iterator[str]:
    """Serve the app with as many threads as one worker has; a webhook that waits for Stripe keeps one of them."""
    with ThreadPoolExecutor(THREADS + 1) as threads:  # one of them for the loop

        class Worker(ThreadedWSGIServer):
            def process_request(self, request: Any, client_address: Any) -> None:
                threads.submit(self.process_request_thread, request, client_address)

        server = Worker("127.0.0.1", 0, shop.app, Silent)
        loop = threads.submit(server.serve_forever, 0.01)
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            shop.stripe.calm()
            server.shutdown()
            loop.result()
            server.server_close()


def test_while_stripe_is_slow_and_ten_webhooks_arrive_the_site_goes_on_serving(shop: Shop) -> None:
    shop.stripe.pay(shop.browser().choose().location)
    event = shop.stripe.client().v1.events.list({"type": "invoice.paid"}).data[0]
    bodies = [shop.stripe.signed(event.id)[0].replace(event.id.encode(), f"evt_{n}".encode()) for n in range(10)]
    host = shop.site.removeprefix("http://")
    shop.stripe.chaos(hang={"rate": 1, "ms": 60_000})

    with worker(shop) as url, ThreadPoolExecutor(len(bodies)) as senders:
        sent: list[Future[Reply]] = [
            senders.submit(post, f"{url}/stripe/webhook", raw, shop.stripe.sign(raw), host) for raw in bodies
        ]
        assert shop.stripe.holds(MOST_INLINE, timeout=PATIENCE)
        pages = [
            request("GET", url + path, headers={"Host": host}, timeout=PATIENCE).status for path in ("/", "/support", "/healthz")
        ]
        meanwhile = [reply.result().status for reply in islice(as_completed(sent, timeout=PATIENCE), len(sent) - MOST_INLINE)]
        assert shop.stripe.holds(MOST_INLINE, timeout=PATIENCE)
        shop.stripe.calm()
        statuses = {reply.result(PATIENCE).status for reply in sent}

    assert pages == [200, 200, 200]
    assert meanwhile == [200] * (len(bodies) - MOST_INLINE)
    assert statuses == {200}
    assert len(shop.rows(StripeEvent, "stripe_id")) == len(bodies)

    shop.clock.instant = NOW + timedelta(minutes=2)
    shop.app.extensions["kernel"].queue.run("events")

    assert unfinished(shop) == []
    assert shop.rows(Payment, "amount_minor") == [(500,)]
