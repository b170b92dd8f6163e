"""What clients say: sentences made once by Faker, and cut to the sizes asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from faker import Faker

from hubbub.errors import ConfigError
from hubbub.ledger import TAG_WIDTH
from hubbub.options import WORDS

SENTENCES = 256
MOST_LETTERS = 4 << 20
"""Of all texts together: of long ones there are fewer, for they are the same for all workers and travel to each."""

PARAGRAPH = 40
"""Sentences that are made anew for a text; a longer one repeats them."""


LOCALES = ("ru_RU", "ja_JP", "ar_AA")
"""Letters of two and three bytes, from left to right and from right to left."""

DELICATE = ("👋🏽", "👩‍👩‍👧", "🇪🇺", "e\u0301", "ﬁ", "ß")
"""What a backend spoils that cuts between code points, keeps three bytes at most, or normalises (NFC, NFKC)."""


@dataclass(frozen=True)
class Payloads:
    """Texts in a fixed order."""

    texts: list[str]

    @classmethod
    def make(cls, seed: int, message_size: tuple[int, int], kind: str = WORDS) -> Payloads:
        """Texts for messages of so many characters, tag included, at least and at most; the same for the same seed.

        Sizes are spread evenly on a logarithmic scale: most messages of a wide range are short, as people's are. `kind`
        is one of options.MESSAGE_TEXTS. Raises ConfigError.
        """
        smallest, largest = message_size
        if smallest <= TAG_WIDTH:
            raise ConfigError(
                f"message-size must be at least {TAG_WIDTH + 1} (the tag takes {TAG_WIDTH}), not {smallest}."
            )
        random = Random(seed)
        how_many = max(2, min(SENTENCES, MOST_LETTERS // largest))
        sizes = [round(smallest * (largest / smallest) ** random.random()) for _ in range(how_many)]
        sizes[:2] = smallest, largest
        paragraphs = _paragraphs(seed, min(2 + largest // 30, PARAGRAPH), kind)
        return cls([_cut(" " + next(paragraphs), size - TAG_WIDTH) for size in sizes])

    def text(self, client: int, number: int) -> str:
        """The text of a client's message, the same in every run with the same seed."""
        return self.texts[(client * 31 + number) % len(self.texts)]


def _paragraphs(seed: int, sentences: int, kind: str) -> Iterator[str]:
    if kind == WORDS:
        yield from _written(Faker(), seed, sentences)
    writers = [_written(Faker(locale), seed, sentences) for locale in LOCALES]
    while True:
        for number, writer in enumerate(writers):
            yield f"{DELICATE[number]}{DELICATE[number + 3]} {next(writer)}"


def _written(faker: Faker, seed: int, sentences: int) -> Iterator[str]:
    faker.seed_instance(seed)
    while True:
        yield faker.paragraph(nb_sentences=sentences)


def _cut(text: str, length: int) -> str:
    repeated = text * (1 + length // len(text))
    return repeated[: length - 1] + "."
