"""What is shown is printable, bounded, and has no secrets."""

import pytest

from hubbub.run.shown import Shown, asked


def test_what_is_shown_is_one_printable_line_of_bounded_length():
    lines = []
    shown = Shown(lines.append)
    shown.hide("hunter2", "x")
    shown.line("a\nb\x1b[31m hunter2 eyJhbGci.eyJzdWIi.c2ln x " + "y" * 1_000)
    assert lines[0].startswith("a\\nb\\x1b[31m *** *** x yyy")
    assert len(lines[0]) == 203


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"username=a%40b&password=hunter2", b"{}"),
        (b'{"pass":"hunter2","user":"a"}', b"{}"),
        (b"", b'{"data":{"sid":"hunter2","access_token":"hunter2"}}'),
        (b"_csrf=hunter2", b"not json"),
    ],
)
def test_calls_are_shown_without_what_is_called_a_secret(body, answer):
    lines = []
    request = asked(lambda *_: (200, answer), Shown(lines.append))
    assert request("POST", "/login", {}, body) == (200, answer)
    assert "hunter2" not in "".join(lines)
    assert "POST /login" in lines[0]


def test_a_secret_is_hidden_however_it_is_written():
    lines = []
    shown = Shown(lines.append)
    shown.hide("a+b c/d")
    shown.hide_in(b'{"token":"t-o-k-e-n"}')
    shown.line("a+b c/d a%2Bb%20c%2Fd a%2Bb+c%2Fd t-o-k-e-n")
    shown.line('<auth xmlns="x" mechanism="PLAIN">AGEAaHVudGVyMg==</auth>')
    assert lines == ["*** *** *** ***", '<auth xmlns="x" mechanism="PLAIN">***</auth>']
