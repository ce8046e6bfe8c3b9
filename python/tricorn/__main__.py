"""`python -m tricorn`: the same as the `tricorn` command, with this interpreter for the app."""

import sys

from tricorn._run import execute

if __name__ == "__main__":
    execute(sys.argv[1:])
