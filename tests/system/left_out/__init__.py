"""Every row of docs/left-out.md as a real case."""
