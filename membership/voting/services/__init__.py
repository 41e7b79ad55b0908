"""The use cases of voting, split by noun; callers take them from here."""

from membership.voting.services.ballots import cast_ballot, withdraw_ballot
from membership.voting.services.box import check_box, confirm_check, destroy_due_keys, give_up_key, take_back_check
from membership.voting.services.certificates import issue_certificate, issue_due, replace_certificate_key
from membership.voting.services.changing import extend_round, withdraw_topic
from membership.voting.services.closing import close_due_rounds, close_round
from membership.voting.services.closures import withdraw_closed
from membership.voting.services.counting import open_box, publish, publish_due
from membership.voting.services.merging import merge_topic, unmerge_topic
from membership.voting.services.moderating import add_topic, decide_topic, ensure_topic, reopen_topic, reword_topic
from membership.voting.services.notices import write_notices
from membership.voting.services.opening import open_due_rounds, open_round
from membership.voting.services.roll import draw_roll, draw_rolls
from membership.voting.services.setting_up import create_round, drop_round, edit_round, schedule_round, unschedule_round
from membership.voting.services.shuffling import shuffle_ballots, shuffle_due
from membership.voting.services.suggesting import suggest_topic, take_back_suggestion
from membership.voting.services.supporting import support_topic, unsupport_topic
from membership.voting.services.topic_rows import index_topics
from membership.voting.services.voiding import confirm_voiding, take_back_voiding, void_round

__all__ = [
    "add_topic",
    "cast_ballot",
    "check_box",
    "close_due_rounds",
    "close_round",
    "confirm_check",
    "confirm_voiding",
    "create_round",
    "decide_topic",
    "destroy_due_keys",
    "draw_roll",
    "draw_rolls",
    "drop_round",
    "edit_round",
    "ensure_topic",
    "extend_round",
    "give_up_key",
    "index_topics",
    "issue_certificate",
    "issue_due",
    "merge_topic",
    "open_box",
    "open_due_rounds",
    "open_round",
    "publish",
    "publish_due",
    "reopen_topic",
    "replace_certificate_key",
    "reword_topic",
    "schedule_round",
    "shuffle_ballots",
    "shuffle_due",
    "suggest_topic",
    "support_topic",
    "take_back_check",
    "take_back_suggestion",
    "take_back_voiding",
    "unmerge_topic",
    "unschedule_round",
    "unsupport_topic",
    "void_round",
    "withdraw_ballot",
    "withdraw_closed",
    "withdraw_topic",
    "write_notices",
]
