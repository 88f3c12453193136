"""Traffic from Eclipse SUMO: networks, demand, simulation, and the traces made of it."""
