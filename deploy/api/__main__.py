"""`python -m deploy.api`."""

import sys

from deploy.api.api_process import main

if __name__ == "__main__":
    sys.exit(main())
