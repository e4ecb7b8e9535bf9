"""The run with another cutoff changes the definition, and nothing else."""

import pytest

from . import elsewhere

# Not a cutoff that the tests run with.
TOKYO = elsewhere.Cutoff("Asia/Tokyo", 9, 15, "Tokyo")


def test_the_definition_has_the_other_cutoff() -> None:
    """Zone, time and city are replaced where the core defines them; every other line stays."""
    source = (elsewhere.ROOT / elsewhere.DEFINED).read_text("utf-8")
    changed = elsewhere.redefined(source, TOKYO)
    lines = [new for old, new in zip(source.splitlines(), changed.splitlines(), strict=True) if old != new]
    assert lines == ['ZONE: Final = ZoneInfo("Asia/Tokyo")', "TIME: Final = time(9, 15)", 'CITY: Final = "Tokyo"']


def test_a_definition_of_another_form_is_refused() -> None:
    """Otherwise the tests would run with the usual cutoff, and pass."""
    with pytest.raises(ValueError, match="has 0 lines"):
        elsewhere.redefined("ZONE = 1\n", TOKYO)


@pytest.mark.parametrize(
    ("arguments", "cutoffs", "folder"),
    [
        ([], elsewhere.CUTOFFS, "tests"),
        (["--zone", "Europe/Warsaw", "--folder", "tests/day"], elsewhere.CUTOFFS[:1], "tests/day"),
    ],
)
def test_zone_and_folder_are_chosen_and_pytest_gets_the_rest(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], cutoffs: list[elsewhere.Cutoff], folder: str
) -> None:
    """Without a zone each cutoff has its run, and one failure is the status of all."""
    runs = []

    def run(cutoff: elsewhere.Cutoff, options: list[str]) -> int:
        runs.append((cutoff, options))
        return 1 if cutoff == elsewhere.CUTOFFS[0] else 0

    monkeypatch.setattr(elsewhere, "run", run)
    assert elsewhere.main([*arguments, "-n", "2", "-k", "a or b"]) == 1
    assert runs == [(cutoff, [folder, "-n", "2", "-k", "a or b"]) for cutoff in cutoffs]
