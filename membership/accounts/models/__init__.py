"""Who somebody is: members, their sign-ins, their sessions and what staff may do."""

from membership.accounts.models.people import ROLES, Member, StaffRole
from membership.accounts.models.signing_in import LoginSession, SignInRequest, StaffLink

__all__ = ["ROLES", "LoginSession", "Member", "SignInRequest", "StaffLink", "StaffRole"]
