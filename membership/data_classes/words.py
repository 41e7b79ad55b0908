"""The kinds of data, and the words that all declarations share. Translated where they are printed."""

from membership.data_classes.declaring import DataClass

N_ = str  # marks a text for the catalogues

YOU, TREASURER, EDITOR, COUNTER, ADMIN, STAFF = "you", "treasurer", "editor", "counter", "admin", "staff"
READERS, STRIPE = "readers", "stripe"
VIEWERS = {
    YOU: N_("you"),
    TREASURER: N_("those of our staff who look after payments"),
    EDITOR: N_("our editors"),
    COUNTER: N_("those of our staff who check the ballot box"),
    ADMIN: N_("the administrators among our staff"),
    STAFF: N_("all of our staff"),
    READERS: N_("everybody"),
    STRIPE: N_("Stripe and your bank"),
}

DELETED, EMPTIED, NUMBER, BY_ITSELF, NOBODYS = "deleted", "emptied", "number", "by_itself", "nobodys"
AT_CLOSURE = {
    DELETED: N_("deleted"),
    EMPTIED: N_("emptied"),
    NUMBER: N_("stays under a number, without name and address"),
    BY_ITSELF: N_("goes by itself at the end of its time"),
    NOBODYS: N_("stays: it says nothing about you"),
}

# For how long.
ACCOUNT = N_("as long as you have an account")
WORKING_HERE = N_("as long as you work here")
GOOD = N_("for good")
BOOKS = N_("for good: it belongs to our books")
ONE_DAY = N_("one day")
UNTIL_RUN_OUT = N_("until it has run out")
MONTH_AFTER = N_("30 days after it has ended or run out")
QUARTER = N_("90 days")
QUARTER_AFTER = N_("90 days after it was answered or sent")
YEAR = N_("one year")
UNPAID_QUARTER = N_("for good if it was paid, because it belongs to our books; else 90 days")
ARTICLE = N_("until a year after your support has ended; then only how many came by an article in a month, and how much they gave")

IDENTITY = DataClass("identity", N_("Who you are"), N_("To know you again, and to call you as you like."), (YOU, TREASURER))
CONTACT = DataClass(
    "contact", N_("Your address"), N_("To let you in, and to write to you about what you asked for."), (YOU, TREASURER)
)
SUPPORT = DataClass(
    "support", N_("That you support us"), N_("To know until when you are a patron and may vote."), (YOU, TREASURER, STRIPE)
)
MONEY = DataClass(
    "money", N_("What you pay"), N_("To keep our books, as the law asks of us, and to give money back."), (YOU, TREASURER, STRIPE)
)
READING = DataClass(
    "reading",
    N_("Which article brought you"),
    N_("To learn which stories readers pay for. Stripe and your bank never learn it."),
    (YOU,),
)
VOTING = DataClass("voting", N_("Your part in votes"), N_("To give everybody one vote, and to thank who took part."), (YOU,))
BALLOT = DataClass(
    "ballot",
    N_("What you tick"),
    N_(
        "To count it. While a vote is open it is tied to you by a secret key, so that you can change it; then the key is destroyed."
    ),
    (YOU,),
)
SIGN_IN = DataClass(
    "sign_in",
    N_("Signing in"),
    N_("To let you in and nobody else. Links, codes and browsers are kept in a form that can’t be read back."),
    (YOU,),
)
MAILS = DataClass(
    "mails", N_("Our mails to you"), N_("To send each mail once. We keep which mail it was, not its text."), (YOU, TREASURER)
)
STAFF_WORK = DataClass(
    "staff_work",
    N_("What our staff do and write down"),
    N_("So that who may do much can be asked what they did."),
    (ADMIN,),
)
PUBLISHED = DataClass("published", N_("What everybody can read"), N_("It is what we publish."), (READERS,))
MACHINERY = DataClass(
    "machinery", N_("What keeps the site running"), N_("To do everything once, and to notice what went wrong."), (STAFF,)
)
CLASSES = (
    IDENTITY,
    CONTACT,
    SUPPORT,
    MONEY,
    READING,
    VOTING,
    BALLOT,
    SIGN_IN,
    MAILS,
    STAFF_WORK,
    PUBLISHED,
    MACHINERY,
)
