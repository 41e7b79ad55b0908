"""The ballot paper: topics in an order that is another for each voter and stays the same for each. Pure."""

import hashlib
from collections.abc import Sequence
from datetime import date

from membership.voting.models import Round, Topic


def topics_for(round_: Round, *, tag: bytes | None, on: date) -> Sequence[Topic]:
    """Return the topics that can be ticked as this voter sees them; a stranger's order changes from day to day."""
    seed = tag or hashlib.sha256(f"{round_.slug} {on.isoformat()}".encode()).digest()
    topics = [entry.topic for entry in round_.standing_topics]
    return sorted(topics, key=lambda topic: hashlib.sha256(seed + b"order" + topic.slug.encode()).digest())
