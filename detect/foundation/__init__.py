"""Foundation models: Grounding DINO as an open-vocabulary detector, SAM for masks."""
