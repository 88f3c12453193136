"""The log on a real Kafka broker: what the contract cannot ask of every log. Faults are scripts."""
