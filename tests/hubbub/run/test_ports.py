"""A connection needs a local port; there are so many for each local address."""

import pytest

from hubbub.errors import RunError
from hubbub.run import ports as module
from hubbub.run.ports import check_ports, local_ports


@pytest.mark.parametrize(
    ("clients", "sources", "ports"), [(5, 0, 10), (100, 0, 150), (100, 2, 75), (1_000_000, 0, None)]
)
def test_so_many_clients_have_their_ports(clients, sources, ports):
    check_ports(clients, sources, lambda: ports)


@pytest.mark.parametrize(
    ("clients", "sources", "ports", "needed", "there"), [(30, 0, 10, 60, 10), (100, 2, 70, 150, 140)]
)
def test_more_than_there_are_is_one_sentence(clients, sources, ports, needed, there):
    sentence = rf"{clients} clients need {needed} local ports .* and there are {there}: .*--source-addresses"
    with pytest.raises(RunError, match=sentence):
        check_ports(clients, sources, lambda: ports)


@pytest.mark.parametrize(("text", "found"), [("32768\t60999\n", 28_232), ("nonsense", None), (None, None)])
def test_the_kernels_range_is_read(tmp_path, monkeypatch, text, found):
    path = tmp_path / "range"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(module, "PORT_RANGE", path)
    assert local_ports() == found
