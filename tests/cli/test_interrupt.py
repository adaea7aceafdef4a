from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from outlay.testing import CountingServer

ENDLESS = 600.0


def command(server: CountingServer, *options: str) -> subprocess.Popen[str]:
    arguments = ("ask", "direct", "q", "--model", "openai/test", "--api-base", server.url, *options)
    return subprocess.Popen(
        [sys.executable, "-m", "outlay", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENAI_API_KEY": "a-key"},
    )


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "termination"]
)
def test_an_interrupted_run_ends_with_its_bill(number: signal.Signals, status: int) -> None:
    with CountingServer(delay=ENDLESS) as server:
        running = command(server, "--output-tokens", "30")
        server.wait_for(1)
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, "Traceback" in err) == (status, False)
    assert "unconfirmed" in out
    assert "output tokens: 30 of 30 spent, 0 left" in out


def test_an_interrupted_run_is_one_object_for_programs() -> None:
    with CountingServer(delay=ENDLESS) as server:
        running = command(server, "--output-tokens", "30", "--json")
        server.wait_for(1)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=30)
    told = json.loads(out)
    assert (running.returncode, told["error"]["type"]) == (130, "Interrupted")
    assert told["usage"]["output_tokens"] == 30
