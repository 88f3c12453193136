"""Scores of tracks and links against the truth: IDF1, HOTA, MOTA, links. See docs/scores.md."""
