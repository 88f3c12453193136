"""`make foundation-check`: are Grounding DINO and SAM with their published weights worth what they cost?"""
