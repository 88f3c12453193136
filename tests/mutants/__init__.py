"""Mutation testing: hand over small defects to a module's own tests, and list those that nobody noticed."""
