"""Tests of the operator's view: a real server over a real log, and association beside it."""
