"""Tests of the evidence for links, and of what is learned about it."""
