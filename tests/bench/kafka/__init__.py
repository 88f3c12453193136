"""What Kafka costs and what its faults do: camera processes that say in real time what a busy ring of cameras sees."""
