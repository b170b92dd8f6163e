"""Contracts make frames and calls, and recognise what comes back; no input makes them raise."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub import contracts
from hubbub.contracts import load_contract
from hubbub.errors import ConfigError
from hubbub.options import OPTION

SANCTUM = load_contract("sanctum")
MINIMAL = load_contract("minimal")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("name", OPTION["contract"].choices())
def test_every_contract_that_can_be_asked_for_can_be_loaded(name):
    assert load_contract(name).name == name


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"mine.toml has no \[open\]: a contract needs open, message \(or post\) and when"),
        ('class = "hubbub.contracts.sanctum"', "class must name a contract"),
        ('class = "hubbub.contracts.sanctum:Sanktum"', "has no attribute 'Sanktum'"),
        ('class = "hubbub.contracts.none:None"', "No module named 'hubbub.contracts.none'"),
        ("class = 3", "class must name a contract, such as .*, not 3"),
        ('class = "pathlib:Path"', "'pathlib:Path' is no contract"),
        ('class = "pathlib:__doc__"', "class must name a contract, such as .*'NoneType' object is not callable"),
        ('class = "hubbub.contracts.base:Contract"', "is no contract: it must be a class made from Contract"),
        ('class = "broken_contract:Mine"', "class must name a contract, such as .*SyntaxError"),
    ],
)
def test_a_contract_without_its_class_is_one_sentence(tmp_path, monkeypatch, text, complaint):
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "mine.toml").write_text(text)
    (tmp_path / "broken_contract.py").write_text("class Mine(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(contracts, "CONF", tmp_path)
    with pytest.raises(ConfigError, match=complaint):
        load_contract("mine")


def test_settings_come_from_conf_and_unknown_keys_are_refused(tmp_path, monkeypatch):
    assert SANCTUM.settings["api"] == "/api"
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "sanctum.toml").write_text('class = "hubbub.contracts.sanctum:Sanctum"\napy = "/x"\n')
    monkeypatch.setattr(contracts, "CONF", tmp_path)
    with pytest.raises(ConfigError, match="no key 'apy'"):
        load_contract("sanctum")


@pytest.mark.parametrize("contract", [SANCTUM, MINIMAL], ids=lambda contract: contract.name)
@given(payload=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_frame_makes_a_contract_raise(contract, payload):
    contract.recognise(payload)


@pytest.mark.parametrize("contract", [SANCTUM, MINIMAL], ids=lambda contract: contract.name)
@given(content=st.text(min_size=1))
def test_frames_are_json_whatever_the_content(contract, content):
    json.loads(contract.message(4, content))
