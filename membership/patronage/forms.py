"""What people choose and type in the ask."""

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import Field, StringField

from membership.patronage.asks import Ask
from membership.patronage.models import INTERVALS, Plan
from membership.patronage.typed_amounts import BadAmount, read_typed_amount

OTHER = "other"
MAX_SLUG = 300


def strip(value: str | None) -> str:
    """Return what was typed without the white space around it."""
    return (value or "").strip()


class SupportForm(FlaskForm):
    """How often and how much; of the amounts only those of the chosen interval are read. Ids are those of the page's inputs."""

    plan = StringField(filters=[strip])
    interval = StringField(id="interval-month")
    amount_month = StringField(id="amount-month")
    other_month = StringField(id="other-month", filters=[strip])
    amount_year = StringField(id="amount-year")
    other_year = StringField(id="other-year", filters=[strip])
    amount_once = StringField(id="amount-once")
    other_once = StringField(id="other-once", filters=[strip])
    article = StringField(filters=[strip])

    def __init__(self, plans: Mapping[str, Plan], default: Plan) -> None:
        """Take the offered plans by their keys, and the one that is meant where the form names none."""
        super().__init__()
        self.is_offered = not self.plan.data or self.plan.data in plans
        self.chosen_plan = plans.get(self.plan.data or "", default)
        self.amount_minor = 0

    def validate(self, extra_validators: object = None) -> bool:
        """Read the amount of the chosen interval; what is wrong stands at the field to correct."""
        if not super().validate(extra_validators):
            return False
        if not self.is_offered:
            return refuse(self.interval, _("This is not offered any more. Look at the amounts and choose again."))
        if self.interval.data not in INTERVALS:
            return refuse(self.interval, _("Choose how often."))
        chosen, typed = self._fields_of(self.interval.data)
        presets = self.chosen_plan.presets(self.interval.data)
        minimum = self.chosen_plan.minimum(self.interval.data)
        amount = read_choice(chosen, typed, presets=presets, currency=self.chosen_plan.currency, minimum_minor=minimum)
        self.amount_minor = amount or 0
        return amount is not None

    def shown_in(self, ask: Ask) -> Ask:
        """Return the ask with everything that was chosen and typed, and what is wrong with it."""
        kept = ask.interval if self.interval.data not in INTERVALS else self.interval.data
        for group in ask.groups:
            chosen, typed = self._fields_of(group.interval)
            ask = with_fields(ask, group.interval, chosen, typed)
        return ask.with_choice(kept or ask.interval)

    def kept(self) -> dict[str, str]:
        """Return the fields to send again for the same choice."""
        return {field.name: field.data for field in self if field.data}

    def _fields_of(self, interval: str) -> tuple[Field, Field]:
        """Return the amount and the typed amount of an interval."""
        return self[f"amount_{interval}"], self[f"other_{interval}"]


def read_choice(chosen: Field, typed: Field, *, presets: tuple[int, ...], currency: str, minimum_minor: int) -> int | None:
    """Return the amount that was chosen or typed; else None, and what is wrong stands at the field to correct."""
    by_text = {str(amount): amount for amount in presets}
    if chosen.data != OTHER:
        if chosen.data in by_text:
            return by_text[chosen.data]
        refuse(chosen, _("Choose an amount, or type one of your own."))
        return None
    try:
        return read_typed_amount(typed.data or "", currency=currency, minimum_minor=minimum_minor)
    except BadAmount as bad:
        refuse(typed, str(bad))
        return None


def with_fields(ask: Ask, interval: str, chosen: Field, typed: Field) -> Ask:
    """Return the ask with what one interval's fields hold, and what is wrong with them."""
    presets = {str(amount): amount for group in ask.groups if group.interval == interval for amount in group.amounts}
    error = " ".join([*chosen.errors, *typed.errors])
    # Sent without being chosen, or tampered with: nothing is chosen for anybody.
    amount = presets.get(chosen.data or "")
    return ask.with_choice(interval, amount_minor=amount, typed=typed.data or "", error=error)


def refuse(field: Field, message: str) -> bool:
    """Put what is wrong to a field; False, for validators."""
    field.errors = [message]
    return False
