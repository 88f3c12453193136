"""Live video: packets, boxes and stills from the cameras of this process to whoever watches."""
