"""The watchlist: its records, what it judges, and what it puts on the log."""
