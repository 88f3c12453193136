"""Who may see and do what: users, sessions, tokens, and what every request is checked for."""
