"""Tracking in one camera, measured on sources that no setting was chosen on."""
