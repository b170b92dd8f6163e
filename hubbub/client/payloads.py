"""What clients say: sentences made once by Faker, and cut to the size asked for."""

from __future__ import annotations

from dataclasses import dataclass

from faker import Faker

from hubbub.errors import ConfigError
from hubbub.ledger import TAG_WIDTH

SENTENCES = 256


@dataclass(frozen=True)
class Payloads:
    """Texts of equal length."""

    texts: list[str]

    @classmethod
    def make(cls, seed: int, message_size: int) -> Payloads:
        """Texts for messages of `message_size` characters, tag included; the same ones for the same seed.

        Raises ConfigError.
        """
        length = message_size - TAG_WIDTH
        if length < 1:
            raise ConfigError(
                f"message-size must be at least {TAG_WIDTH + 1} (the tag takes {TAG_WIDTH}), not {message_size}."
            )
        faker = Faker()
        faker.seed_instance(seed)
        return cls([_cut(" " + faker.paragraph(nb_sentences=2 + length // 30), length) for _ in range(SENTENCES)])

    def text(self, client: int, number: int) -> str:
        """The text of a client's message, the same in every run with the same seed."""
        return self.texts[(client * 31 + number) % len(self.texts)]


def _cut(text: str, length: int) -> str:
    repeated = text * (1 + length // len(text))
    return repeated[: length - 1] + "."
