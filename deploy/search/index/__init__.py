"""The index itself: catalogue, segments, codes; one writer and any number of readers."""
