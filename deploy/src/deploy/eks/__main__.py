"""`python -m deploy.eks`, the same as `eks`."""

import sys

from deploy.eks.cli import main

sys.exit(main())
