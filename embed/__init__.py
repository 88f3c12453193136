"""What does this vehicle look like."""
