# SPDX-License-Identifier: Apache-2.0
"""What the system tests are given: gateways, real mail servers beside them, and a scripted one."""

import contextlib
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import gateway as gateway_module
import peers as peers_module
import pgrig
import sink as sink_module


@contextlib.contextmanager
def new_scratch():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatepost-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def scratch():
    """A folder that service users may enter (pytest's own tmp_path is closed to them), on a real disk."""
    with new_scratch() as folder:
        yield folder


@pytest.fixture
def tmp_path():
    """pytest's own keeps the folders of three runs: each spool in them is a hundred megabytes."""
    with new_scratch() as folder:
        folder.chmod(0o700)
        yield folder


@pytest.fixture(scope="module")
def module_scratch():
    """The same for all tests of a file."""
    with new_scratch() as folder:
        yield folder


@pytest.fixture
def gatepost(scratch, request):
    """gatepost(**settings) starts a gateway; settings are the keys of gatepost.yaml. names= is what DNS says."""
    running = []

    def start(names=None, **settings):
        folder = scratch / f"gateway{len(running)}"
        folder.mkdir()
        server = gateway_module.Gateway(folder, settings)
        server.names = names or {}
        running.append(server)
        return server.start()

    yield start
    problems = []
    for server in running:
        try:
            server.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    for server in running:
        request.node.add_report_section("call", "gateway's log", server.log_text()[-8000:])
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def peer_root():
    try:
        return peers_module.peer_root()
    except peers_module.Unavailable as why:
        pytest.skip(str(why))


@pytest.fixture
def peers(peer_root, scratch):
    """Postfix, its generator and sink, Exim, Dovecot: see peers.Peers."""
    all_of_them = peers_module.Peers(peer_root, scratch)
    yield all_of_them
    all_of_them.stop()


@pytest.fixture(scope="session")
def postgresql():
    """A server of PostgreSQL's; .url() is a new database's."""
    try:
        server = pgrig.PostgreSQL()
    except pgrig.Unavailable as why:
        pytest.skip(str(why))
    yield server
    server.close()


@pytest.fixture
def sink():
    """sink(script) starts a mail server that answers by a script: see sink.Sink."""
    running = []

    def start(*args, **options):
        running.append(sink_module.Sink(*args, **options))
        return running[-1]

    yield start
    for server in running:
        server.stop()
