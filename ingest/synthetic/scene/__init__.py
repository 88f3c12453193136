"""The scenery of one camera: ground, houses, trees, street furniture."""
