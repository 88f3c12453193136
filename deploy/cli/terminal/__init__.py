"""The terminal: live view, tables, progress."""
