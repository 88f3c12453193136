"""What did the camera see, and exactly when."""
