"""Topics, votes, ballots, and what became of what readers chose."""

from membership.data_classes import words as w
from membership.data_classes.declaring import Columns, columns

N_ = str


def _public(what: str, inside: str) -> tuple[Columns, ...]:
    return (columns(w.PUBLISHED, what, w.GOOD, w.NOBODYS, inside=inside),)


VOTES = {
    "topic": (
        columns(
            w.PUBLISHED,
            N_("What you suggested, and our answer. What was taken up is public, never by whom it was suggested"),
            w.GOOD,
            w.NUMBER,
            exported="slug title why sources language state declined_reason created_at",
            inside="id title_key merged_into_id",
        ),
        columns(
            w.PUBLISHED,
            N_("The name that you want beside what you suggested, if any"),
            w.ACCOUNT,
            w.EMPTIED,
            exported="suggested_as",
        ),
        columns(w.PUBLISHED, N_("The article that a suggestion came from"), w.GOOD, w.NOBODYS, inside="article_id"),
        columns(w.VOTING, N_("Who suggested it"), w.ACCOUNT, w.EMPTIED, inside="suggested_by_id", seen_by=(w.YOU, w.EDITOR)),
    ),
    "topic_wording": (
        columns(
            w.STAFF_WORK,
            N_("What a suggestion said before we changed its wording, and who of our staff did"),
            w.GOOD,
            w.NOBODYS,
            inside="id topic_id title why sources replaced_at replaced_by_id",
            seen_by=(w.YOU, w.EDITOR),
        ),
    ),
    "topic_event": _public(N_("What we answered to each suggestion, and when"), "id topic_id at act reason"),
    "topic_trigram": _public(N_("Parts of topics’ titles, to find similar ones"), "topic_id trigram"),
    "topic_support": (
        columns(
            w.VOTING,
            N_("Which suggestions you would like to read"),
            w.ACCOUNT,
            w.DELETED,
            exported="topic_id",
            inside="member_id",
            seen_by=(w.YOU,),
        ),
    ),
    "round": _public(
        N_("The votes and their rules"),
        "id slug name name_uk preset seats max_ticks rule electorate opens_at closes_at settling_hours embargo_hours created_at"
        " scheduled_at",
    ),
    "closing_change": _public(
        N_("When a vote was made longer, by whom of our staff and why"),
        "id round_id changed_at changed_by_id closed_before closes_at note",
    ),
    "topic_withdrawal": _public(
        N_("Which topic was taken off a ballot, by whom of our staff and why"),
        "round_id topic_id withdrawn_at withdrawn_by_id reason",
    ),
    "voiding": _public(
        N_("Which vote counts for nothing, by whose decision of our staff and why"),
        "round_id reason after_count asked_at asked_by_id voided_at confirmed_by_id key_destroyed_at",
    ),
    "round_notice": _public(N_("Which mails about a vote were written"), "round_id kind written_at"),
    "ballot_shuffle": _public(N_("When the ballots of an open vote were last put into another order"), "round_id shuffled_at"),
    "certificate": _public(N_("The signed certificate of a vote"), "round_id issued_at kid payload signature"),
    "certificate_key": _public(N_("The public keys of our certificates"), "kid public_key first_used_at"),
    "round_topic": _public(N_("What stands on which ballot"), "round_id topic_id position"),
    "opening": _public(
        N_("When a vote was opened, and its secret for ties, which becomes public"), "round_id opened_at seed seed_sha256"
    ),
    "closing": _public(N_("When a vote was closed, and by whom of our staff"), "round_id closed_at closed_by_id note roll_sha256"),
    "box_check": (
        columns(
            w.STAFF_WORK,
            N_("Who of our staff checked a ballot box, and how many ballots were not counted, for which reasons"),
            w.GOOD,
            w.NUMBER,
            inside=(
                "round_id checked_at checked_by_id confirmed_at confirmed_by_id checked_alone counted set_aside"
                " set_aside_reasons key_lost key_destroyed_at"
            ),
            seen_by=(w.COUNTER,),
        ),
    ),
    "round_count": _public(N_("The count of a vote"), "round_id counted_at counted_by_id publish_at result breakdowns"),
    "publication": _public(N_("When a result was published"), "round_id published_at published_by_id"),
    "roll_entry": (
        columns(
            w.VOTING,
            N_("That you may vote in a vote. It stays, because the list’s fingerprint was published"),
            w.GOOD,
            w.NUMBER,
            exported="round_id",
            inside="member_id",
        ),
    ),
    "ballot": (
        columns(
            w.BALLOT,
            N_("Your ballot, under a tag that only the vote’s key can tie to you"),
            N_("until the box is checked; then it is copied without the tag, and destroyed"),
            w.DELETED,
            inside="id round_id voter_tag",
        ),
    ),
    "ballot_choice": (
        columns(
            w.BALLOT,
            N_("What is ticked on a ballot"),
            N_("until the box is checked; then it is copied without the tag, and destroyed"),
            w.DELETED,
            inside="ballot_id topic_id round_id",
        ),
    ),
    "certified_ballot": (
        columns(
            w.BALLOT,
            N_("The counted ballots, in random order and tied to nobody"),
            w.GOOD,
            w.NOBODYS,
            inside="id round_id topics",
            seen_by=(),
        ),
    ),
    "certified_receipt": _public(
        N_("The fingerprints of the counted ballots’ numbers, tied to no ballot"), "round_id receipt_sha256"
    ),
    "participation": (
        columns(
            w.VOTING,
            N_("That your ballot was in the box, and whether it was counted; never what you ticked"),
            w.GOOD,
            w.NUMBER,
            exported="round_id counted",
            inside="member_id",
        ),
    ),
    "commission": _public(
        N_("What readers chose, and what became of it"),
        "id round_id topic_id seat state promised_on due_on article_id published_at dropped_reason created_at letters_written_at",
    ),
    "award": (
        columns(
            w.VOTING,
            N_("Your badges"),
            w.ACCOUNT,
            w.DELETED,
            exported="badge round_id awarded_at",
            inside="id member_id",
        ),
    ),
    "site_figures": _public(
        N_("The few numbers that our pages print"), "id patrons stories_chosen stories_published gross_minor net_minor drawn_at"
    ),
}
