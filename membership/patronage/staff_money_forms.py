"""What staff type on the pages about being true to Stripe."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

LONGEST_REASON = 500


class CloseStripeForm(FlaskForm):
    """Why cards are no longer taken; for the newsroom's own record."""

    reason = TextAreaField(
        _l("Why, for our own record"),
        validators=[
            DataRequired(_l("Write why, so that the others know.")),
            Length(max=LONGEST_REASON, message=_l("Keep it below 500 characters.")),
        ],
    )
