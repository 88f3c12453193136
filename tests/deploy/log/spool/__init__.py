"""The spool: its file, and the writer over it."""
