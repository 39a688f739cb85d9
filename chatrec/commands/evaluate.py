"""``chatrec evaluate``."""
