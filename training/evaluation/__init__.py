"""Evaluation of an encoder: retrieval protocols, tables, figures."""
