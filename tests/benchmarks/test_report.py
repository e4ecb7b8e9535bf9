"""What the runner of the benchmarks prints and writes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import run, safety_net
from benchmarks.report import Figure, Skipped, Table
from benchmarks.run import Options


def test_a_ratio_is_of_the_same_round() -> None:
    """Each value is divided by the reference that took its turn with it, and the median of these is judged."""
    figure = Figure("ours", [2.0, 9.0, 4.0], [1.0, 3.0, 4.0], goal=2.0)
    assert figure.ratios == [2.0, 3.0, 1.0]
    assert (figure.judged, figure.met) == (2.0, True)
    assert figure.cells() == ["4.00 (2.00 to 9.00) s", "2.00 (1.00 to 3.00)", "≤ 2.00: met"]


def test_a_rate_has_a_least() -> None:
    """The goal of a rate is what it is at least."""
    assert Figure("ours", [100.0], unit="rows/s", goal=250).cells() == ["100 rows/s", "", "≥ 250: MISSED"]


def test_columns_that_are_empty_are_left_out() -> None:
    """A table without a reference or a goal has neither column."""
    assert Table("Both", [Figure("one", [1.0]), Figure("two", [2.0], more={"size": "3 MiB"})]).markdown() == (
        "Both\n\n"
        "|     | median (least to most) | size  |\n"
        "| --- | ---------------------- | ----- |\n"
        "| one | 1.00 s                 |       |\n"
        "| two | 2.00 s                 | 3 MiB |\n"
    )


def test_the_file_has_all_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed is in the file too, with the machine; the options reach the benchmark."""
    asked = []

    def measure(options: Options) -> Iterator[Table]:
        asked.append(options)
        yield Table("A look", [Figure("ours", [3.0], [2.0], goal=1.0)])

    monkeypatch.setattr(safety_net, "measure", measure)
    run.main(["safety_net", "--rows", "1,000", "--rounds", "2", "--json", str(tmp_path / "found.json")])
    assert asked == [Options(rows=1_000, rounds=2)]
    assert "| ours | 3.00 s" in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    (table,) = found["tables"]["safety_net"]
    assert table["figures"][0] | {"values": [3.0], "ratios": [1.5], "goal": 1.0, "met": False} == table["figures"][0]
    assert found["machine"]["celery"]
    assert found["skipped"] == {}


def test_what_lacks_its_server_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no error, and the reason is printed."""

    def measure(_: Options) -> Iterator[Table]:
        raise Skipped("no Redis: start one")
        yield

    monkeypatch.setattr(safety_net, "measure", measure)
    run.main(["safety_net"])
    assert capsys.readouterr().out == "safety_net: skipped: no Redis: start one\n\n"


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the benchmarks that there are."""
    with pytest.raises(SystemExit):
        run.main(["speed"])
    assert "no benchmark is named speed; there are approve_all, click," in capsys.readouterr().err
