"""What naming the routers loads."""

from __future__ import annotations

import subprocess
import sys


def test_routers_that_do_not_learn_load_neither_torch_nor_numpy() -> None:
    script = (
        "import sys, outlay.routers, outlay.routers.tiers\n"
        "from outlay.routers.tiers import FixedRouter, RandomRouter\n"
        "print(*sorted(sys.modules.keys() & {'torch', 'numpy', 'litellm', 'langgraph'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_without_torch_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from outlay.errors import ConfigurationError\n"
        "from outlay.routers import tiers\n"
        "try:\n    tiers.LearnedRouter\n"
        "except ConfigurationError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (
        "LearnedRouter needs torch: run `pip install 'outlay[routers]'`",
        "",
    )
