"""The commands about searching: `corridor index`, `search` and `forget`."""
