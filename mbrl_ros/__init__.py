"""Model-based reinforcement learning for ROS 2; in a ROS workspace also the generated messages."""

import warnings
from pkgutil import extend_path

# A source checkout found first on sys.path (pytest, an editable install) also
# sees the generated mbrl_ros.msg and mbrl_ros.srv of a sourced workspace.
__path__ = extend_path(__path__, __name__)
# Of Debian's matplotlib beside a newer one in a virtual environment. We draw in two dimensions.
warnings.filterwarnings("ignore", message="Unable to import Axes3D")
__version__ = "0.1.0"
