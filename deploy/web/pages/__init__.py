"""The pages, made on the server; with the scripts switched off they are links and forms."""
