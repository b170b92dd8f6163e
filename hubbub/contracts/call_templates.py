"""HTTP calls of a contract in TOML: their variables, and where in an answer things stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubbub.contracts.calls import Call, shortened
from hubbub.contracts.grammar import METHODS
from hubbub.contracts.templates import MISSING, Template, ValueTemplate, lookup
from hubbub.errors import ContractError


class CallTemplate:
    """A call with variables in it, and where in its answer things stand."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        method = next(each for each in METHODS if each in table)
        self._method = method.upper()
        self._path = Template(table[method])
        self._json = ValueTemplate(table["json"]) if "json" in table else None
        self._form = ValueTemplate(table["form"]) if "form" in table else None
        self._body = Template(table["body"]) if "body" in table else None
        self._headers = ValueTemplate(table.get("headers", {}))
        self._accepts = tuple(table.get("accepts", ()))

    def call(self, values: Mapping[str, Any]) -> Call:
        """The call with its variables filled in; `token` is sent as Bearer unless a header of its own says who asks."""
        headers = self._headers.fill(values)
        has_own = any(name.lower() in ("authorization", "cookie") for name in headers)
        return Call(
            self._method,
            self._path.fill(values),
            None if self._json is None else self._json.fill(values),
            "" if has_own else str(values.get("token", "")),
            self._accepts,
            None if self._form is None else {key: str(value) for key, value in self._form.fill(values).items()},
            None if self._body is None else self._body.fill(values).encode(),
            headers,
        )

    def answer(self, key: str, body: Any, default: str | None = None) -> Any:
        """What stands in an answer where the table's key says. Raises ContractError where nothing does."""
        path = self.table.get(key, default)
        return MISSING if path is None else found_at(path, body)

    @property
    def names(self) -> set[str]:
        """The variables that it needs."""
        parts = (self._path, self._json, self._form, self._body, self._headers)
        return set().union(*(part.names for part in parts if part is not None))


def found_at(path: str, body: Any) -> Any:
    """What stands in an answer at a path. Raises ContractError where nothing does."""
    found = lookup(body, path)
    if found is MISSING:
        raise ContractError(f"expected {path!r} in the backend's answer, got {shortened(body)}")
    return found
