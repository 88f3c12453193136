"""SAM through its real code path: a small network of its own parts, saved and loaded, and planted networks."""
