"""How good tracks and links are, against what was really there: IDF1, HOTA, MOTA, links. See docs/scores.md."""
