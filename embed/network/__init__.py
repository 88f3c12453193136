"""The encoders as networks: the MSINet trunk, GRL, and the baselines they are compared with."""
