"""Tests of `corridor cameras`."""
