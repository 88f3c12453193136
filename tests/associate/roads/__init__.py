"""Tests of the learned roads on the log."""
