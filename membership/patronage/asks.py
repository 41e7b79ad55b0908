"""What an ask offers and what is chosen in it; the same for every reader."""

from dataclasses import dataclass, replace

from membership.money import MAX_MINOR, months_for
from membership.patronage.models import INTERVALS, Plan

MIDDLE = 1
# What is given to somebody else is offered in months.
GIVEN_MONTHS = (3, 6, 12)


@dataclass(frozen=True)
class AmountGroup:
    """The amounts for one interval. selected is None when another amount is typed."""

    interval: str
    amounts: tuple[int, ...]
    minimum_minor: int
    months: tuple[int, ...]  # what each amount pays for if it is given once
    selected: int | None
    typed: str = ""
    error: str = ""


@dataclass(frozen=True)
class Offer:
    """One of several plans that can be chosen."""

    key: str
    name: str
    currency: str
    minimum_month_minor: int


@dataclass(frozen=True)
class Ask:
    """One ask: what can be given, what is chosen, and the numbers it prints."""

    plan_key: str
    currency: str
    groups: tuple[AmountGroup, ...]
    month_minor: int  # what a month costs of what is given once
    interval: str = "month"
    offers: tuple[Offer, ...] = ()  # all plans, where there is more than one
    article_slug: str = ""
    calm: bool = False
    patrons: int = 0
    stories_chosen: int = 0
    stories_published: int = 0
    gross_minor: int = 0
    net_minor: int = 0

    def with_choice(self, interval: str, *, amount_minor: int | None = None, typed: str = "", error: str = "") -> "Ask":
        """Return the same ask with another interval or amount chosen; an interval that doesn't exist changes nothing."""
        if interval not in {group.interval for group in self.groups}:
            return self
        groups = tuple(_chosen(group, amount_minor, typed, error) if group.interval == interval else group for group in self.groups)
        return replace(self, interval=interval, groups=groups)

    def reaches_us(self, amount_minor: int) -> int | None:
        """Return what is left of an amount after the card company, by the payments of the last year; None without any."""
        return amount_minor * self.net_minor // self.gross_minor if self.gross_minor else None


def ask_of(plan: Plan) -> Ask:
    """Return the plain ask of a plan: monthly, the middle amount."""
    return Ask(plan.key, plan.currency, tuple(_group(plan, interval) for interval in INTERVALS), plan.minimum_month_minor)


def offer_of(plan: Plan) -> Offer:
    """Return a plan as one of several to choose from."""
    return Offer(plan.key, plan.name, plan.currency, plan.minimum_month_minor)


def giving_ask(plan: Plan) -> Ask:
    """Return the ask for what is paid once for somebody else: months at the plan's lowest amount, or an amount of one's own."""
    amounts = given_amounts(plan)
    months = tuple(amount // plan.minimum_month_minor for amount in amounts)
    selected = amounts[len(amounts) // 2] if amounts else None
    group = AmountGroup("once", amounts, plan.minimum_once_minor, months, selected)
    return Ask(plan.key, plan.currency, (group,), plan.minimum_month_minor, interval="once")


def given_amounts(plan: Plan) -> tuple[int, ...]:
    """Return what the offered months cost; those below the plan's lowest single amount, or past Stripe's bound, are not offered."""
    amounts = (months * plan.minimum_month_minor for months in GIVEN_MONTHS)
    return tuple(amount for amount in amounts if plan.minimum_once_minor <= amount <= MAX_MINOR)


def _group(plan: Plan, interval: str) -> AmountGroup:
    amounts = plan.presets(interval)
    months = tuple(months_for(amount, plan.minimum_month_minor) for amount in amounts)
    return AmountGroup(interval, amounts, plan.minimum(interval), months, selected=amounts[MIDDLE])


def _chosen(group: AmountGroup, amount_minor: int | None, typed: str, error: str) -> AmountGroup:
    if amount_minor in group.amounts:
        return replace(group, selected=amount_minor, typed=typed, error=error)
    return replace(group, selected=None, typed=typed, error=error) if typed or error else group
