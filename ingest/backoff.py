"""Pauses before a camera is opened again."""

import random


class Backoff:
    """Full jitter: anything up to a limit that doubles with every failure (Brooker, AWS Architecture Blog, 2015).

    The limit is `first_s` after the first failure and at most `most_s`. Spreading the whole pause keeps cameras that
    broke together from coming back together. A session that lasted `healthy_s` starts the count anew. A camera that
    refused us is asked about every `refused_s` only: many lock an account that fails often.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        first_s: float = 0.5,
        most_s: float = 60.0,
        healthy_s: float = 60.0,
        refused_s: float = 60.0,
    ) -> None:
        self._rng = rng
        self._first_s = first_s
        self._most_s = most_s
        self._healthy_s = healthy_s
        self._refused_s = refused_s
        self._failures = 0

    def pause_s(self, *, lasted_s: float, refused: bool = False) -> float:
        """Seconds to wait after a session that delivered frames for `lasted_s`, 0 if it never did."""
        if refused:
            return self._refused_s * self._rng.uniform(0.9, 1.1)
        if lasted_s >= self._healthy_s:
            self._failures = 0
        limit_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 64))
        self._failures += 1
        return self._rng.uniform(0.0, limit_s)
