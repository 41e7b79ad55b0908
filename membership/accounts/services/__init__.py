"""What can be done with members, their sign-ins, their sessions and their roles."""

from membership.accounts.services.asking_address import (
    ask_address_change,
    correct_typed_address,
    order_address_change,
    take_back_address_change,
)
from membership.accounts.services.changing_address import (
    Answered,
    answer_address_change,
    finish_address_changes,
    forget_address_changes,
    undo_address_change,
)
from membership.accounts.services.choosing_mails import choose_mails, switch_mails
from membership.accounts.services.closing import (
    COOLING_OFF,
    ask_closure,
    begin_due_closures,
    finish_closures,
    forget_closures,
    shut_accounts,
    take_back_closure,
)
from membership.accounts.services.invitations import (
    accept_invitation,
    begin_acceptance,
    invite,
    make_enrolment_link,
    resend_invitation,
    revoke_invitation,
)
from membership.accounts.services.members import change_settings, create_member
from membership.accounts.services.passkeys import (
    begin_confirmation,
    begin_registration,
    begin_sign_in,
    confirm,
    finish_registration,
    finish_sign_in,
    remove_passkey,
    rename_passkey,
)
from membership.accounts.services.recovery import make_recovery_codes, use_recovery_code
from membership.accounts.services.roles import change_roles, end_employment, grant_role
from membership.accounts.services.sessions import (
    add_session,
    end_other_sessions,
    end_session,
    end_sessions,
    start_session,
    touch_session,
)
from membership.accounts.services.signing_in import (
    SignedIn,
    SignInFailed,
    Typist,
    ask_sign_in,
    finish_sign_in_with_code,
    finish_sign_in_with_link,
)
from membership.accounts.services.staff_links import make_staff_link, use_staff_link

__all__ = [
    "COOLING_OFF",
    "Answered",
    "SignInFailed",
    "SignedIn",
    "Typist",
    "accept_invitation",
    "add_session",
    "answer_address_change",
    "ask_address_change",
    "ask_closure",
    "ask_sign_in",
    "begin_acceptance",
    "begin_confirmation",
    "begin_due_closures",
    "begin_registration",
    "begin_sign_in",
    "change_roles",
    "change_settings",
    "choose_mails",
    "confirm",
    "correct_typed_address",
    "create_member",
    "end_employment",
    "end_other_sessions",
    "end_session",
    "end_sessions",
    "finish_address_changes",
    "finish_closures",
    "finish_registration",
    "finish_sign_in",
    "finish_sign_in_with_code",
    "finish_sign_in_with_link",
    "forget_address_changes",
    "forget_closures",
    "grant_role",
    "invite",
    "make_enrolment_link",
    "make_recovery_codes",
    "make_staff_link",
    "order_address_change",
    "remove_passkey",
    "rename_passkey",
    "resend_invitation",
    "revoke_invitation",
    "shut_accounts",
    "start_session",
    "switch_mails",
    "take_back_address_change",
    "take_back_closure",
    "touch_session",
    "undo_address_change",
    "use_recovery_code",
    "use_staff_link",
]
