"""The log's latest revisions as tables that can be asked: derived, and made anew where the log was."""
