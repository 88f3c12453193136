"""The index in PostgreSQL: what is its own, beside tests/contracts/test_index.py."""
