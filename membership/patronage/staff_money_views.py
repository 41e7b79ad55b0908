"""The treasurer's pages about being true to Stripe: comparison, checks, the day it closes."""

from flask import Blueprint

bp = Blueprint("patronage_staff_money", __name__, url_prefix="/staff")
