"""Take the pictures of the documentation: `python -m tests.browser.screenshots docs/pictures`."""

import os
import sys
from pathlib import Path

import pytest

FOLDER = "REFUNDS_PICTURES"


def main() -> int:
    """Write each picture to the folder. Return pytest's exit status."""
    os.environ[FOLDER] = str(Path(sys.argv[1]).resolve())
    return pytest.main([str(Path(__file__).with_name("test_screenshots.py")), "-q", "-m", "browser"])


if __name__ == "__main__":
    sys.exit(main())
