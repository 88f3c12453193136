"""The operator's view: what the log says as pages, an API and metrics, over HTTP."""
