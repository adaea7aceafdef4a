"""Servers in this process: real ones are started in `model` tests, on the embedded weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from outlay import local
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = [{"role": "user", "content": "Write a very long story about a dog."}]

CLIENT = """
import json, sys, threading, time
from urllib.request import Request, urlopen
from outlay.local import embedded_weights, serve

server = serve(embedded_weights())

def ask(tokens):
    body = {"messages": [{"role": "user", "content": "Tell a story."}], "max_tokens": tokens}
    body["ignore_eos"] = True
    headers = {"Authorization": f"Bearer {server.api_key}"}
    urlopen(Request(server.url + "/v1/chat/completions", json.dumps(body).encode(), headers)).read()

def quietly(tokens):
    try:
        ask(tokens)
    except (OSError, __import__("http").client.HTTPException):
        pass

def leave(requests):
    for _ in range(requests):
        threading.Thread(target=quietly, args=(3000,), daemon=True).start()
    time.sleep(1)
"""


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLIENT + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ | variables,
    )


def ask(server: local.LocalServer, key: str, **body: object) -> dict[str, Any]:
    request = Request(
        f"{server.url}/v1/chat/completions",
        json.dumps({"messages": QUESTION, **body}).encode(),
        {"Authorization": f"Bearer {key}"},
    )
    with urlopen(request, timeout=60) as reply:
        answer: dict[str, Any] = json.load(reply)
        return answer


@pytest.fixture
def server() -> local.LocalServer:
    return local.serve(local.embedded_weights())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no file"),
        (b"", "not a GGUF file"),
        (b"PK\x03\x04" + bytes(40), "not a GGUF file"),
        (b"GGUF\x03", "ends inside its header"),
    ],
    ids=["missing", "empty", "another format", "cut short"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=complaint):
        local.serve(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a directory"):
        local.check_gguf(tmp_path)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "model.gguf"
    loop.symlink_to(loop)
    with pytest.raises(ConfigurationError, match="cannot read"):
        local.check_gguf(loop)


def test_missing_llama_cpp_names_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(40))
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'outlay\[local\]'"):
        local.serve(path)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "٣"])
def test_a_setting_that_is_no_positive_number_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(40))
    monkeypatch.setenv("OUTLAY_LOCAL_SLOTS", text)
    with pytest.raises(ConfigurationError, match="OUTLAY_LOCAL_SLOTS"):
        local.serve(path)


def test_no_slots_at_all_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(ConfigurationError, match="at least 1"):
        local.serve(path, slots=0)


def test_missing_weights_name_their_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(local, "distribution", missing)
    with pytest.raises(ConfigurationError, match="run `outlay setup`"):
        local.embedded_weights()


@pytest.mark.parametrize(
    ("complaint", "cure"),
    [
        ("/usr/bin/python3: No module named pip", "ensurepip"),
        ("WARNING: slow\nERROR: No matching distribution", "No matching distribution.*--no-deps"),
        ("", "it said nothing"),
    ],
    ids=["no pip", "pip's last line", "silence"],
)
def test_weights_that_cannot_be_installed_say_why(
    monkeypatch: pytest.MonkeyPatch, complaint: str, cure: str
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    def fail(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", complaint)

    monkeypatch.setattr(local, "distribution", missing)
    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ConfigurationError, match=cure):
        local.install_weights()


@pytest.mark.model
def test_weights_are_installed_once() -> None:
    assert local.install_weights() == local.embedded_weights()


@pytest.mark.model
def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(local.embedded_weights().read_bytes()[:100_000])
    with pytest.raises(ConfigurationError, match="cannot load"):
        local.serve(path)


@pytest.mark.model
def test_a_file_has_one_server_whatever_its_name_and_thread(tmp_path: Path) -> None:
    alias = tmp_path / "alias.gguf"
    alias.symlink_to(local.embedded_weights())
    with ThreadPoolExecutor(4) as threads:
        servers = set(threads.map(local.serve, [alias, local.embedded_weights()] * 4))
    assert len(servers) == 1


@pytest.mark.model
def test_a_server_is_reached_by_its_key_only(server: local.LocalServer) -> None:
    assert ask(server, server.api_key, max_tokens=3)["usage"]["completion_tokens"] == 3
    with pytest.raises(HTTPError) as refused:
        ask(server, "another key", max_tokens=3)
    refused.value.close()
    assert refused.value.code == HTTPStatus.UNAUTHORIZED


@pytest.mark.model
def test_a_server_has_the_slots_and_context_it_says(server: local.LocalServer) -> None:
    assert (server.slots, server.context) == (local.SLOTS, local.CONTEXT)
    assert server.api_key not in repr(server)
    assert len(ask(server, server.api_key, max_tokens=2, n=server.slots)["choices"]) == server.slots


@pytest.mark.model
def test_context_is_at_most_what_the_model_was_trained_on() -> None:
    code = "print(server.slots, server.context)"
    done = run(code, OUTLAY_LOCAL_SLOTS="1", OUTLAY_LOCAL_CONTEXT="100000")
    assert (done.stdout, done.stderr, done.returncode) == ("1 8192\n", "", 0)


@pytest.mark.model
@pytest.mark.parametrize(
    "code",
    [
        "",
        "ask(3)",
        "leave(10)",
        "import outlay.local; outlay.local._leave_without_unloading = lambda: False; leave(10)",
    ],
    ids=["unused", "used", "requests in flight", "requests in flight, without glibc"],
)
def test_a_server_ends_silently_with_its_process(code: str) -> None:
    done = run(code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.model
def test_a_server_ends_on_ctrl_c() -> None:
    code = """
import os, signal
# A shell that starts its jobs in the background has them ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
ask(900)
"""
    done = run(code)
    assert done.returncode in {-signal.SIGINT, 130}
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"


@pytest.mark.model
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_starts_its_own_server_and_both_end() -> None:
    code = """
import os, warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    parent, server = server, serve(embedded_weights())
    ask(3)
    sys.exit(0 if server.url != parent.url and server.api_key != parent.api_key else 1)
assert os.waitpid(child, 0)[1] == 0
ask(3)
"""
    done = run(code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
