"""Tests of Grounding DINO and SAM."""
