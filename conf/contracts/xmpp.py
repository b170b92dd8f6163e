"""XMPP over WebSocket (RFC 7395) with group chat (XEP-0045): docs/backends/xmpp.md says how it was tried.

-> open <- open, features   -> auth <- success   -> open <- open, features   -> iq bind <- iq result
-> presence to room/nick <- presence with status 110, behind all others'
-> message, id <- the same message, from room/nick, to everyone: to the sender with its id
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from hubbub import Contract, Delivery, Dialogue, Event, EventKind, Opening, Phase, Upgrade

FRAMING, STREAMS = "urn:ietf:params:xml:ns:xmpp-framing", "http://etherx.jabber.org/streams"
SASL, BIND = "urn:ietf:params:xml:ns:xmpp-sasl", "urn:ietf:params:xml:ns:xmpp-bind"
CLIENT, MUC = "jabber:client", "http://jabber.org/protocol/muc"
NO_CONDITION = frozenset({"message", "presence", "iq", "error", "failure", "text", "body"})
IS_ME = "110"
"""The status of one's own presence (XEP-0045, 7.2.2)."""


class Xmpp(Contract):
    """`settings`: `path`; `domain`; `muc`, the domain of rooms (default: `conference.` before the domain); `mechanism`,
    ANONYMOUS, or PLAIN with the accounts' e-mails (what is before the @) and passwords."""

    name = "xmpp"
    phases = (Phase.CONNECT, Phase.JOIN)
    accounts = "any"
    rooms = "name"

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        defaults = {"path": "/xmpp-websocket", "domain": "localhost", "muc": "", "mechanism": "ANONYMOUS"}
        super().__init__(defaults | dict(settings or {}))

    def conversation_name(self, run_id: str, index: int) -> str:
        domain = self.settings["muc"] or f"conference.{self.settings['domain']}"
        return f"perfws-{run_id}-{index}@{domain}"

    def dialogue(self, opening: Opening) -> Dialogue:
        return XmppDialogue(self, opening)


class XmppDialogue(Dialogue):
    """One connection: whether it has authenticated, and what it is called in its rooms."""

    __slots__ = ("_has_authenticated", "_nick")

    def __init__(self, contract: Contract, opening: Opening) -> None:
        super().__init__(contract, opening)
        self._has_authenticated = False
        self._nick = f"{opening.credentials.email.partition('@')[0]}-{opening.number}"

    def upgrade(self) -> Upgrade:
        return Upgrade(str(self.contract.settings["path"]), {"Sec-WebSocket-Protocol": "xmpp"})

    def start(self) -> Sequence[str]:
        domain = quoteattr(str(self.contract.settings["domain"]))
        return (f'<open xmlns="{FRAMING}" to={domain} version="1.0"/>',)

    def enter(self, conversation_id: str | int) -> Sequence[str]:
        here = quoteattr(f"{conversation_id}/{self._nick}")
        history = '<history maxstanzas="0"/>'
        return (f'<presence xmlns="{CLIENT}" to={here}><x xmlns="{MUC}">{history}</x></presence>',)

    def leave(self, conversation_id: str | int) -> Sequence[str]:
        here = quoteattr(f"{conversation_id}/{self._nick}")
        return (f'<presence xmlns="{CLIENT}" to={here} type="unavailable"/>',)

    def post(self, conversation_id: str | int, content: str, number: int) -> Sequence[str]:
        to = quoteattr(str(conversation_id))
        body = f"<body>{escape(content)}</body>"
        return (f'<message xmlns="{CLIENT}" to={to} type="groupchat" id="hubbub-{number}">{body}</message>',)

    def receive(self, payload: bytes) -> Sequence[Event | Delivery]:
        if b"<!" in payload:  # RFC 7395, 3.3.3: no DTD, and so no entities that grow
            return (Event(EventKind.UNREADABLE, text="a frame with a declaration"),)
        try:
            stanza = ElementTree.fromstring(payload)  # noqa: S314 - without a declaration
        except ElementTree.ParseError as error:
            return (Event(EventKind.UNREADABLE, text=f"{error}: {payload[:80]!r}"),)
        name = stanza.tag.rpartition("}")[2]
        meaning = _MEANINGS.get(name)
        return (Event(EventKind.OTHER, text=name[:20]),) if meaning is None else meaning(self, stanza)

    def _features(self, _stanza: ElementTree.Element) -> Sequence[Event]:
        return (Event(EventKind.REPLY, frames=(self._next_step(),)),)

    def _success(self, _stanza: ElementTree.Element) -> Sequence[Event]:
        self._has_authenticated = True
        return (Event(EventKind.REPLY, frames=self.start()),)

    def _next_step(self) -> str:
        """What follows the features of a stream."""
        if self._has_authenticated:
            return f'<iq xmlns="{CLIENT}" type="set" id="bind"><bind xmlns="{BIND}"/></iq>'
        mechanism = str(self.contract.settings["mechanism"])
        if mechanism != "PLAIN":
            return f'<auth xmlns="{SASL}" mechanism={quoteattr(mechanism)}/>'
        credentials = self.opening.credentials
        plain = f"\0{credentials.email.partition('@')[0]}\0{credentials.password}".encode()
        return f'<auth xmlns="{SASL}" mechanism="PLAIN">{base64.b64encode(plain).decode()}</auth>'

    def _message(self, stanza: ElementTree.Element) -> Sequence[Event | Delivery]:
        room, _, nick = stanza.get("from", "").partition("/")
        number = int(stanza.get("id", "").removeprefix("hubbub-") or 0) if _is_ours(stanza) else 0
        if stanza.get("type") == "error":
            return (Event(EventKind.REFUSED, room, number, _reason(stanza)),)
        body = stanza.findtext(f"{{{CLIENT}}}body")
        if stanza.get("type") != "groupchat" or body is None or not nick:
            return (Event(EventKind.OTHER, text="message"),)
        return (Delivery(room, nick, body),)


def _is_ours(stanza: ElementTree.Element) -> bool:
    return stanza.get("id", "").removeprefix("hubbub-").isdecimal()


def _presence(stanza: ElementTree.Element) -> Sequence[Event]:
    room = stanza.get("from", "").partition("/")[0]
    if stanza.get("type") == "error":
        return (Event(EventKind.FAILED, room, text=_reason(stanza)),)
    statuses = {each.get("code") for each in stanza.iter(f"{{{MUC}#user}}status")}
    if IS_ME in statuses and stanza.get("type") is None:
        return (Event(EventKind.JOINED, room),)
    return (Event(EventKind.OTHER, text="presence"),)


def _iq(stanza: ElementTree.Element) -> Sequence[Event]:
    if stanza.get("id") == "bind":
        is_done = stanza.get("type") == "result"
        return (Event(EventKind.CONNECTED) if is_done else Event(EventKind.FAILED, text=_reason(stanza)),)
    if stanza.get("type") not in ("get", "set"):
        return ()
    attributes = f"id={quoteattr(stanza.get('id', ''))} to={quoteattr(stanza.get('from', ''))}"
    answer = f'<iq xmlns="{CLIENT}" type="result" {attributes}/>'  # a ping (XEP-0199), mostly
    return (Event(EventKind.REPLY, frames=(answer,)),)


def _reason(stanza: ElementTree.Element) -> str:
    """The condition of an error, and its text."""
    names = [each.tag.rpartition("}")[2] for each in stanza.iter()]
    said = next((each.text for each in stanza.iter() if each.tag.endswith("}text") and each.text), "")
    conditions = [name for name in names if name not in NO_CONDITION]
    return f"{conditions[0] if conditions else 'refused'}{f' ({said})' if said else ''}"


def _failure(_dialogue: XmppDialogue, stanza: ElementTree.Element) -> Sequence[Event]:
    return (Event(EventKind.FAILED, text=f"{stanza.tag.rpartition('}')[2]}: {_reason(stanza)}"),)


_MEANINGS: dict[str, Callable[[XmppDialogue, ElementTree.Element], Sequence[Event | Delivery]]] = {
    "message": XmppDialogue._message,
    "presence": lambda _, stanza: _presence(stanza),
    "iq": lambda _, stanza: _iq(stanza),
    "features": XmppDialogue._features,
    "success": XmppDialogue._success,
    "failure": _failure,
    "error": _failure,
    "open": lambda *_: (),
    "close": lambda *_: (),
}
