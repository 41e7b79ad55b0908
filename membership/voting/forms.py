"""What voters tick."""

from collections.abc import Mapping

from flask_wtf import FlaskForm
from wtforms import SelectMultipleField

NOT_ON_THE_BALLOT = 0  # no topic has this id: the service refuses it as it refuses any foreign topic


class BallotForm(FlaskForm):
    """The topics that were ticked; whether they make a ballot is the service's business, which knows the vote."""

    class Meta(FlaskForm.Meta):
        """Nothing here says a sentence of WTForms' own: its catalogue, read anew for each ballot, took a tenth of its time."""

        def get_translations(self, _form: object) -> None:
            """Return none."""

    topics = SelectMultipleField(validate_choice=False, choices=[])

    def topic_ids(self, topics: Mapping[str, int]) -> frozenset[int]:
        """Return the ids of what was ticked, given those of the vote's topics by slug."""
        return frozenset(topics.get(slug, NOT_ON_THE_BALLOT) for slug in self.topics.data or ())
