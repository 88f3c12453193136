"""Prompts of an open-vocabulary detector: their nouns, and the noun that names a box."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError

NO_NOUN = -1
"""Number of a token that belongs to no noun: a full stop, the start, the end."""

EXAMPLE = "'car . truck . bus .'"


@dataclass(frozen=True, slots=True)
class Prompt:
    """The nouns in their order, in lower case, each once; a noun may have several words."""

    nouns: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Prompt":
        """Read `car . truck . bus .`; raises ConfigError where there is no noun, or where something else parts them."""
        parts = (" ".join(part.lower().split()) for part in re.split(r"[.?]", text))
        nouns = tuple(dict.fromkeys(filter(None, parts)))
        if not nouns:
            raise ConfigError(f"the prompt '{text}' names nothing to look for (write it like {EXAMPLE})")
        for noun in nouns:
            if re.search(r"[,;|\[\]]", noun):
                raise ConfigError(f"the prompt '{text}' has '{noun}' as one noun (part them by full stops: {EXAMPLE})")
            if not any(letter.isalnum() for letter in noun):
                raise ConfigError(f"the prompt '{text}' has '{noun}', which is no noun (write it like {EXAMPLE})")
        return cls(nouns)

    @property
    def caption(self) -> str:
        """The prompt as the text encoder gets it."""
        return "".join(f"{noun} . " for noun in self.nouns).rstrip()

    def check_length(self, tokens: int, limit: int) -> None:
        """Raise ConfigError for more tokens than the text encoder looks at: the last nouns would never be found."""
        if tokens > limit:
            raise ConfigError(
                f"the prompt '{self.caption[:40]}…' has {len(self.nouns)} nouns in {tokens} tokens, "
                f"{limit} is the limit (ask for less, or give cameras prompts of their own)"
            )

    def name(self, scores: NDArray[np.float32], token_nouns: NDArray[np.int64], phrase_score: float) -> tuple[str, ...]:
        """Name each of N boxes by a noun of the prompt.

        `scores` (N, T) says how well each token fits a box, `token_nouns` (T,) whose token it is. A noun is as good as
        its tokens on average, and a token counts from `phrase_score` on; where none does, all count. Where exactly the
        tokens of one noun are above `phrase_score`, it is that noun; several at once never make a new name.
        """
        of_noun = token_nouns[:, None] == np.arange(len(self.nouns))
        share = of_noun / np.maximum(of_noun.sum(axis=0), 1)
        strong = np.where(scores > phrase_score, scores, 0) @ share
        best = np.where(strong.any(axis=1), strong.argmax(axis=1), (scores @ share).argmax(axis=1))
        return tuple(self.nouns[row] for row in best)


def nouns_of_tokens(ids: Sequence[int], *, stop: int, special: frozenset[int]) -> NDArray[np.int64]:
    """Numbers (T,) of the nouns that the tokens of a caption belong to, NO_NOUN for none.

    `stop` is the token that ends a noun; `special` are those that belong to none, `stop` among them or not.
    """
    token_nouns = np.full(len(ids), NO_NOUN, np.int64)
    noun = 0
    for place, token in enumerate(ids):
        if token == stop:
            noun += 1
        elif token not in special:
            token_nouns[place] = noun
    return token_nouns
