"""Our lines go to standard error, the report to standard output unless that is Locust's."""

import io

import pytest

from hubbub.run.terminal import Terminal, say, show


def test_lines_go_to_standard_error(capsys):
    say("hello")
    assert capsys.readouterr() == ("", "hubbub: hello\n")


@pytest.mark.parametrize(("is_taken", "expected"), [(False, ("report\n", "")), (True, ("", "report\n"))])
def test_the_report_goes_where_there_is_room(capsys, is_taken, expected):
    show("report", is_output_taken=is_taken)
    assert capsys.readouterr() == expected


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_that_others_take_the_place_of(monkeypatch):
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    terminal = Terminal()
    terminal.progress("one")
    terminal.progress("two")
    terminal.say("said")
    terminal.say("more")
    assert screen.getvalue() == "\r\x1b[Khubbub: one\r\x1b[Khubbub: two\r\x1b[Khubbub: said\nhubbub: more\n"


def test_progress_in_a_log_is_lines(capsys):
    terminal = Terminal()
    terminal.progress("one")
    terminal.show("report", is_output_taken=False)
    assert capsys.readouterr() == ("report\n", "hubbub: one\n")
