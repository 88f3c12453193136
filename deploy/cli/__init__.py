"""The `corridor` command, one file a command group."""
