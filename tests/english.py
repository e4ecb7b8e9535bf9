"""Find habits of prose that readers stumble over: `python -m tests.english`, which `tox run -e lint` runs.

It reads every line of Python, Markdown, HTML and TOML. Underscores count as spaces, so it reads names of tests too.
A folder that `not_yet_clean.txt` lists can have findings. A listed folder without any is an error: the list only gets
shorter.
"""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_name("not_yet_clean.txt")
# These name the habits, in order to find them.
EXCEPT = {"tests/english.py", "tests/docs/test_english.py"}

# Regular expressions for whole words, and what to write instead.
HABITS = {
    "anew": "again",
    "beside the": "next to the, in addition to the",
    "by (?:itself|themselves)": "name the agent, or leave it out",
    "(?:is|are|was|were) (?-i:none)": "say what it is",
    "in vain": "say what fails",
    "let(?:s|ting)? through": "accept",
    "meanwhile": "while …, or leave it out",
    "mend(?:s|ed|ing)?": "repair",
    "pass(?:es|ed|ing)? over": "ignore, skip",
    "so there (?:is|are) for": "subject, verb, object",
    "wants? (?:an?|the|no|to)": "need, require",
    "whoever": "name the agent",
}
# American spellings; color, canceled and license are names in CSS, Stripe's API and packaging.
SPELLINGS = {
    "behaviors?": "behaviour",
    "catalogs?": "catalogue",
    "defense": "defence",
    "favor(?:s|ed|ite)?": "favour",
    "fulfill": "fulfil",
    "honor(?:s|ed)?": "honour",
    "(?:label|model|travel)(?:ed|ing)": "two ls",
    "neighbors?": "neighbour",
}
PATTERNS = [(re.compile(rf"\b{words}\b", re.IGNORECASE), instead) for words, instead in (HABITS | SPELLINGS).items()]


def habits(line: str) -> Iterator[tuple[str, str]]:
    """Yield each habit that the line has, and what to write instead."""
    prose = line.replace("_", " ")
    for pattern, instead in PATTERNS:
        for found in pattern.finditer(prose):
            yield found[0], instead


def by_folder() -> dict[str, list[str]]:
    """The findings of all files that git knows, as lines, by the folder of the file."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.html", "*.toml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted({*listed.stdout.split()} - EXCEPT):
        if not (ROOT / name).exists():  # deleted, and not committed yet
            continue
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
            found[str(Path(name).parent)] += [f"{name}:{number}: {words!r}: {to}" for words, to in habits(line)]
    return {folder: lines for folder, lines in found.items() if lines}


def problems(found: dict[str, list[str]], not_yet_clean: set[str]) -> list[str]:
    """What must be changed: findings in other folders than these, and those of these that have no finding."""
    lines = [line for folder, of in found.items() if folder not in not_yet_clean for line in of]
    return lines + [f"{folder} is clean: remove it from {LIST.name}" for folder in sorted(not_yet_clean - {*found})]


def main(arguments: list[str]) -> int:
    """Print the problems; with a FOLDER, its findings; with --count, how many findings each folder has."""
    found = by_folder()
    if arguments == ["--count"]:
        print(*(f"{len(lines):5} {folder}" for folder, lines in sorted(found.items())), sep="\n")
        return 0
    if arguments:
        print(*(line for folder in arguments for line in found.get(folder, [])), sep="\n")
        return 0
    left = problems(found, {*LIST.read_text("utf-8").split()})
    print(*left, sep="\n", end="\n" * bool(left))
    return bool(left)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
