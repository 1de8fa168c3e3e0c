"""`python -m gsv_lab` is the command `gsv-lab`, for machines where the kit is not installed."""

import sys

from gsv_lab.cli import main

sys.exit(main())
