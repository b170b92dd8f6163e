"""Our lines go to standard error, the report to standard output unless that is Locust's."""

import pytest

from hubbub.run.terminal import say, show


def test_lines_go_to_standard_error(capsys):
    say("hello")
    assert capsys.readouterr() == ("", "hubbub: hello\n")


@pytest.mark.parametrize(("is_taken", "expected"), [(False, ("report\n", "")), (True, ("", "report\n"))])
def test_the_report_goes_where_there_is_room(capsys, is_taken, expected):
    show("report", is_output_taken=is_taken)
    assert capsys.readouterr() == expected
