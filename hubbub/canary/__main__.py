"""`python -m hubbub.canary`: the canary's process."""

import sys

from hubbub.canary.witness import main

if __name__ == "__main__":
    sys.exit(main())
