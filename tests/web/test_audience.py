"""Every route says who may see it, and the guard keeps it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from membership.accounts import services
from membership.app import create_app
from membership.clock import FixedClock
from membership.web.audience import safe_next
from tests.conftest import NOW, SettingsMaker
from tests.factories.accounts import SAME_ORIGIN, make_member, make_staff, sign_in

AUDIENCES = {
    "accounts.check_mail": "everyone",
    "accounts_devices.devices": "member",
    "accounts_devices.end_device": "member",
    "accounts_devices.end_other_devices": "member",
    "accounts.open_link": "everyone",
    "accounts.settings": "member",
    "accounts.sign_in": "everyone",
    "accounts_privacy.ask_to_delete": "member",
    "accounts_privacy.delete_account": "member",
    "accounts_privacy.download_data": "member",
    "accounts_privacy.keep_account": "member",
    "accounts_privacy.show_data": "member",
    "accounts_privacy.what_we_keep": "everyone",
    "accounts.sign_out": "everyone",
    "accounts.use_link": "everyone",
    "articles.feed": "everyone",
    "articles.foot_fragment": "everyone",
    "articles.home": "everyone",
    "articles.older": "everyone",
    "articles.robots": "everyone",
    "articles.show_article": "everyone",
    "articles.show_text": "everyone",
    "articles.sitemap": "everyone",
    "articles_staff.edit_text": "staff:admin",
    "articles_staff.list_texts": "staff:admin",
    "articles_staff.show_version": "staff:admin",
    "articles_staff.take_back_text": "staff:admin",
    "certificates.ballot_numbers": "everyone",
    "certificates.certificate_json": "everyone",
    "certificates.check_number": "everyone",
    "certificates.public_keys": "everyone",
    "certificates.show_certificate": "everyone",
    "credits.ledger": "everyone",
    "credits_staff.change_due": "staff:editor",
    "credits_staff.confirm_link": "staff:editor",
    "credits_staff.drop_story": "staff:editor",
    "credits_staff.link_story": "staff:editor",
    "credits_staff.list_stories": "staff:editor",
    "credits_staff.resume_story": "staff:editor",
    "credits_staff.show_story": "staff:editor",
    "credits_staff.unlink_story": "staff:editor",
    "demo.open_staff_link": "everyone",
    "demo.show_mailbox": "everyone",
    "demo.use_staff_link": "everyone",
    "health.healthz": "everyone",
    "health.readyz": "everyone",
    "passkeys.accept_invitation": "everyone",
    "passkeys.confirm": "staff:any",
    "passkeys.confirm_options": "staff:any",
    "passkeys.finish_sign_in": "everyone",
    "passkeys.invitation_options": "everyone",
    "passkeys.list_passkeys": "staff:any",
    "passkeys.make_recovery_codes": "staff:any",
    "passkeys.new_passkey": "enrolling",
    "passkeys.new_passkey_options": "enrolling",
    "passkeys.recover": "everyone",
    "passkeys.remove_passkey": "staff:any",
    "passkeys.rename_passkey": "staff:any",
    "passkeys.show_invitation": "everyone",
    "passkeys.sign_in": "everyone",
    "passkeys.sign_in_options": "everyone",
    "patronage_giving.free_seat": "everyone",
    "patronage_giving.free_seat_asked": "everyone",
    "patronage_giving.gift": "everyone",
    "patronage_giving.gift_card": "everyone",
    "patronage_giving.redeem": "everyone",
    "patronage_giving.seats": "everyone",
    "patronage_giving.start_gift": "everyone",
    "patronage_giving.start_seats": "everyone",
    "patronage_staff.ask_stripe_again": "staff:treasurer",
    "patronage_staff.grant_time": "staff:treasurer",
    "patronage_staff.list_disputes": "staff:treasurer",
    "patronage_staff.list_people": "staff:treasurer",
    "patronage_staff.people_csv": "staff:treasurer",
    "patronage_staff.refund": "staff:treasurer",
    "patronage_staff.resend_receipt": "staff:treasurer",
    "patronage_staff.show_person": "staff:treasurer",
    "patronage_staff.stop_support": "staff:treasurer",
    "patronage_staff.write_note": "staff:treasurer",
    "accounts_address.address": "member",
    "accounts_address.answer_change": "everyone",
    "accounts_address.show_change": "everyone",
    "accounts_address.show_undo": "everyone",
    "accounts_address.take_back": "member",
    "accounts_address.undo_change": "everyone",
    "accounts_mails.mails": "member",
    "accounts_mails.mails_off": "signed:unsubscribe",
    "accounts_mails.mails_on": "everyone",
    "accounts_mails.show_mails_off": "everyone",
    "accounts_mails.show_mails_on": "everyone",
    "patronage_staff_address.change_address": "staff:treasurer",
    "patronage_staff_address.take_back_address": "staff:treasurer",
    "patronage_staff_giving.decide_seat": "staff:treasurer",
    "patronage_staff_giving.list_seats": "staff:treasurer",
    "patronage_links.cancel_page": "everyone",
    "patronage_transfer.transfer": "everyone",
    "patronage_staff_transfers.list_transfers": "staff:treasurer",
    "patronage_staff_transfers.upload_statement": "staff:treasurer",
    "patronage_staff_transfers.show_transfer": "staff:treasurer",
    "patronage_staff_transfers.match_transfer": "staff:treasurer",
    "patronage_staff_transfers.move_transfer": "staff:treasurer",
    "patronage_staff_transfers.dismiss_transfer": "staff:treasurer",
    "patronage_staff_transfers.new_contribution": "staff:treasurer",
    "patronage_staff_patreon.show_patreon": "staff:treasurer",
    "patronage_staff_patreon.upload_patreon": "staff:treasurer",
    "patronage_staff_patreon.apply_patreon": "staff:treasurer",
    "patronage_staff_patreon.discard_patreon": "staff:treasurer",
    "patronage_staff_money.money": "staff:treasurer",
    "patronage_staff_money.compare": "staff:treasurer",
    "patronage_staff_money.check": "staff:treasurer",
    "patronage_staff_money.close_stripe": "staff:treasurer",
    "patronage_staff_money.reopen_stripe": "staff:treasurer",
    "patronage_account.amount": "member",
    "patronage_account.confirm_amount": "member",
    "patronage_account.pause": "member",
    "patronage_account.unpause": "member",
    "patronage_account.card": "member",
    "patronage_account.card_done": "member",
    "patronage_account.withdraw": "member",
    "patronage_account.revoke_links": "member",
    "patronage_receipts.list_receipts": "member",
    "patronage_receipts.receipts_csv": "member",
    "patronage_receipts.show_receipt": "member",
    "patronage_links.cancel_sent": "everyone",
    "patronage_links.stop": "everyone",
    "patronage_links.withdraw": "everyone",
    "patronage_links.lower": "everyone",
    "patronage_links.confirm_lower": "everyone",
    "patronage_links.pause": "everyone",
    "patronage_links.card": "everyone",
    "patronage_links.card_done": "everyone",
    "patronage.other_ways": "everyone",
    "patronage_account.resume": "member",
    "patronage_account.show_account": "member",
    "patronage.start_checkout": "everyone",
    "patronage_account.stop": "member",
    "patronage_twins.decide_twin": "everyone",
    "patronage_twins.show_twin": "everyone",
    "patronage.support": "everyone",
    "patronage.support_return": "everyone",
    "roles.change_roles": "staff:admin",
    "roles.end_employment": "staff:admin",
    "roles.invitations": "staff:admin",
    "roles.invite": "staff:admin",
    "roles.list_roles": "staff:any",
    "roles.resend_invitation": "staff:admin",
    "roles.revoke_invitation": "staff:admin",
    "roles.show_person": "staff:admin",
    "staff.audit_all_csv": "staff:admin",
    "staff.audit_csv": "staff:admin",
    "staff.audit_trail": "staff:admin",
    "staff.dead_letters": "staff:admin",
    "staff.desk": "staff:any",
    "staff.figures": "staff:any",
    "staff.retry_letter": "staff:admin",
    "staff.stripe_events": "staff:treasurer",
    "results.feed": "everyone",
    "results.result_csv": "everyone",
    "results.result_json": "everyone",
    "voting_count.count_csv": "staff:any",
    "voting_count.count_json": "staff:any",
    "voting_count.open_box": "staff:counter",
    "voting_count.publish": "staff:counter",
    "voting_count.recount": "staff:counter,editor",
    "voting_count.show_count": "staff:any",
    "topics.feed": "everyone",
    "topics.list_topics": "everyone",
    "topics.show_topic": "everyone",
    "topics.similar": "member",
    "topics.suggest_topic": "member",
    "topics.support_topic": "member",
    "topics.take_back_suggestion": "member",
    "topics.unsupport_topic": "member",
    "topics_staff.add_topic": "staff:editor",
    "topics_staff.decide_topic": "staff:editor",
    "topics_staff.list_topics": "staff:editor",
    "topics_staff.merge_topic": "staff:editor",
    "topics_staff.reword_topic": "staff:editor",
    "topics_staff.shortlist_topics": "staff:editor",
    "topics_staff.show_topic": "staff:editor",
    "topics_staff.topics_csv": "staff:editor",
    "topics_staff.unmerge_topic": "staff:editor",
    "voting.cast_ballot": "everyone",
    "voting.list_rounds": "everyone",
    "voting.show_round": "everyone",
    "voting.who_sees_what": "everyone",
    "voting.withdraw_ballot": "everyone",
    "voting_box.show_box": "staff:counter",
    "voting_box.check_box": "staff:counter",
    "voting_staff.close_round": "staff:editor,counter",
    "voting_staff.confirm_voiding": "staff:editor,counter",
    "voting_staff.edit_round": "staff:editor",
    "voting_staff.extend_round": "staff:editor,counter",
    "voting_staff.preview_ballot": "staff:any",
    "voting_staff.rounds_csv": "staff:any",
    "voting_staff.schedule_round": "staff:editor",
    "voting_staff.take_back_voiding": "staff:editor,counter",
    "voting_staff.unschedule_round": "staff:editor",
    "voting_staff.void_round": "staff:editor,counter",
    "voting_staff.withdraw_topic": "staff:editor,counter",
    "voting_box.confirm_check": "staff:counter",
    "voting_box.take_back_check": "staff:counter",
    "voting_staff.create_round": "staff:editor",
    "voting_staff.drop_round": "staff:editor",
    "voting_staff.list_rounds": "staff:any",
    "voting_staff.open_round": "staff:editor",
    "voting_staff.show_round": "staff:any",
    "webhooks.receive_event": "signed:stripe",
}


def test_every_route_says_who_may_see_it(make_settings: SettingsMaker, clock: FixedClock) -> None:
    app = create_app(make_settings(), clock=clock)
    app.extensions["kernel"].engine.dispose()

    said = {name: getattr(view, "audience", None) for name, view in app.view_functions.items() if name != "static"}

    assert said == AUDIENCES


def test_every_staff_page_lives_below_staff(make_settings: SettingsMaker, clock: FixedClock) -> None:
    app = create_app(make_settings(), clock=clock)
    app.extensions["kernel"].engine.dispose()

    misplaced = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if AUDIENCES.get(rule.endpoint, "").startswith("staff:") and not rule.rule.startswith("/staff")
    ]

    assert misplaced == []


GUARDED = ("/sample/members", "/sample/counters", "/sample/staff")


def statuses(client: FlaskClient) -> list[int]:
    return [client.get(path).status_code for path in GUARDED]


def test_strangers_are_led_to_the_sign_in_page_and_back(client: FlaskClient) -> None:
    went = [client.get(f"{path}?page=2").location for path in GUARDED]
    posted = client.post("/sample/members", headers=SAME_ORIGIN)

    assert went == [
        "/sign-in?next=/sample/members?page%3D2",
        "/staff/sign-in?next=/sample/counters?page%3D2",
        "/staff/sign-in?next=/sample/staff?page%3D2",
    ]
    assert (posted.status_code, posted.location) == (303, "/sign-in")


def test_each_role_opens_what_it_should_and_no_more(sample_app: Flask, sample_session: Session) -> None:
    people = {"reader": make_member(sample_session)}
    for role in ("editor", "counter", "treasurer", "admin"):
        people[role] = make_staff(sample_session, role, email=f"{role}@example.org")
    opened = {}
    for name, person in people.items():
        client = sample_app.test_client()
        sign_in(sample_app, client, person.id)
        opened[name] = statuses(client)

    assert opened == {
        "reader": [200, 403, 403],
        "editor": [200, 403, 200],
        "counter": [200, 200, 200],
        "treasurer": [200, 403, 200],
        "admin": [200, 200, 200],
    }


def test_a_role_has_no_power_in_a_browser_that_a_mailbox_alone_has_opened(
    sample_app: Flask,
    client: FlaskClient,
    sample_session: Session,
) -> None:
    member = make_staff(sample_session, "admin")
    sign_in(sample_app, client, member.id)
    token = services.start_session(sample_session, member_id=member.id, method="mail", now=NOW)
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token

    assert statuses(client) == [200, 403, 403]


def test_staff_who_lose_their_role_lose_its_power_in_the_next_request(
    sample_app: Flask,
    client: FlaskClient,
    sample_session: Session,
) -> None:
    member = make_staff(sample_session, "counter")
    sign_in(sample_app, client, member.id)
    before = statuses(client)

    services.end_employment(sample_session, member_id=member.id, reason="Left.", actor_id=None, now=NOW)

    assert (before, statuses(client)) == ([200, 200, 200], [303, 303, 303])


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "votes",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\..\\b",
        "javascript:alert(1)",
        " /votes",
        "/votes\r\nSet-Cookie: a=b",
        "/\t/evil.example",
        "/\x00",
        "http:/votes",
        "http:evil.example",
        "?next=/votes",
    ],
)
def test_nobody_is_led_off_our_site(path: str | None) -> None:
    assert safe_next(path) is None


@pytest.mark.parametrize("path", ["/", "/votes", "/uk/votes/march?from=mail#b", "/articles/a:b", "/a//b", "/стаття"])
def test_pages_of_our_own_are_where_people_go_back_to(path: str) -> None:
    assert safe_next(path) == path
