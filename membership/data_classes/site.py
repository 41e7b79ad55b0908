"""Articles, and what keeps the site running."""

from membership.data_classes import words as w
from membership.data_classes.declaring import columns

N_ = str

SITE = {
    "article": (
        columns(
            w.PUBLISHED,
            N_("Our articles"),
            w.GOOD,
            w.NOBODYS,
            inside="id source source_id slug language headline standfirst byline body_html calm published_at updated_at read_more",
        ),
    ),
    "newsroom_text": (
        columns(
            w.PUBLISHED,
            N_("Our terms, this newsroom’s own words about privacy, and who of our staff wrote them"),
            w.GOOD,
            w.NOBODYS,
            inside="id key language version body written_at written_by",
        ),
    ),
    "article_tag": (columns(w.PUBLISHED, N_("What an article is about"), w.GOOD, w.NOBODYS, inside="article_id tag"),),
    "page_version": (columns(w.MACHINERY, N_("When our pages changed"), w.GOOD, w.NOBODYS, inside="id version", seen_by=()),),
    "audit_entry": (
        columns(
            w.STAFF_WORK,
            N_("What our staff did, and what you did with your account and your support: under numbers, and never a ballot"),
            w.GOOD,
            w.NUMBER,
            inside="id at actor_id act subject_type subject_id details mac",
        ),
        columns(
            w.STAFF_WORK,
            N_(
                "Why it was done, as you chose from a list, or in the words of our staff, whom we ask to write no names and no"
                " addresses there; it stays as it was written"
            ),
            w.GOOD,
            w.NUMBER,
            inside="reason",
        ),
    ),
    "audit_head": (
        columns(
            w.MACHINERY,
            N_("The end of the chain that shows whether what our staff did was changed afterwards"),
            w.GOOD,
            w.NOBODYS,
            inside="id last_id mac signature",
            seen_by=(),
        ),
    ),
    "audit_check": (
        columns(
            w.MACHINERY,
            N_("When that chain was looked through, and what was found"),
            w.GOOD,
            w.NOBODYS,
            inside="id at last_id head faults",
            seen_by=(w.ADMIN,),
        ),
    ),
    "refusal_count": (
        columns(
            w.MACHINERY,
            N_("How often strangers were refused something on a day"),
            w.GOOD,
            w.NOBODYS,
            inside="on kind many",
            seen_by=(w.ADMIN,),
        ),
    ),
    "outbox_item": (
        columns(
            w.MAILS,
            N_("To whom a mail went, and about which payment or vote"),
            w.QUARTER_AFTER,
            w.EMPTIED,
            inside="payload member_id last_error",
        ),
        columns(
            w.MAILS,
            N_("Which mail was sent, and when; after 90 days we don’t know any more to whom"),
            w.GOOD,
            w.NOBODYS,
            exported="kind created_at done_at",
        ),
        columns(
            w.MACHINERY,
            N_("That a mail was sent, so that it is never sent twice"),
            w.GOOD,
            w.NUMBER,
            inside="id key urgent due_at claimed_until tries dead_at",
            seen_by=(w.ADMIN,),
        ),
    ),
    "limited_act": (
        columns(
            w.MACHINERY,
            N_("How often something was tried from one browser or one network, as hashes: against abuse"),
            w.ONE_DAY,
            w.BY_ITSELF,
            inside="id act who at",
            seen_by=(),
        ),
    ),
}
