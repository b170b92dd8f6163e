"""A row of the options: what one option is, how its text is read, and the helpers that make rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubbub import option_kinds as kinds
from hubbub.errors import ConfigError
from hubbub.option_kinds import Kind
from hubbub.spelling import did_you_mean
from hubbub.suite import SUITE, find_file


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `default` is the text a user would type; `""` means not set.

    `locust_flag` names Locust's own flag where Locust has the option already. `is_form_field` puts it into the web
    form (file paths and secrets stay out: the form has no login). `choices` are the values it may have, if not any,
    and `also` says which others. `folder` is that of the suite whose files its text names, and `suffix` theirs; the
    path of another file will do. `joins` stands between the parts of one that means several: such a one may be given
    several times.
    """

    name: str
    parse: Kind
    default: str
    help: str
    metavar: str = "N"
    locust_flag: str = ""
    is_form_field: bool = True
    is_switch: bool = False
    is_secret: bool = False
    is_path: bool = False
    joins: str = ""
    folder: str = ""
    suffix: str = ".toml"
    choices: Callable[[], tuple[str, ...]] | None = None
    also: Callable[[str], bool] = lambda _text: False

    @property
    def label(self) -> str:
        """What its errors call it."""
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        return f"--{self.label}"

    @property
    def environment_variable(self) -> str:
        return "HUBBUB_" + self.name.upper()

    def cleaned(self, text: str) -> str:
        """A text without the blanks and line ends around it; a secret may have blanks of its own."""
        return text.strip("\r\n") if self.is_secret else text.strip()

    def joined(self, texts: Sequence[str]) -> str:
        """One text from all that were given in one place. Raises ConfigError for several where it means one."""
        if self.is_switch:
            return texts[0] if texts else ""
        if len(texts) > 1 and not self.joins:
            given = "" if self.is_secret else f" ({', '.join(texts)})"
            raise ConfigError(f"{self.label} was given {len(texts)} times{given}: give it once.")
        return self.joins.join(texts)

    def file(self, text: str) -> Path | None:
        """The file that a text names; None where it names none, or files are not what it is about."""
        return find_file(SUITE / self.folder, text, self.suffix) if self.folder else None

    def value(self, text: str, more_choices: Iterable[str] = ()) -> Any:
        """The checked value of a text. Raises ConfigError."""
        text = self.cleaned(text)
        if self.is_path and (found := self.file(text)):
            text = str(found)
        if self.folder and not self.file(text) and not self.also(text) and text.endswith((self.suffix, "/")):
            raise ConfigError(f"{self.label}: there is no file {text}.")
        if self.choices is not None and not self.file(text) and not self.also(text):
            choices = sorted({*self.choices(), *more_choices}, key=lambda choice: (choice != "none", choice))
            if text not in choices:
                or_file = ", or a file" if self.folder else ""
                raise ConfigError(
                    f"{self.label} must be one of {', '.join(choices)}{or_file}, not {text!r}."
                    f"{did_you_mean(text, choices)}"
                )
        return self.parse(text, self.label)


def row(name: str, kind: Kind, default: str, help: str, metavar: str = "N", **more: Any) -> Any:
    return field(metadata={"option": Option(name, kind, default, help, metavar, **more)})


def choice(name: str, choices: tuple[str, ...], default: str, help: str, metavar: str = "NAME") -> Any:
    return row(name, kinds.text, default, help, metavar, choices=lambda: choices)


def switch(name: str, help: str, **more: Any) -> Any:
    return row(name, kinds.on_off, "", help, is_switch=True, **more)


def time(name: str, default: str, help: str, minimum_us: int = 1) -> Any:
    return row(name, kinds.duration(minimum_us), default, help, "TIME")


def path(name: str, kind: Kind, help: str, metavar: str = "FILE", **more: Any) -> Any:
    return row(name, kind, "", help, metavar, is_form_field=False, is_path=True, **more)
