"""The memory of association: tracklets, their pairs, and what these have taught; as rows to store and as arrays."""
