"""Accounts, signing in, and what becomes of an account."""

from membership.data_classes import words as w
from membership.data_classes.declaring import columns

N_ = str

PEOPLE = {
    "member": (
        columns(
            w.IDENTITY,
            N_("Your number with us, and since when you are here"),
            w.GOOD,
            w.NUMBER,
            exported="id created_at",
            inside="has_signed_in closed_at",
        ),
        columns(
            w.IDENTITY, N_("Your name, if you gave one, and your language"), w.ACCOUNT, w.EMPTIED, exported="display_name language"
        ),
        columns(
            w.CONTACT,
            N_("Your address: the one you have confirmed, or the one you typed when you paid"),
            w.ACCOUNT,
            w.EMPTIED,
            exported="email typed_email",
            inside="address_changed_at",
            seen_by=(w.YOU, w.TREASURER, w.STRIPE),
        ),
        columns(w.SIGN_IN, N_("A random number that stands for you in your passkeys"), w.ACCOUNT, w.EMPTIED, inside="user_handle"),
    ),
    "staff_role": (
        columns(
            w.STAFF_WORK,
            N_("Which roles you have, if you work here"),
            w.WORKING_HERE,
            w.DELETED,
            exported="role granted_at",
            inside="member_id",
            seen_by=(w.STAFF,),
        ),
    ),
    "sign_in_request": (
        columns(
            w.SIGN_IN,
            N_("A sign-in that you asked for: the address, the page you were on, and hashes of link and code"),
            w.ONE_DAY,
            w.DELETED,
            exported="email language next_path created_at used_at",
            inside="id browser_hash token_hash code_hash expires_at tries link_tries replaced_at",
        ),
    ),
    "login_session": (
        columns(
            w.SIGN_IN,
            N_("A browser in which you are signed in: since when, how, and in which hour it was last used"),
            w.MONTH_AFTER,
            w.DELETED,
            exported="method created_at last_seen_at expires_at ended_at",
            inside="id token_hash member_id browser_hash proved_at",
        ),
    ),
    "staff_link": (
        columns(
            w.SIGN_IN,
            N_("A sign-in link for staff; they exist in demonstrations only"),
            w.UNTIL_RUN_OUT,
            w.DELETED,
            inside="token_hash member_id created_at expires_at used_at",
        ),
    ),
    "passkey": (
        columns(
            w.SIGN_IN,
            N_("A passkey, if you work here: its public half and the name you gave it"),
            w.ACCOUNT,
            w.DELETED,
            exported="name created_at last_used_at",
            inside="id member_id credential_id public_key sign_count transports",
        ),
    ),
    "passkey_challenge": (
        columns(
            w.SIGN_IN,
            N_("What a passkey was asked to sign"),
            w.UNTIL_RUN_OUT,
            w.DELETED,
            inside="id challenge browser_hash purpose member_id user_handle created_at expires_at used_at",
        ),
    ),
    "recovery_code": (
        columns(
            w.SIGN_IN,
            N_("Hashes of the codes for the day on which all passkeys are lost, if you work here"),
            w.ACCOUNT,
            w.DELETED,
            exported="created_at used_at",
            inside="id member_id code_hash",
        ),
    ),
    "invitation": (
        columns(
            w.STAFF_WORK,
            N_("An invitation to work here: address, name and roles"),
            w.MONTH_AFTER,
            w.DELETED,
            exported="email display_name language roles created_at expires_at used_at revoked_at",
            inside="id token_hash invited_by",
        ),
    ),
    "address_change": (
        columns(
            w.CONTACT,
            N_("A change of your address: the old one, the new one, and which mailbox agreed when"),
            w.MONTH_AFTER,
            w.DELETED,
            exported=(
                "old_email new_email reason asked_at expires_at not_before old_confirmed_at new_confirmed_at done_at refused_at"
                " undo_until undone_at"
            ),
            inside="id member_id old_was_proved ordered_by old_token_hash new_token_hash undo_token_hash",
        ),
    ),
    "account_closure": (
        columns(
            w.IDENTITY,
            N_("That you asked us to delete your account, and how far that has come"),
            w.YEAR,
            w.NUMBER,
            exported="asked_at due_at taken_back_at begun_at held_up_at done_at",
            inside="id member_id tried_at confirmed_at",
        ),
        columns(
            w.CONTACT,
            N_("Where the last mail goes, the one that says that all is deleted"),
            N_("until that mail is sent"),
            w.EMPTIED,
            inside="last_address last_address_proved last_language",
        ),
    ),
    "closure_part": (
        columns(
            w.MACHINERY,
            N_("Which part of a deletion is done"),
            w.YEAR,
            w.NUMBER,
            inside="closure_id part done_at",
            seen_by=(),
        ),
    ),
    "mail_choice": (
        columns(
            w.MAILS,
            N_("Which mails you don’t want"),
            w.ACCOUNT,
            w.DELETED,
            exported="mail_group off_at",
            inside="member_id",
            seen_by=(w.YOU,),
        ),
    ),
}
