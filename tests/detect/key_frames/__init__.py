"""Tests of the key-frame budget and box propagation."""
