"""Takes minutes for each combination of rooms: `tox run -e copies` asks for it by REFUNDS_COPIES."""

import os

collect_ignore = [] if os.environ.get("REFUNDS_COPIES") else ["test_copies.py"]
