"""`python -m trainer`, the same as `trainer`."""

import sys

from trainer.cli import main

sys.exit(main())
