"""How good an encoder is: retrieval protocols, tables, figures."""
