"""What comparing samples loads."""

from __future__ import annotations

import subprocess
import sys


def test_a_cascade_loads_nothing_of_the_extras() -> None:
    script = (
        "import sys, outlay.routers.cascade\n"
        "print(*sorted(sys.modules.keys() & {'torch', 'numpy', 'scipy', 'litellm', 'langgraph'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
