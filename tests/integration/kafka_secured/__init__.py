"""A broker with three listeners and an authorizer: ways in, what is said of a wrong one, and who may do what."""
