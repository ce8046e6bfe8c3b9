"""The suites that scripts/try_suites runs: their sources, what of them is run, and where loops may differ.

A suite's tests come from the pinned source distribution; what they test is the built package of the same version, from
requirements.txt. `left_out` says what of a suite is not run on any loop, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Suite:
    """One suite, as it is run with pytest in the folder of its unpacked sources."""

    name: str
    package: str  # NAME==VERSION on the package index
    arguments: tuple[str, ...]
    left_out: str
    own_sources: tuple[str, ...]  # removed after unpacking: the installed package is to be tested
    services: tuple[str, ...] = ()
    sha256: str = ""  # of the sources, where pip does not fetch them
    debian: str = ""  # NAME=VERSION of Debian's source package, where the index's has no tests
    # What may pass with another loop and not with tricorn: pattern of test ids (as in fnmatch) -> why that is right.
    explained: dict[str, str] = field(default_factory=dict)


_PATCHES_BASE_TRANSPORT = "puts another get_extra_info into asyncio.BaseTransport, and our transports have their own"
_OF_UVLOOP = "about uvloop's own modules, not about a loop"

SUITES = {suite.name: suite for suite in (
    Suite(
        "aiohttp", "aiohttp==3.14.5",
        ("-p", "pytest_mock", "--aiohttp-fast", "--ignore=tests/autobahn", "--ignore-glob=*/test_benchmarks_*",
         "-m", "not dev_mode and not autobahn and not internal", "tests"),
        "benchmarks; the Autobahn suite (a container); doctests; a garbage collection after each test",
        ("aiohttp",),
        explained={
            "tests/test_connector.py::test_start_tls_connection_returns_none":
                "start_tls() on a closed connection raises ConnectionAbortedError here, where asyncio returns None",
            "tests/test_connector.py::test_tcp_connector_do_not_raise_connector_ssl_error[[]*":
                "asks for the private `_sslcontext`",
            "tests/test_helpers.py::test_when_timeout_smaller_second_with_low_threshold[[]*":
                "wants the integer that was given in `_when`, which is a float",
            "tests/test_helpers.py::test_weakref_handle_weak[[]*":
                "its gc.collect() warns of what the tests of `_sslcontext` left behind; passes without them",
            "tests/test_web_functional.py::test_keepalive_expires_on_time[[]*":
                "puts another time() into the loop, which a native loop's timers do not call",
        }),
    Suite(
        "anyio", "anyio==4.16.0",
        ("-p", "anyio", "-p", "pytest_mock", "-m", "not network", "tests"),
        "what is for Trio; tests that want the internet",
        ("src",)),
    Suite(
        "websockets", "websockets==15.0.1", ("tests",),
        "nothing; 15.0.1 from Debian's source package, as the index's sources have no asyncio tests in any version",
        ("src",),
        sha256="8451495265af3e368f794c4dc15c99ce90c771d95560f542bff8c64b5455af3b",
        debian="python-websockets=15.0.1-1",
        explained={
            "tests/asyncio/test_connection.py::*ConnectionTests::test_local_address": _PATCHES_BASE_TRANSPORT,
            "tests/asyncio/test_connection.py::*ConnectionTests::test_remote_address": _PATCHES_BASE_TRANSPORT,
            "tests/legacy/test_client_server.py::*ClientServerTests::test_explicit_socket":
                "gives a socket of its own class, whose recv and send a native transport does not call",
        }),
    Suite(
        "httpx", "httpx==0.28.1", ("-p", "anyio", "-m", "not network", "tests"),
        "what is for Trio; tests that want the internet",
        ("httpx",)),
    Suite(
        "asyncpg", "asyncpg==0.32.0",
        ("--import-mode=importlib", "--ignore=tests/test__sourcecode.py", "--ignore=tests/test__environment.py", "tests"),
        "the style of its sources; GSSAPI",
        ("asyncpg",), services=("postgresql",)),
    Suite(
        "redis", "redis==8.1.0",
        ("-p", "asyncio", "-m", "not onlycluster and not redismod", "--ignore=tests/test_asyncio/test_scenario",
         "tests/test_asyncio"),
        "clusters; Redis' modules; scenarios that want Redis Enterprise; the blocking client",
        ("redis",), services=("redis",)),
    Suite(
        "uvloop", "uvloop==0.23.0",
        ("-s", "--ignore=tests/test_sourcecode.py", "--ignore=tests/test_cython.py", "tests"),
        "the style of its sources; its Cython interface. Each test is there for uvloop and for asyncio: uvloop runs its "
        "own, asyncio its own, tricorn both, and has passed when it passes one of them",
        ("uvloop",),
        explained={
            "tests/test_libuv_api.py::*": _OF_UVLOOP,
            "tests/test_dealloc.py::*": _OF_UVLOOP,
            "tests/test_fs_event.py::*": "uvloop's own method, which asyncio does not have",
            "tests/test_process.py::*delayed_stdio__paused*": "an argument that uvloop has for this test",
            "tests/test_signals.py::*no_SIGCHLD": "uvloop refuses a handler of SIGCHLD; asyncio takes it, and so do we",
            "tests/test_sockets.py::*pseudosocket": "the words of uvloop's PseudoSocket; asyncio's TransportSocket has others",
            "tests/test_sockets.py::*sync_remove": "asks for the descriptor of uvloop's epoll set",
            "tests/test_tcp.py::*create_server_buffered_2": "connection_lost() gets get_buffer()'s own exception, as with "
                                                            "asyncio; uvloop puts a RuntimeError around it",
            "tests/test_tcp.py::*handle_abort_in_connection_made":
                "an ended transport shows its closed socket, as with asyncio; uvloop shows none",
            "tests/test_tcp.py::*flush_before_shutdown": "asks for 'uvloop.sslproto'; CPython's test of the same passes",
            "tests/test_tcp.py::*shutdown_timeout_handler_not_set": "data that came before an end without close_notify wait "
                                                                    "for a paused reader, as with asyncio; uvloop drops them",
            "tests/test_udp.py::*reuse_address*": "an option that asyncio has no more since Python 3.11",
            "tests/test_udp.py::*sendto_dns": "sendto() to a name looks it up, as with asyncio; uvloop refuses",
            "tests/test_unix.py::*epollhup": "ends two turns after the client wrote: as with asyncio, each turn reads once",
        }),
)}  # fmt: skip
