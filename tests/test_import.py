"""What `import openfactor` loads."""

import subprocess
import sys

ENGINE = {"numba", "scipy", "numpy", "polars", "deltalake", "sqlalchemy", "tqdm", "yaml"}


def printed(program: str) -> list[str]:
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return shown.stdout.splitlines()


def test_importing_the_package_loads_no_engine() -> None:
    loaded = printed("import openfactor, sys; print(*sys.modules, sep='\\n')")
    assert "openfactor.settings" in loaded
    assert ENGINE.isdisjoint(loaded)


def test_importing_settings_reads_no_source() -> None:
    """Docstrings of fields are read when asked for: reading them took half of the time of the import."""
    program = "from openfactor.settings import *; import linecache; print(*linecache.cache, sep='\\n')"
    assert [path for path in printed(program) if "openfactor" in path] == []
