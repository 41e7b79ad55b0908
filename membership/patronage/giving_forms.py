"""What people choose and type to give to somebody else, or to be given."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError

from membership.accounts.addresses import normalise
from membership.patronage.asks import Ask, giving_ask
from membership.patronage.forms import read_choice, strip, with_fields
from membership.patronage.gift_codes import is_code
from membership.patronage.models import Plan

NO_ADDRESS = _l("Enter an e-mail address, such as name@example.org.")


class GivingForm(FlaskForm):
    """How much is paid once for somebody else. Ids are those of the page's inputs."""

    amount_once = StringField(id="amount-once")
    other_once = StringField(id="other-once", filters=[strip])

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.ask = giving_ask(plan)
        self.amount_minor = 0

    def validate(self, extra_validators: object = None) -> bool:
        """Read the amount; what is wrong stands at the field to correct."""
        if not super().validate(extra_validators):
            return False
        (group,) = self.ask.groups
        amount = read_choice(
            self.amount_once,
            self.other_once,
            presets=group.amounts,
            currency=self.plan.currency,
            minimum_minor=group.minimum_minor,
        )
        self.amount_minor = amount or 0
        return amount is not None

    def shown(self) -> Ask:
        """Return the ask with everything that was chosen and typed, and what is wrong with it."""
        return with_fields(self.ask, "once", self.amount_once, self.other_once)

    def kept(self) -> dict[str, str]:
        """Return the fields to send again for the same choice."""
        return {field.name: field.data for field in self if field.data}


class RedeemForm(FlaskForm):
    """A gift's code and, of who is not signed in, the address that the time shall go to."""

    code = StringField(_l("The code of your gift"), filters=[strip])
    email = StringField(_l("Your e-mail address"), filters=[strip])

    def __init__(self, *, needs_address: bool) -> None:
        super().__init__()
        self.needs_address = needs_address

    def validate_code(self, field: StringField) -> None:
        """Refuse what can't be a code, so that a slip costs no try."""
        if not is_code(field.data):
            raise ValidationError(_l("Enter the 20 letters and digits of the code; hyphens and spaces don’t matter."))

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address."""
        if self.needs_address:
            _check_address(field)


class FreeSeatForm(FlaskForm):
    """Under which address somebody can be reached; nothing else is asked."""

    email = StringField(_l("An e-mail address of yours"), filters=[strip])

    def validate_email(self, field: StringField) -> None:
        """Take whatever is an address."""
        _check_address(field)


def _check_address(field: StringField) -> None:
    try:
        normalise(field.data)
    except ValueError:
        raise ValidationError(NO_ADDRESS) from None
