"""Branch coverage of the fast tests: of hubbub/ as a whole and of each folder. Ends with 1 where it is too low.

python -m tests.coverage_by_folder     after `coverage run -m pytest` and `coverage json -o coverage.json`
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

LIMIT = 0.85
LIMITS = {"bridge": 0.60}
"""What Locust's own processes do is tested end to end."""

COUNTED = (("covered_lines", "num_statements"), ("covered_branches", "num_branches"))


def main():
    covered, total = defaultdict(int), defaultdict(int)
    for name, file in json.loads(Path("coverage.json").read_text())["files"].items():
        parts = Path(name).parts
        folder = parts[1] if len(parts) > 2 else "hubbub/*.py"
        for have, of in COUNTED:
            for each in (folder, "all of hubbub/"):
                covered[each] += file["summary"][have]
                total[each] += file["summary"][of]
    is_low = False
    for folder in sorted(total):
        share, limit = covered[folder] / total[folder], LIMITS.get(folder, LIMIT)
        is_low |= share < limit
        print(f"{folder:<16}{share:>7.1%}  (at least {limit:.0%}){'  TOO LOW' if share < limit else ''}")
    return int(is_low)


if __name__ == "__main__":
    sys.exit(main())
