"""The tag at the head of every message: who sent it, where, when it was meant to be sent, and check digits.

A tag is 69 ASCII characters that JSON does not escape, all but the marker in lower-case hexadecimal, each field of
fixed width, so that it is found by its marker and cut without parsing what surrounds it:

    ~hb run:8 conversation:6 sender:8 number:8 intended:13 lag:7 text_check:8 tag_check:8

`tag_check` is the CRC-32 of all before it and is checked before any field is believed; `text_check` is the CRC-32 of
the text that follows the tag.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

MARKER = b"~hb"
TAG_WIDTH = 69
MAX_LAG_US = 16**7 - 1


class Tag(NamedTuple):
    """The fields of a tag whose check digits were right. Times in microseconds."""

    run: int
    conversation: int
    sender: int
    number: int
    intended_us: int
    lag_us: int
    text_check: int

    @property
    def key(self) -> int:
        """One integer that names the message within its run."""
        return message_key(self.sender, self.number)


def message_key(sender: int, number: int) -> int:
    """One integer that names a message within its run."""
    return sender << 32 | number


def encode_tag(run: int, conversation: int, sender: int, number: int, intended_us: int, lag_us: int, text: str) -> str:
    """The tag for `text`. Put it directly in front of the text; the two together are the message's content."""
    head = (
        f"~hb{run:08x}{conversation:06x}{sender:08x}{number:08x}{intended_us:013x}"
        f"{min(max(lag_us, 0), MAX_LAG_US):07x}{crc32(text.encode()):08x}"
    )
    return f"{head}{crc32(head.encode()):08x}"


def decode_tag(content: str) -> Tag | None:
    """The tag that `content` begins with, or None where there is none or its check digits are wrong."""
    head, check = content[: TAG_WIDTH - 8], content[TAG_WIDTH - 8 : TAG_WIDTH]
    if len(check) != 8 or not head.startswith("~hb") or not head.isascii():
        return None
    if check != f"{crc32(head.encode()):08x}":
        return None
    fields = int(head[3:], 16)  # one conversion and shifts are cheaper than seven conversions
    return Tag(
        run=fields >> 200,
        conversation=fields >> 176 & 0xFFFFFF,
        sender=fields >> 144 & 0xFFFFFFFF,
        number=fields >> 112 & 0xFFFFFFFF,
        intended_us=fields >> 60 & 0xFFFFFFFFFFFFF,
        lag_us=fields >> 32 & 0xFFFFFFF,
        text_check=fields & 0xFFFFFFFF,
    )


def text_is_intact(tag: Tag, content: str) -> bool:
    """Whether the text behind the tag is the one it was made for."""
    return crc32(content[TAG_WIDTH:].encode()) == tag.text_check
