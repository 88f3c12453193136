"""The synthetic city as files and as RTSP streams."""
