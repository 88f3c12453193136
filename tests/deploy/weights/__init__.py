"""The lookup, the check and the download of weights; the downloads come from a server inside the test."""
