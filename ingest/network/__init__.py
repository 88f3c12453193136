"""Network cameras: streams over RTSP and HTTP, their clocks and access units."""
