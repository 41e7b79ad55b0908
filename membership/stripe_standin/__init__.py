"""A local stand-in for Stripe: a process of its own that speaks the API of the pinned version over HTTP."""
