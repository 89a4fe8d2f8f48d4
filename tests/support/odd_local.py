"""`penchant local` whose workers are odd ones: `python -m tests.support.odd_local local --json`.

ODD_REST_S  how far apart it starts what its surroundings end
"""

import os

import deploy.kept
import deploy.local
from deploy.cli import main

if __name__ == "__main__":
    deploy.local.WORKER = "tests.support.odd_worker"
    deploy.kept.REST_S = float(os.environ.get("ODD_REST_S", deploy.kept.REST_S))
    main()
