"""Tests of the commands about links."""
