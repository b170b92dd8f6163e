"""The exit codes are fixed: scripts rely on them."""

from hubbub.exit_code import ExitCode


def test_each_result_has_its_code():
    assert [ExitCode[name] for name in ("PASS", "FAIL", "IMPOSSIBLE", "INCONCLUSIVE")] == [0, 1, 2, 3]
    assert len(ExitCode) == 4
