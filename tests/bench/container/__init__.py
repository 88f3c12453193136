"""The container's build, run without a container engine."""
