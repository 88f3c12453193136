"""Several brokers of one's own, each behind a proxy: killed, stopped, and with replies that are lost or late."""
