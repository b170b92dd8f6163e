"""permessage-deflate (RFC 7692), by the extension of the `websockets` library."""

from __future__ import annotations

from websockets.exceptions import NegotiationError, PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame
from websockets.frames import Opcode as FrameOpcode
from websockets.headers import build_extension, parse_extension

from hubbub.errors import ConnectError
from hubbub.transport.frames import Opcode


class Deflate:
    """The negotiated extension of one connection: inflates what comes, deflates what goes."""

    def __init__(self, extension: PerMessageDeflate) -> None:
        self._extension = extension

    def inflate(self, data: bytes, is_final: bool, is_first: bool, max_bytes: int) -> bytes:
        """One frame of a compressed message. Raises ValueError for bad data, OverflowError for more than max_bytes."""
        opcode = FrameOpcode.BINARY if is_first else FrameOpcode.CONT
        frame = Frame(opcode, data, fin=is_final, rsv1=is_first)
        try:
            # The library takes a limit of 0 for none.
            inflated = bytes(self._extension.decode(frame, max_size=max(max_bytes, 1)).data)
        except PayloadTooBig as error:
            raise OverflowError(str(error)) from error
        except ProtocolError as error:
            raise ValueError(str(error)) from error
        if len(inflated) > max_bytes:
            raise OverflowError(f"over {max_bytes} bytes")
        return inflated

    def deflate(self, payload: bytes) -> tuple[bytes, bool]:
        """A whole message; returns its bytes and whether they are compressed."""
        frame = self._extension.encode(Frame(FrameOpcode(int(Opcode.TEXT)), payload))
        return bytes(frame.data), frame.rsv1


def _factory() -> ClientPerMessageDeflateFactory:
    return ClientPerMessageDeflateFactory(client_max_window_bits=True)


def offer() -> str:
    """The Sec-WebSocket-Extensions to offer."""
    factory = _factory()
    return build_extension([(factory.name, factory.get_request_params())])


def accepted(answer: str) -> Deflate | None:
    """The extension that the server's answer agrees to, None for none. Raises ConnectError."""
    if not answer:
        return None
    try:
        ((name, parameters),) = parse_extension(answer)
        if name != _factory().name:
            raise ConnectError(f"the upgrade was answered with an extension that was not offered: {name}")
        return Deflate(_factory().process_response_params(parameters, []))
    except (ValueError, NegotiationError) as error:
        raise ConnectError(f"the upgrade was answered with bad extension parameters: {error}") from error
