"""What can be bought."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from membership.db import transaction
from membership.errors import Conflict
from membership.money import MAX_MINOR
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
    fault = plan_fault(minimums, presets)
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


def plan_fault(minimums: Mapping[str, int], presets: Mapping[str, Sequence[int]]) -> str | None:
    """Return what is wrong with these amounts, None if nothing is."""
    for every in INTERVALS:
        amounts = list(presets[every])
        if not 0 < minimums[every] <= MAX_MINOR:
            return f"The lowest amount ({every}) must be more than nothing."
        if len(amounts) != 3 or sorted(set(amounts)) != amounts or amounts[-1] > MAX_MINOR:
            return f"The presets ({every}) must be three amounts, each higher than the one before."
        if amounts[0] < minimums[every]:
            return f"The presets ({every}) must not be below the lowest amount."
    if minimums["once"] < minimums["month"]:
        return "The lowest amount (once) must pay for a month at least."
    return None


def _joined(amounts: Sequence[int]) -> str:
    return ",".join(str(amount) for amount in amounts)
