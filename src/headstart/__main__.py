"""`python -m headstart` is the command line."""

import sys

from headstart.cli import main

sys.exit(main())
