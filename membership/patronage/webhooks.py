"""What Stripe tells us."""

from flask import Blueprint

bp = Blueprint("webhooks", __name__)
