"""Corridor against the real thing: brokers and servers that a test starts itself."""
