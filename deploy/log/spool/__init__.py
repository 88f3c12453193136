"""The spool: what live cameras have said and a log beyond this machine has not taken yet."""
