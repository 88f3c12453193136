"""The Kafka brokers: the way in, the greeting that says what is wrong with it, and the topics."""
