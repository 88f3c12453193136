"""Tests of who may use the web server, and from where."""
