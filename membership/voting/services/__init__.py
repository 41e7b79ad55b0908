"""The use cases of voting, split by noun; callers take them from here."""

from membership.voting.services.ballots import cast_ballot, withdraw_ballot
from membership.voting.services.box import check_box, confirm_check, destroy_due_keys, take_back_check
from membership.voting.services.closures import withdraw_closed
from membership.voting.services.counting import open_box, publish, publish_due
from membership.voting.services.rounds import (
    close_due_rounds,
    close_round,
    create_round,
    draw_roll,
    draw_rolls,
    drop_round,
    open_due_rounds,
    open_round,
)
from membership.voting.services.topics import add_topic, decide_topic, ensure_topic, suggest_topic

__all__ = [
    "add_topic",
    "cast_ballot",
    "check_box",
    "close_due_rounds",
    "close_round",
    "confirm_check",
    "create_round",
    "decide_topic",
    "destroy_due_keys",
    "draw_roll",
    "draw_rolls",
    "drop_round",
    "ensure_topic",
    "open_box",
    "open_due_rounds",
    "open_round",
    "publish",
    "publish_due",
    "suggest_topic",
    "take_back_check",
    "withdraw_ballot",
    "withdraw_closed",
]
