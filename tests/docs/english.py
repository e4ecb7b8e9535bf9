"""Find habits of prose that readers stumble over: `python -m tests.docs.english`, which `tox run -e lint` runs.

It reads every line of Python, Markdown, HTML and TOML. Underscores count as spaces, so it reads names of tests too.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# These name the habits, in order to find them.
EXCEPT = {"tests/docs/english.py", "tests/docs/test_english.py"}

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


def findings() -> Iterator[str]:
    """Yield a line for each finding in the files that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.html", "*.toml"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in sorted({*listed.stdout.split()} - EXCEPT):
        if not (ROOT / name).exists():  # deleted, and not committed yet
            continue
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
            yield from (f"{name}:{number}: {words!r}: {instead}" for words, instead in habits(line))


if __name__ == "__main__":
    found = list(findings())
    print(*found, sep="\n", end="\n" * bool(found))
    sys.exit(bool(found))
