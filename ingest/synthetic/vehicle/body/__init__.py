"""The shape of a vehicle, as meshes."""
