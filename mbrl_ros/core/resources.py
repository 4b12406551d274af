"""Location of the package's data folders (msg, srv, config, launch)."""

from pathlib import Path


def resource_directory(kind: str) -> Path:
    """Return the folder of one kind of data file.

    The same code runs from a source checkout, a wheel (``mbrl_ros/share/<kind>``)
    and a colcon workspace (``<prefix>/share/mbrl_ros/<kind>``).

    Args:
        kind: ``msg``, ``srv``, ``config`` or ``launch``.

    Raises:
        FileNotFoundError: if this installation has no such folder.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = [package.parent / kind] if (package.parent / "package.xml").is_file() else []
    candidates.append(package / "share" / kind)
    try:
        from ament_index_python.packages import get_package_share_directory

        candidates.append(Path(get_package_share_directory("mbrl_ros")) / kind)
    except (ImportError, LookupError):
        pass
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"mbrl_ros: no folder '{kind}' in {', '.join(str(c) for c in candidates)}"
    )
