"""What people choose and type on the pages of patronage."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, StringField

from membership.money import MAX_MINOR, parse_amount
from membership.patronage.asks import Ask
from membership.patronage.models import INTERVALS, Plan
from membership.web.filters import money_text

OTHER = "other"
SIGNS = {"€": "eur", "$": "usd", "£": "gbp", "₴": "uah", "¥": "jpy"}
MAX_SLUG = 300
STOP_REASONS = {
    "too_expensive": _l("too expensive now"),
    "read_little": _l("read little"),
    "topics": _l("the choice of topics"),
    "never_came": _l("a chosen story never came"),
    "payment_trouble": _l("payment trouble"),
    "safety": _l("privacy or safety"),
    "other": _l("other"),
}


def _strip(value: str | None) -> str:
    return (value or "").strip()


class SupportForm(FlaskForm):
    """How often and how much; of the amounts only those of the chosen interval are read. Ids are those of the page's inputs."""

    interval = StringField(id="interval-month")
    amount_month = StringField(id="amount-month")
    other_month = StringField(id="other-month", filters=[_strip])
    amount_year = StringField(id="amount-year")
    other_year = StringField(id="other-year", filters=[_strip])
    amount_once = StringField(id="amount-once")
    other_once = StringField(id="other-once", filters=[_strip])
    article = StringField(filters=[_strip])

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.amount_minor = 0

    def validate(self, extra_validators: object = None) -> bool:
        """Read the amount of the chosen interval; what is wrong stands at the field to correct."""
        if not super().validate(extra_validators):
            return False
        if self.interval.data not in INTERVALS:
            return _refuse(self.interval, _("Choose how often."))
        chosen, typed = self.chosen_fields()
        if chosen.data == OTHER:
            return self._read_typed(typed)
        presets = {str(amount): amount for amount in self.plan.presets(self.interval.data)}
        if chosen.data not in presets:
            return _refuse(chosen, _("Choose an amount, or type one of your own."))
        self.amount_minor = presets[chosen.data]
        return True

    def shown_in(self, ask: Ask) -> Ask:
        """Return the ask with everything that was chosen and typed, and what is wrong with it."""
        if self.interval.data not in INTERVALS:
            return ask
        chosen, typed = self.chosen_fields()
        amount = int(chosen.data) if (chosen.data or "").isascii() and (chosen.data or "").isdigit() else None
        error = " ".join([*chosen.errors, *typed.errors])
        text = typed.data if chosen.data == OTHER else ""
        return ask.with_choice(self.interval.data, amount_minor=amount, typed=text or "", error=error)

    def kept(self) -> dict[str, str]:
        """Return the fields to send again for the same choice."""
        chosen, typed = self.chosen_fields()
        return {name.name: name.data or "" for name in (self.interval, chosen, typed, self.article)}

    def chosen_fields(self) -> tuple[Field, Field]:
        """Return the amount and the typed amount of the chosen interval."""
        return self[f"amount_{self.interval.data}"], self[f"other_{self.interval.data}"]

    def _read_typed(self, typed: Field) -> bool:
        currency, minimum = self.plan.currency, self.plan.minimum(self.interval.data)
        text = typed.data or ""
        lowest = money_text(minimum, currency)
        foreign = [sign for sign, code in SIGNS.items() if sign in text and code != currency]
        if foreign:
            return _refuse(typed, _("We take %(currency)s only. Enter an amount of %(lowest)s or more.", **self._names(lowest)))
        digits = "".join(character for character in text if character.isascii() and character.isdigit())
        try:
            amount = parse_amount(text, currency)
        except ValueError:
            if len(digits) > len(str(MAX_MINOR)) - 2 and not text.startswith("-"):
                return _refuse(typed, _("That is more than a card payment can carry. Please write to us."))
            return _refuse(typed, _("Enter an amount of %(lowest)s or more, such as 7 or 7.50.", lowest=lowest))
        if amount < minimum:
            return _refuse(typed, _("Enter %(lowest)s or more. If that is too much, ask for a free seat.", lowest=lowest))
        self.amount_minor = amount
        return True

    def _names(self, lowest: str) -> dict[str, str]:
        return {"currency": self.plan.currency.upper(), "lowest": lowest}


class StopForm(FlaskForm):
    """Why somebody stops; nobody has to say."""

    reason = StringField()

    @property
    def known_reason(self) -> str:
        """Return the reason if it is one of ours."""
        return self.reason.data if self.reason.data in STOP_REASONS else ""


def _refuse(field: Field, message: str) -> bool:
    field.errors = [message]
    return False
