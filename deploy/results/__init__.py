"""Results of a run: journeys, mosaic, schemas, inputs of scoring."""
