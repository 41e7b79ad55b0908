"""What patrons choose and type about a support that runs, and who stops without signing in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, RadioField, StringField, ValidationError

from membership.accounts.addresses import normalise
from membership.patronage.gateway import ChangePreview
from membership.patronage.models import Plan, Subscription
from membership.patronage.typed_amounts import BadAmount, read_typed_amount
from membership.web.filters import day as day_text
from membership.web.filters import money_text

NOW, NEXT = "now", "next"
OTHER = "other"
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


@dataclass(frozen=True)
class WantedChange:
    """What somebody wants to pay instead, as the address of its preview says it."""

    interval: str
    amount_minor: int
    at_once: bool

    def query(self) -> dict[str, str]:
        """Return it as the query of an address."""
        return {"interval": self.interval, "amount": str(self.amount_minor), "when": NOW if self.at_once else NEXT}


class AmountForm(FlaskForm):
    """How much, how often and from when on."""

    amount = StringField(_l("Your amount"), filters=[_strip])
    interval = RadioField(_l("How often?"), validate_choice=False)
    when = RadioField(_l("From when on?"), validate_choice=False)

    def __init__(self, plan: Plan, running: Subscription, *, amount: str = "") -> None:
        super().__init__(amount=amount, interval=running.interval, when=NEXT)
        self.interval.choices = [("month", _("every month")), ("year", _("every year"))]
        self.when.choices = [
            (NEXT, _("at the next payment; nothing today")),
            (NOW, _("now; the rest of the time you paid for is counted")),
        ]
        self.plan, self.running = plan, running
        self.amount_minor = 0

    def validate_amount(self, field: Field) -> None:
        """Read the amount for the chosen interval."""
        interval = self.interval.data if self.interval.data in ("month", "year") else self.running.interval
        minimum = self.plan.minimum(interval)
        try:
            self.amount_minor = read_typed_amount(field.data, currency=self.running.currency, minimum_minor=minimum)
        except BadAmount as bad:
            raise ValidationError(str(bad)) from None
        if (interval, self.amount_minor) == (self.running.interval, self.running.amount_minor):
            raise ValidationError(_("You give this amount already. Enter another one."))

    def validate_interval(self, field: Field) -> None:
        """Take only what is sold."""
        if field.data not in ("month", "year"):
            raise ValidationError(_("Choose how often."))

    def validate_when(self, field: Field) -> None:
        """Another rhythm begins at once."""
        if field.data not in (NOW, NEXT):
            raise ValidationError(_("Choose from when on."))
        if field.data == NEXT and self.interval.data in ("month", "year") and self.interval.data != self.running.interval:
            raise ValidationError(_("How often you pay can only be changed now. Choose “now”, or keep how often you pay."))

    @property
    def wanted(self) -> WantedChange:
        """What was chosen, once it is valid."""
        return WantedChange(self.interval.data, self.amount_minor, self.when.data == NOW)


class LowerForm(FlaskForm):
    """A lower amount from the next payment on: all that a link in a mail can change."""

    amount = StringField(_l("Your amount"), filters=[_strip])

    def __init__(self, plan: Plan, running: Subscription) -> None:
        super().__init__()
        self.plan, self.running = plan, running
        self.amount_minor = 0

    def validate_amount(self, field: Field) -> None:
        """Read an amount below the present one."""
        running = self.running
        try:
            minimum = self.plan.minimum(running.interval)
            self.amount_minor = read_typed_amount(field.data, currency=running.currency, minimum_minor=minimum)
        except BadAmount as bad:
            raise ValidationError(str(bad)) from None
        if self.amount_minor >= running.amount_minor:
            present = money_text(running.amount_minor, running.currency)
            raise ValidationError(_("Enter less than %(amount)s. To give more, sign in.", amount=present))

    @property
    def wanted(self) -> WantedChange:
        """What was typed, once it is valid."""
        return WantedChange(self.running.interval, self.amount_minor, at_once=False)


class PauseForm(FlaskForm):
    """Until which day."""

    until = RadioField(_l("Until when?"), validate_choice=False)
    other_day = StringField(_l("Another day"), filters=[_strip])

    def __init__(self, days: Sequence[date], *, next_payment: date, last_day: date, zone: ZoneInfo) -> None:
        super().__init__()
        self.next_payment, self.last_day, self.zone = next_payment, last_day, zone
        self.until.choices = [*((day.isoformat(), day_text(day, zone)) for day in days), (OTHER, _("another day"))]
        self.day: date | None = None

    def validate_until(self, field: Field) -> None:
        """Take one of the days on offer, or say what to choose."""
        if field.data != OTHER:
            if field.data not in dict(field.choices):
                raise ValidationError(_("Choose until when."))
            self.day = date.fromisoformat(field.data)

    def validate_other_day(self, field: Field) -> None:
        """Read a day of one's own, if that is what was chosen."""
        if self.until.data != OTHER:
            return
        names = {"first": day_text(self.next_payment, self.zone), "last": day_text(self.last_day, self.zone)}
        try:
            typed = date.fromisoformat(field.data)
        except ValueError:
            raise ValidationError(_("Enter a day between %(first)s and %(last)s, such as 2027-01-31.", **names)) from None
        if typed <= self.next_payment:
            raise ValidationError(
                _("Your next payment is on %(first)s, and nothing is taken before it anyway. Enter a later day.", **names)
            )
        if typed > self.last_day:
            raise ValidationError(_("A pause can last until %(last)s at most. Enter an earlier day, or stop.", **names))
        self.day = typed


class StopForm(FlaskForm):
    """Why somebody stops; nobody has to say."""

    reason = StringField()

    @property
    def known_reason(self) -> str:
        """Return the reason if it is one of ours."""
        return self.reason.data if self.reason.data in STOP_REASONS else ""


class CancelForm(FlaskForm):
    """Where to send the way out."""

    email = StringField(_l("The address you gave when you became a patron"), filters=[_strip])

    def validate_email(self, field: Field) -> None:
        """Take whatever is an address; whether we know it is nobody's business."""
        try:
            normalise(field.data)
        except ValueError:
            raise ValidationError(_("Enter your e-mail address, such as name@example.org.")) from None


def read_change(values: MultiDict[str, str]) -> WantedChange | None:
    """Read the change that an address or a form names; None for anything else. Whether it is allowed is the service's business."""
    amount = values.get("amount", type=int)
    if values.get("interval") not in ("month", "year") or values.get("when") not in (NOW, NEXT) or amount is None:
        return None
    return WantedChange(values["interval"], amount, values["when"] == NOW) if 0 < amount < 2**31 else None


def read_shown(values: MultiDict[str, str], currency: str) -> ChangePreview | None:
    """Read back what a page has shown, so that it is compared with what holds; None if it is not whole."""
    due, credit, amount, on, at = (values.get(name, type=int) for name in ("due", "credit", "next_amount", "next_on", "at"))
    if due is None or credit is None or amount is None or on is None or at is None:
        return None
    try:
        next_on, instant = datetime.fromtimestamp(on, UTC), datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return ChangePreview(due, credit, currency, amount, next_on, instant)
