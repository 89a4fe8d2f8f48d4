"""`penchant local` whose workers are odd ones: `python -m tests.support.misbehaving_local local --json`.

ODD_REST_S  how far apart it starts what its dependencies end
"""

import os

import deploy.local.stack
import deploy.local.supervisor
from deploy.cli import main

if __name__ == "__main__":
    deploy.local.stack.WORKER = "tests.support.misbehaving_worker"
    deploy.local.supervisor.REST_S = float(os.environ.get("ODD_REST_S", deploy.local.supervisor.REST_S))
    main()
