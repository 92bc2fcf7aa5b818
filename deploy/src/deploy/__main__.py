"""`python -m deploy`, the same as `deploy`."""

import sys

from deploy.cli import main

sys.exit(main())
