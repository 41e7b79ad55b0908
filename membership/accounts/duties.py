"""What staff may do, in words, and the routes behind each of the words: who may do it is what the routes' guards say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from membership.accounts.models import ROLES

EVERYBODY = "any"


@dataclass(frozen=True)
class Duty:
    """One thing that staff may do; a test holds that every staff route belongs to one, and has the same guard as its others."""

    words: str  # a lazy translation
    endpoints: tuple[str, ...]


def _duty(words: str, *endpoints: str) -> Duty:
    return Duty(words, endpoints)


DUTIES = (
    _duty(_l("see what needs somebody today, and the numbers"), "staff.desk", "staff.figures"),
    _duty(
        _l("see every vote, without who is ahead"),
        "voting_staff.list_rounds",
        "voting_staff.rounds_csv",
        "voting_staff.show_round",
        "voting_staff.preview_ballot",
    ),
    _duty(_l("see who holds which role"), "roles.list_roles"),
    _duty(
        _l("look after their own passkeys and recovery codes"),
        "passkeys.list_passkeys",
        "passkeys.rename_passkey",
        "passkeys.remove_passkey",
        "passkeys.make_recovery_codes",
        "passkeys.confirm",
        "passkeys.confirm_options",
    ),
    _duty(
        _l("answer suggestions and add topics"),
        "topics_staff.list_topics",
        "topics_staff.topics_csv",
        "topics_staff.show_topic",
        "topics_staff.add_topic",
        "topics_staff.decide_topic",
        "topics_staff.shortlist_topics",
        "topics_staff.reword_topic",
        "topics_staff.merge_topic",
        "topics_staff.unmerge_topic",
    ),
    _duty(
        _l("prepare a vote, open it, take back one that has not opened"),
        "voting_staff.create_round",
        "voting_staff.edit_round",
        "voting_staff.schedule_round",
        "voting_staff.unschedule_round",
        "voting_staff.open_round",
        "voting_staff.drop_round",
    ),
    _duty(
        _l("give an open vote more time, close it early or take a topic off it, with a public note"),
        "voting_staff.extend_round",
        "voting_staff.close_round",
        "voting_staff.withdraw_topic",
    ),
    _duty(
        _l("void a vote for a public reason; once it is counted that takes two"),
        "voting_staff.void_round",
        "voting_staff.confirm_voiding",
        "voting_staff.take_back_voiding",
    ),
    _duty(
        _l("look after stories in progress: when they are due, which story keeps the promise, dropped and taken up again"),
        "credits_staff.list_stories",
        "credits_staff.show_story",
        "credits_staff.change_due",
        "credits_staff.drop_story",
        "credits_staff.resume_story",
        "credits_staff.confirm_link",
        "credits_staff.link_story",
        "credits_staff.unlink_story",
    ),
    _duty(
        _l("check the ballot box without seeing who is ahead, and confirm what a second person checked"),
        "voting_box.show_box",
        "voting_box.check_box",
        "voting_box.take_back_check",
        "voting_box.confirm_check",
    ),
    _duty(_l("open the box and publish the result"), "voting_count.open_box", "voting_count.publish"),
    _duty(
        _l("see the count of a vote whose box was opened"),
        "voting_count.show_count",
        "voting_count.count_csv",
        "voting_count.count_json",
    ),
    _duty(_l("count again"), "voting_count.recount"),
    _duty(
        _l("see who supports, what they paid and why a payment failed; write notes, resend receipts, ask Stripe again"),
        "patronage_staff.list_people",
        "patronage_staff.people_csv",
        "patronage_staff.show_person",
        "patronage_staff.write_note",
        "patronage_staff.resend_receipt",
        "patronage_staff.ask_stripe_again",
        "patronage_staff.list_disputes",
    ),
    _duty(
        _l("give payments back, stop a support, give time"),
        "patronage_staff.refund",
        "patronage_staff.stop_support",
        "patronage_staff.grant_time",
    ),
    _duty(
        _l("change the address of somebody who has lost their mailbox"),
        "patronage_staff_address.change_address",
        "patronage_staff_address.take_back_address",
    ),
    _duty(_l("answer those who ask for a free seat"), "patronage_staff_giving.list_seats", "patronage_staff_giving.decide_seat"),
    _duty(
        _l("book transfers and other money, and keep the list of Patreon"),
        "patronage_staff_transfers.list_transfers",
        "patronage_staff_transfers.upload_statement",
        "patronage_staff_transfers.show_transfer",
        "patronage_staff_transfers.match_transfer",
        "patronage_staff_transfers.move_transfer",
        "patronage_staff_transfers.dismiss_transfer",
        "patronage_staff_transfers.new_contribution",
        "patronage_staff_patreon.show_patreon",
        "patronage_staff_patreon.upload_patreon",
        "patronage_staff_patreon.apply_patreon",
        "patronage_staff_patreon.discard_patreon",
    ),
    _duty(
        _l("compare the books with Stripe, check our sums, see what Stripe told us and could not be worked on"),
        "patronage_staff_money.money",
        "patronage_staff_money.compare",
        "patronage_staff_money.check",
        "staff.stripe_events",
    ),
    _duty(
        _l("switch card payments off and on"),
        "patronage_staff_money.close_stripe",
        "patronage_staff_money.reopen_stripe",
    ),
    _duty(
        _l("invite people onto the staff, give and take roles"),
        "roles.invitations",
        "roles.invite",
        "roles.resend_invitation",
        "roles.revoke_invitation",
        "roles.show_person",
        "roles.change_roles",
        "roles.end_employment",
    ),
    _duty(
        _l("write the newsroom’s own texts: terms, privacy, imprint, refunds"),
        "articles_staff.list_texts",
        "articles_staff.edit_text",
        "articles_staff.show_version",
        "articles_staff.take_back_text",
    ),
    _duty(_l("see who did what, and take it away as a file"), "staff.audit_trail", "staff.audit_csv", "staff.audit_all_csv"),
    _duty(_l("see mails that could not be sent, and try them again"), "staff.dead_letters", "staff.retry_letter"),
)


def duties_by_role(audiences: Mapping[str, str]) -> dict[str, list[str]]:
    """Return for everybody ("any") and for each role what it opens; audiences maps an endpoint to what its guard says."""
    found: dict[str, list[str]] = {role: [] for role in (EVERYBODY, *ROLES)}
    for duty in DUTIES:
        for role in roles_of(audiences, duty.endpoints):
            found[role].append(duty.words)
    return found


def roles_of(audiences: Mapping[str, str], endpoints: Iterable[str]) -> tuple[str, ...]:
    """Return whom the guards of these routes let in, those that the app has."""
    guards = {audiences[endpoint] for endpoint in endpoints if endpoint in audiences}
    named = {role for guard in guards for role in guard.removeprefix("staff:").split(",")}
    return tuple(role for role in (EVERYBODY, *ROLES) if role in named)
