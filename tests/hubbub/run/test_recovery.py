"""A run that was cut off is judged on what its workers had reported; a run that was judged is printed as it was."""

import json

import pytest

from hubbub.errors import RunError
from hubbub.run.recovery import print_report, report_on

DECIDED = ("confirmed", "refused", "throttled", "vanished", "indefinite", "pending")


@pytest.fixture
def cut_off(make):
    """A run of which only the folder is left, as a kill leaves it."""

    def cut_off(at_s=4.5, **how):
        run = make(**{"message_interval": "1s", "duration": "12s"} | how)
        run.begin()
        run.until(lambda: run.run.elapsed_us > at_s * 1e6)
        folder = run.run.path
        copy = folder.with_name("copy")
        copy.mkdir()
        for path in folder.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        return run, copy

    return cut_off


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_was_cut_off_has_a_report(cut_off, workers):
    _, folder = cut_off(workers=workers, clients="12", fault={7: "lose one"}.get)
    code, text = report_on(folder)
    summary = json.loads((folder / "summary.json").read_text())
    messages, deliveries = summary["messages"], summary["deliveries"]
    assert (code, summary["verdict"]["exit_code"]) == (3, 3)
    assert "INCONCLUSIVE: the run was cut off; this is what its workers had reported until" in text
    assert 36 <= messages["sent"] <= 60
    assert messages["planned"] == messages["sent"] + messages["unsent"] == 144
    assert messages["sent"] == sum(messages[name] for name in DECIDED)
    assert deliveries["due"] == deliveries["delivered"] + deliveries["lost"] + deliveries["excused"]
    assert deliveries["expected"] == deliveries["delivered"] + deliveries["lost"]
    assert (summary["clients"]["asked"], summary["clients"]["lost"]) == (12, 12)
    assert summary["run"]["workers"] == workers
    assert report_on(folder) == (code, text)


def test_what_was_proven_before_stays_proven(cut_off):
    _, folder = cut_off(at_s=10.5, fault={7: "duplicate"}.get)
    code, text = report_on(folder)
    assert code == 1
    assert "1 deliveries came twice" in text


def test_a_line_that_was_cut_in_the_middle_is_no_line(cut_off):
    _, folder = cut_off()
    with (folder / "journal.jsonl").open("a") as journal:
        journal.write('{"at": "2026-01-01T00:00:00", "event": "rep')
    assert report_on(folder)[0] == 3


def test_a_run_that_was_judged_is_printed_as_it_was(make, capsys):
    run = make(message_interval="1s")
    run.go()
    assert print_report(run.run.path) == 0
    assert capsys.readouterr().out == run.run.console + "\n"


def test_a_lost_worker_stays_lost(cut_off):
    run, _ = cut_off(workers=2)
    run.workers.lost.add("w1")
    run.scheduler.advance(1)
    assert report_on(run.run.path)[0] == 3
    assert "worker w1 was lost in second 5" in report_on(run.run.path)[1]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: [path.unlink() for path in folder.iterdir()], "is it the folder of a run"),
        (lambda folder: (folder / "checkpoint-0.json").unlink(), "nothing was measured in"),
        (lambda folder: (folder / "checkpoint-0.json").write_text("{}"), "is no report of a worker"),
        (lambda folder: (folder / "journal.jsonl").write_text("1\n[]\nx\n{}\n"), "nothing was measured in"),
        (lambda folder: (folder / "config.json").write_text("[1"), "is not JSON"),
        (lambda folder: (folder / "config.json").write_text("{}"), "is no configuration of this version"),
        (
            lambda folder: [(folder / "checkpoint-0.json").unlink(), (folder / "summary.json").write_text("{}")],
            "is no summary of a run of this version",
        ),
    ],
)
def test_a_folder_without_a_run_is_one_sentence(cut_off, capsys, spoil, sentence):
    _, folder = cut_off()
    spoil(folder)
    with pytest.raises(RunError, match=sentence):
        report_on(folder)
    assert print_report(folder) == 2
    assert capsys.readouterr().out.startswith("hubbub: ")


def test_a_journal_that_lies_is_one_sentence(cut_off, capsys):
    _, folder = cut_off()
    (folder / "journal.jsonl").write_text('{"event": "begin"}\n')
    assert print_report(folder) == 2
    assert "KeyError" in capsys.readouterr().out


def test_a_report_that_was_made_too_early_is_made_anew(cut_off):
    run, folder = cut_off()
    report_on(folder)
    early = json.loads((folder / "summary.json").read_text())["messages"]["sent"]
    run.scheduler.advance(3)
    (folder / "checkpoint-0.json").write_bytes((run.run.path / "checkpoint-0.json").read_bytes())
    report_on(folder)
    assert json.loads((folder / "summary.json").read_text())["messages"]["sent"] >= early + 24


def test_a_folder_that_cannot_be_written_is_reported_on_all_the_same(cut_off, monkeypatch):
    _, folder = cut_off()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hubbub.run.recovery.write_json", fail)
    code, text = report_on(folder)
    assert code == 3
    assert "Verdict: INCONCLUSIVE" in text
    assert text.endswith("summary.json could not be written (No space left on device (ENOSPC)).")
