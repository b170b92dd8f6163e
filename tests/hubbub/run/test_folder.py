"""A run's folder is empty when it begins, and its files are whole."""

import json

import pytest

from hubbub.errors import ConfigError
from hubbub.run.folder import make_folder, versions, write_json
from hubbub.suite import WORKING_FOLDER_VARIABLE


def test_a_new_folder_lies_in_runs_and_is_never_an_old_one(tmp_path, monkeypatch):
    monkeypatch.setenv(WORKING_FOLDER_VARIABLE, str(tmp_path))
    folders = [make_folder("", "smoke") for _ in range(3)]
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {tmp_path / "runs"}
    assert "-smoke" in folders[0].name


def test_a_folder_with_files_in_it_is_refused(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(ConfigError, match="must be empty or absent"):
        make_folder(str(tmp_path), "smoke")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="must be a folder that can be written"):
        make_folder(str(tmp_path / "file" / "run"), "smoke")


def test_a_file_is_written_whole(tmp_path):
    write_json(tmp_path / "summary.json", {"schema": 1})
    assert json.loads((tmp_path / "summary.json").read_text()) == {"schema": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_versions_name_what_the_run_was_made_with():
    assert {"hubbub", "python", "locust", "gevent"} <= set(versions())
