"""Cameras that are added, changed, paused and removed from the page and by the API: records on the log, by role."""
