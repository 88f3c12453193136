"""A small RTSP server of H.264: it plays the cameras of the city, and the broken cameras of the tests."""
