"""What can be bought, brought to Stripe: products and prices, under names that never change."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from membership.db import release, transaction
from membership.errors import NotFound
from membership.patronage import queries
from membership.patronage.gateway import Gateway
from membership.patronage.gateway.catalogue import Price, Product
from membership.patronage.models import INTERVALS, Plan


@dataclass(frozen=True)
class CatalogueChange:
    """One thing that is not at Stripe as it should be; present is None where it is not there at all."""

    plan_key: str
    wanted: Product | Price
    present: Product | None = None


def find_price(session: Session, gateway: Gateway, *, plan: Plan, interval: str, amount_minor: int) -> str:
    """Find or create the price of an amount at Stripe; of two at once both get the same. Never called in a transaction."""
    product_id = plan.stripe_product_id or _ensure_product(session, gateway, plan)
    release(session)
    wanted = Price(product_id, plan.key, interval, plan.currency, amount_minor)
    try:
        return gateway.ensure_price(wanted)
    except NotFound:  # the product is gone: deleted by hand, or the keys are another account's now
        _ensure_product(session, gateway, plan)
        return gateway.ensure_price(wanted, is_retry=True)


def compare_catalogue(session: Session, gateway: Gateway) -> list[CatalogueChange]:
    """Return what has to be created or changed at Stripe; changes nothing. Of a retired plan only what its payers see."""
    plans = queries.all_plans(session)
    release(session)
    return [change for plan in plans for change in _compare(gateway, plan)]


def apply_change(session: Session, gateway: Gateway, change: CatalogueChange) -> None:
    """Make one change at Stripe; safe to repeat."""
    plan = queries.find_plan(session, change.plan_key)
    assert plan is not None
    if isinstance(change.wanted, Price):
        find_price(session, gateway, plan=plan, interval=change.wanted.interval, amount_minor=change.wanted.amount_minor)
    elif change.present is None:
        _ensure_product(session, gateway, plan)
    else:
        release(session)
        gateway.change_product(change.wanted)


def _compare(gateway: Gateway, plan: Plan) -> Iterator[CatalogueChange]:
    wanted = gateway.wanted_product(key=plan.key, name=plan.name)
    present = gateway.find_product(wanted.id)
    if present != wanted and (present or plan.retired_at is None):
        yield CatalogueChange(plan.key, wanted, present)
    if plan.retired_at is None:
        offered = [
            Price(wanted.id, plan.key, interval, plan.currency, amount)
            for interval in INTERVALS
            for amount in plan.presets(interval)
        ]
        yield from (CatalogueChange(plan.key, price) for price in gateway.missing_prices(offered))


def _ensure_product(session: Session, gateway: Gateway, plan: Plan) -> str:
    release(session)
    product_id = gateway.ensure_product(key=plan.key, name=plan.name)
    with transaction(session):
        session.execute(update(Plan).where(Plan.id == plan.id).values(stripe_product_id=product_id))
    return product_id
