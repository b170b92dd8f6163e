"""What clients say: sentences made once by Faker, and cut to the size asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faker import Faker

from hubbub.errors import ConfigError
from hubbub.ledger import TAG_WIDTH

SENTENCES = 256


class Corpus:
    """Texts of equal length for messages of `message_size` characters, tag included. Raises ConfigError."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    @classmethod
    def make(cls, seed: int, message_size: int) -> Corpus:
        """The same texts for the same seed."""
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
        return self._texts[(client * 31 + number) % len(self._texts)]

    def to_dict(self) -> dict[str, Any]:
        return {"texts": self._texts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Corpus:
        return cls(list(values["texts"]))


def _cut(text: str, length: int) -> str:
    repeated = text * (1 + length // len(text))
    return repeated[: length - 1] + "."
