"""``python -m mbrl_ros.cli`` is ``mbrl-ros``."""

import sys

from mbrl_ros.cli.main import main

sys.exit(main())
