"""What can be bought."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from membership.db import transaction
from membership.errors import Conflict
from membership.money import MAX_MINOR, exponent, is_supported, takes_fractions
from membership.page_version import raise_page_version
from membership.patronage import queries
from membership.patronage.models import INTERVALS, Plan


def ensure_plan(
    session: Session,
    *,
    key: str,
    name: str,
    currency: str,
    minimums: Mapping[str, int],
    presets: Mapping[str, Sequence[int]],
    now: datetime,
) -> Plan:
    """Create or change a plan; both mappings go from month, year, once to minor units. Safe to repeat; raises Conflict."""
    fault = key_fault(key) or currency_fault(currency) or plan_fault(minimums, presets, currency)
    if fault:
        raise Conflict(fault)
    with transaction(session):
        plan = queries.find_plan(session, key)
        if plan is None:
            plan = Plan(key=key, created_at=now)
            session.add(plan)
        elif plan.currency != currency:
            raise Conflict("A plan's currency can't change: money was taken in it. Make another plan.")
        plan.name, plan.currency = name, currency
        plan.minimum_month_minor, plan.minimum_year_minor, plan.minimum_once_minor = (minimums[every] for every in INTERVALS)
        plan.presets_month, plan.presets_year, plan.presets_once = (_joined(presets[every]) for every in INTERVALS)
        session.flush()
        raise_page_version(session)
    return plan


def retire_plan(session: Session, *, key: str, now: datetime) -> None:
    """Offer a plan no longer; who pays by it goes on. Safe to repeat; raises NotFound, Conflict for the last one."""
    with transaction(session):
        plan = queries.get_plan(session, key)
        if plan.retired_at is None and len(queries.offered_plans(session)) == 1:
            raise Conflict("This is the only plan that is offered. Make another one first.")
        plan.retired_at = plan.retired_at or now
        raise_page_version(session)


def offer_plan(session: Session, *, key: str) -> None:
    """Offer a retired plan again; safe to repeat, raises NotFound."""
    with transaction(session):
        queries.get_plan(session, key).retired_at = None
        raise_page_version(session)


def key_fault(key: str) -> str | None:
    """Return what is wrong with a plan's key, None if nothing is."""
    if re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", key, flags=re.ASCII):
        return None
    return "A plan's key is a short name such as press: small letters, digits and hyphens."


def currency_fault(currency: str) -> str | None:
    """Return why nothing can be sold in this currency, None if it can."""
    if is_supported(currency):
        return None
    return f"{currency.upper()} has three decimal places, and such amounts can't be sold here. Choose another currency."


def plan_fault(minimums: Mapping[str, int], presets: Mapping[str, Sequence[int]], currency: str) -> str | None:
    """Return what is wrong with these amounts, None if nothing is."""
    for every in INTERVALS:
        amounts = list(presets[every])
        if not 0 < minimums[every] <= MAX_MINOR:
            return f"The lowest amount ({every}) must be more than nothing."
        if len(amounts) != 3 or sorted(set(amounts)) != amounts or amounts[-1] > MAX_MINOR:
            return f"The presets ({every}) must be three amounts, each higher than the one before."
        if amounts[0] < minimums[every]:
            return f"The presets ({every}) must not be below the lowest amount."
        if not takes_fractions(currency) and any(amount % 10 ** exponent(currency) for amount in (minimums[every], *amounts)):
            return f"Amounts in {currency.upper()} are whole."
    if minimums["once"] < minimums["month"]:
        return "The lowest amount (once) must pay for a month at least."
    return None


def _joined(amounts: Sequence[int]) -> str:
    return ",".join(str(amount) for amount in amounts)
