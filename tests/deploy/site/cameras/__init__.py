"""Tests of cameras as records on the log."""
