"""P6, P7, P11 to P13, P19: requests that are refused, as tables: what is sent, and the status of the answer.

Every answer says connection: close, is plain text, arrives whole although more of the client's bytes were on their way, and
is followed by an orderly end.
"""

from __future__ import annotations

import select

import pytest

from conformance.wire import Probed, Wire, request

TAIL = b"GET /hello HTTP/1.1\r\nhost: smuggled\r\n\r\n"  # what a request smuggler would have served next


def refused(probed: Probed, fragment: int, sent: bytes, status: int) -> None:
    since = len(probed.server.log.lines)
    with probed.wire(fragment) as wire:
        wire.send_if_open(sent)
        response = wire.read_response()
        assert (response.status, response.says_close, response.header("content-type")) == \
            (status, True, "text/plain; charset=utf-8"), response
        if status == 400:
            assert response.body == b"Invalid HTTP request received."
        assert wire.ends_cleanly()
    probed.server.log.wait_for(f'" {status}$', since=since)
    said = probed.server.log.count("WARN", since), probed.server.log.count("ERROR|Traceback", since)
    assert said in [(0, 0), (1, 0)]  # one line at most: scanners send a lot of it


def cases(table: dict[str, tuple[bytes, int]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("sent", "status"), table.values(), ids=table.keys())


def post(fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"POST /mirror HTTP/" + version + b"\r\nHost: t\r\n" + fields + b"\r\n\r\n" + body + TAIL


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body)


def get(fields: bytes = b"Host: t", target: bytes = b"/hello", method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return method + b" " + target + b" " + version + b"\r\n" + fields + b"\r\n\r\n" + TAIL


# --- P6: where the body ends -------------------------------------------------------------------------------------------------
@cases({
    "length and chunked": (post(b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), 400),
    "chunked and length": (post(b"Transfer-Encoding: chunked\r\nContent-Length: 4", b"0\r\n\r\n"), 400),
    "length and identity": (post(b"Content-Length: 4\r\nTransfer-Encoding: identity", b"body"), 400),
    "conflicting lengths": (post(b"Content-Length: 4\r\nContent-Length: 5", b"body"), 400),
    "repeated length": (post(b"Content-Length: 4\r\nContent-Length: 4", b"body"), 400),
    "listed lengths": (post(b"Content-Length: 4, 4", b"body"), 400),
    "conflicting listed lengths": (post(b"Content-Length: 4, 5", b"body"), 400),
    "plus": (post(b"Content-Length: +4", b"body"), 400),
    "minus": (post(b"Content-Length: -4", b"body"), 400),
    "minus zero": (post(b"Content-Length: -0"), 400),
    "hexadecimal": (post(b"Content-Length: 0x4", b"body"), 400),
    "underscore": (post(b"Content-Length: 1_0", b"0123456789"), 400),
    "fraction": (post(b"Content-Length: 4.0", b"body"), 400),
    "exponent": (post(b"Content-Length: 1e1", b"0123456789"), 400),
    "space inside": (post(b"Content-Length: 1 0", b"0123456789"), 400),
    "space behind": (post(b"Content-Length: 4 ", b"body"), 400),
    "tab behind": (post(b"Content-Length: 4\t", b"body"), 400),
    "vertical tab": (post(b"Content-Length: \x0b4", b"body"), 400),
    "empty length": (post(b"Content-Length:"), 400),
    "blank length": (post(b"Content-Length:  "), 400),
    "length of letters": (post(b"Content-Length: four", b"body"), 400),
    "length of other digits": (post("Content-Length: \u0664".encode(), b"body"), 400),
    "length beyond 64 bits": (post(b"Content-Length: 18446744073709551617", b"b"), 400),
    "quoted length": (post(b'Content-Length: "4"', b"body"), 400),
})
def test_p06_length_that_can_be_read_in_two_ways_is_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


@cases({
    "chunked not last": (post(b"Transfer-Encoding: chunked, gzip", b"0\r\n\r\n"), 400),
    "identity not last": (post(b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"), 400),
    "chunked twice": (post(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"), 400),
    "two fields": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), 400),
    "two fields, one good": (post(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), 400),
    "unknown before chunked": (post(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"), 501),
    "unknown alone": (post(b"Transfer-Encoding: gzip", b"0\r\n\r\n"), 400),
    "identity alone": (post(b"Transfer-Encoding: identity", b"0\r\n\r\n"), 400),
    "empty": (post(b"Transfer-Encoding:", b"0\r\n\r\n"), 400),
    "empty element": (post(b"Transfer-Encoding: , chunked", b"0\r\n\r\n"), 400),
    "prefixed": (post(b"Transfer-Encoding: xchunked", b"0\r\n\r\n"), 400),
    "suffixed": (post(b"Transfer-Encoding: chunkedx", b"0\r\n\r\n"), 400),
    "quoted": (post(b'Transfer-Encoding: "chunked"', b"0\r\n\r\n"), 400),
    "parameter": (post(b"Transfer-Encoding: chunked;a=b", b"0\r\n\r\n"), 400),
    "vertical tab": (post(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"), 400),
    "NUL": (post(b"Transfer-Encoding: chunked\0", b"0\r\n\r\n"), 400),
    "folded": (post(b"Transfer-Encoding:\r\n chunked", b"0\r\n\r\n"), 400),
    "space before the colon": (post(b"Transfer-Encoding : chunked", b"0\r\n\r\n"), 400),
    "bare CR before it": (post(b"X: y\rTransfer-Encoding: chunked", b"0\r\n\r\n"), 400),
    "HTTP/1.0": (post(b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"1.0"), 400),
})
def test_p06_obscure_transfer_encoding_is_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


@cases({
    "no size": (chunked(b"\r\nx"), 400),
    "letters": (chunked(b"zz\r\n"), 400),
    "prefix": (chunked(b"0x4\r\nbody\r\n0\r\n\r\n"), 400),
    "plus": (chunked(b"+4\r\nbody\r\n0\r\n\r\n"), 400),
    "minus": (chunked(b"-4\r\nbody\r\n0\r\n\r\n"), 400),
    "underscore": (chunked(b"0_4\r\nbody\r\n0\r\n\r\n"), 400),
    "space before": (chunked(b" 4\r\nbody\r\n0\r\n\r\n"), 400),
    "space behind": (chunked(b"4 \r\nbody\r\n0\r\n\r\n"), 400),
    "beyond 64 bits": (chunked(b"10000000000000004\r\nbody\r\n0\r\n\r\n"), 400),
    "bare LF behind the size": (chunked(b"4\nbody\r\n0\r\n\r\n"), 400),
    "bare CR behind the size": (chunked(b"4\rbody\r\n0\r\n\r\n"), 400),
    "bare LF behind the data": (chunked(b"4\r\nbody\n0\r\n\r\n"), 400),
    "data too long": (chunked(b"4\r\nbodyx\r\n0\r\n\r\n"), 400),
    "data too short": (chunked(b"5\r\nbody\r\n0\r\n\r\n"), 400),
    "bare LF at the end": (chunked(b"0\r\n\n"), 400),
    "LF in an extension": (chunked(b"4;a\nb\r\nbody\r\n0\r\n\r\n"), 400),
    "CR in an extension": (chunked(b"4;a\rb\r\nbody\r\n0\r\n\r\n"), 400),
    "NUL in an extension": (chunked(b"4;a\0b\r\nbody\r\n0\r\n\r\n"), 400),
    "folded trailer": (chunked(b"0\r\nx: a\r\n b\r\n\r\n"), 400),
    "length as a trailer": (chunked(b"0\r\nContent-Length: 5\r\n\r\n"), 400),
    "space before a trailer's colon": (chunked(b"0\r\nx : a\r\n\r\n"), 400),
})
def test_p06_bad_chunk_is_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


# --- P7: the head ---------------------------------------------------------------------------------------------------------------
@cases({
    "bare LF everywhere": (b"GET /hello HTTP/1.1\nHost: t\n\n" + TAIL, 400),
    "bare LF behind the request line": (b"GET /hello HTTP/1.1\nHost: t\r\n\r\n" + TAIL, 400),
    "bare LF behind a field": (get(b"Host: t\nx: y"), 400),
    "bare LF at the end": (b"GET /hello HTTP/1.1\r\nHost: t\r\n\n" + TAIL, 400),
    "bare CR in a value": (get(b"Host: t\r\nx: a\rb: c"), 400),
    "bare CR behind the request line": (b"GET /hello HTTP/1.1\rHost: t\r\n\r\n" + TAIL, 400),
    "folded line": (get(b"Host: t\r\nx: 1\r\n folded"), 400),
    "folded first line": (get(b" Host: t\r\nHost: t"), 400),
    "line of tabs": (get(b"Host: t\r\n\t\r\nx: y"), 400),
    "space before the colon": (get(b"Host : t"), 400),
    "tab before the colon": (get(b"Host\t: t"), 400),
    "space in a name": (get(b"Host: t\r\nx y: z"), 400),
    "no name": (get(b"Host: t\r\n: z"), 400),
    "no colon": (get(b"Host: t\r\nnonsense"), 400),
    "brackets in a name": (get(b"Host: t\r\nx(y): z"), 400),
    "byte beyond ASCII in a name": (get(b"Host: t\r\nx\xe9: z"), 400),
    "NUL in a name": (get(b"Host: t\r\nx\0: z"), 400),
    "NUL in a value": (get(b"Host: t\r\nx: a\0b"), 400),
    "control byte in a value": (get(b"Host: t\r\nx: a\x01b"), 400),
    "backspace in a value": (get(b"Host: t\r\nx: a\x08b"), 400),
    "DEL in a value": (get(b"Host: t\r\nx: a\x7fb"), 400),
    "no host": (get(b"x: y"), 400),
    "nothing but a request line": (b"GET /hello HTTP/1.1\r\n\r\n" + TAIL, 400),
    "two hosts": (get(b"Host: a\r\nHost: b"), 400),
    "the same host twice": (get(b"Host: a\r\nHost: a"), 400),
    "two hosts in HTTP/1.0": (get(b"Host: a\r\nHost: b", version=b"HTTP/1.0"), 400),
    "two hosts and an absolute target": (get(b"Host: a\r\nHost: b", b"http://a/hello"), 400),
    "hosts in a list": (get(b"Host: a, b"), 400),
    "path in the host": (get(b"Host: a/b"), 400),
    "user in the host": (get(b"Host: me@a"), 400),
    "space in the host": (get(b"Host: a b"), 400),
    "letters as port": (get(b"Host: a:b"), 400),
    "two ports": (get(b"Host: a:1:2"), 400),
    "unclosed bracket in the host": (get(b"Host: [::1"), 400),
    "byte beyond ASCII in the host": (get(b"Host: caf\xe9"), 400),
    "quote in the host": (get(b'Host: a"b'), 400),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /hello\r\n" + TAIL, 400),
    "HTTP/0.9 with a version": (get(version=b"HTTP/0.9"), 400),
    "lower-case protocol": (get(version=b"http/1.1"), 400),
    "two digits": (get(version=b"HTTP/1.10"), 400),
    "no dot": (get(version=b"HTTP/1"), 400),
    "another protocol": (get(version=b"ICE/1.1"), 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/3": (get(version=b"HTTP/3.0"), 505),
    "HTTP/1.2": (get(version=b"HTTP/1.2"), 505),
    "two spaces before the target": (b"GET  /hello HTTP/1.1\r\nHost: t\r\n\r\n" + TAIL, 400),
    "two spaces behind the target": (b"GET /hello  HTTP/1.1\r\nHost: t\r\n\r\n" + TAIL, 400),
    "tab behind the target": (b"GET /hello\tHTTP/1.1\r\nHost: t\r\n\r\n" + TAIL, 400),
    "space behind the version": (b"GET /hello HTTP/1.1 \r\nHost: t\r\n\r\n" + TAIL, 400),
    "space before the method": (b" GET /hello HTTP/1.1\r\nHost: t\r\n\r\n" + TAIL, 400),
})
def test_p07_malformed_head_is_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


@pytest.mark.parametrize("host", [b"a", b"a:80", b"a:", b"", b"[::1]", b"[::1]:80", b"1.2.3.4:5", b"a_b-c.d~e", b"%41", b"a!$&'()*+,;=b"])
def test_p07_every_host_of_the_grammar_is_taken(probes: Probed, fragment: int, host: bytes) -> None:
    """RFC 3986 3.2.2: a reg-name may be empty, and may hold sub-delims; an empty port is a port too."""
    with probes.wire(fragment) as wire:
        wire.send(b"GET /hello HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert wire.read_response().status == 200


# --- P11 to P13: the request line ---------------------------------------------------------------------------------------------------
@cases({
    "fragment": (get(target=b"/hello#x"), 400),
    "fragment in the query": (get(target=b"/hello?a#x"), 400),
    "fragment in an absolute target": (get(target=b"http://a/hello#x"), 400),
})
def test_p11_fragment_in_the_target_is_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


@cases({
    "authority form": (get(target=b"example:80"), 400),
    "authority form of CONNECT": (get(target=b"example:80", method=b"CONNECT"), 405),
    "CONNECT of a path": (get(method=b"CONNECT"), 405),
    "asterisk of GET": (get(target=b"*"), 400),
    "asterisk and more": (get(target=b"*x", method=b"OPTIONS"), 400),
    "relative path": (get(target=b"hello"), 400),
    "dot": (get(target=b"./hello"), 400),
    "another scheme": (get(target=b"ftp://a/hello"), 400),
    "no authority": (get(target=b"http:///hello"), 400),
    "scheme alone": (get(target=b"http:/hello"), 400),
    "bad authority": (get(target=b"http://a b/hello"), 400),
    "user in the authority": (get(target=b"http://me@a/hello"), 400),
    "absolute without host": (get(b"x: y", b"http://a/hello"), 400),
    "control byte": (get(target=b"/hello\x01"), 400),
    "NUL": (get(target=b"/hello\0"), 400),
    "DEL": (get(target=b"/hello\x7f"), 400),
    "space": (get(target=b"/hel lo"), 400),
    "byte beyond ASCII": (get(target="/caf\u00e9".encode()), 400),
})
def test_p12_other_forms_of_targets_are_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


@cases({
    "lower-case": (get(method=b"get"), 400),
    "mixed case": (get(method=b"Get"), 400),
    "unknown": (get(method=b"NONSENSE"), 400),
    "empty": (b" /hello HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "prefix": (get(method=b"GETS"), 400),
    "beginning": (get(method=b"GE"), 400),
    "byte beyond ASCII": (get(method=b"GET\xe9"), 400),
    "NUL": (get(method=b"GET\0"), 400),
})
def test_p13_other_methods_are_refused(probes: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(probes, fragment, sent, status)


# --- P19: limits ----------------------------------------------------------------------------------------------------------------------
@cases({
    "target": (b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
    "target without an end": (b"GET /" + b"x" * 3000, 414),
    "query": (b"GET /hello?" + b"x" * 300 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
    "field": (get(b"Host: t\r\nx: " + b"y" * 1000), 431),
    "field without an end": (b"GET /hello HTTP/1.1\r\nx: " + b"y" * 3000, 431),
    "name without an end": (b"GET /hello HTTP/1.1\r\n" + b"y" * 3000, 431),
    "many fields": (get(b"Host: t\r\n" + b"\r\n".join(b"x: y" for _ in range(11))), 431),
    "length of a body": (post(b"Content-Length: 2001", b"x" * 2001), 413),
    "chunk": (chunked(b"7d1\r\n" + b"x" * 2001 + b"\r\n0\r\n\r\n"), 413),
    "sum of chunks": (chunked(b"7d0\r\n" + b"x" * 2000 + b"\r\n1\r\nx\r\n0\r\n\r\n"), 413),
})
def test_p19_what_exceeds_a_limit_is_refused(tiny: Probed, fragment: int, sent: bytes, status: int) -> None:
    refused(tiny, fragment, sent, status)


def test_p19_what_is_just_within_the_limits_is_served(tiny: Probed, fragment: int) -> None:
    with tiny.wire(fragment) as wire:
        assert wire.ask(f"GET /hello?{'x' * 193} HTTP/1.1").status == 200
        assert wire.ask("POST /mirror HTTP/1.1" + "|x: y" * 8, b"x" * 2000).status == 200
        assert wire.ask(f"GET /hello HTTP/1.1|x: {'y' * 900}").status == 200


def test_p19_a_head_must_come_in_time(fragment: int, impatient: Probed) -> None:
    """408 for a head that has begun; bytes that drip in do not put it off."""
    with impatient.wire(fragment) as wire:
        wire.send_if_open(b"GET /hello HTTP/1.1\r\nhost: t\r\nx: ")
        while not select.select([wire.socket], [], [], 0.02)[0]:
            wire.send_if_open(b"yyy"[:fragment or 3])
        assert wire.read_response().status == 408
        assert wire.ends_cleanly()


def test_p19_a_connection_that_says_nothing_is_closed(impatient: Probed) -> None:
    """Silently; empty lines are nothing."""
    with impatient.wire() as silent, impatient.wire(1) as blank, impatient.wire() as second:
        blank.send(b"\r\n\r\n")
        assert second.ask("GET /hello HTTP/1.1").status == 200
        second.send(b"GET /hello HTTP/1.1\r\n")  # the second head of a connection, too
        assert silent.ends_cleanly() and blank.ends_cleanly()
        assert second.read_response().status == 408


def test_refusal_arrives_although_megabytes_are_on_their_way(probes: Probed) -> None:
    """P6, P7, P47: closing with unread bytes would reset the connection and take the answer with it."""
    for sent in (b"nonsense\r\n\r\n", post(b"Content-Length: x"), chunked(b"x")):
        with probes.wire() as wire:
            wire.send_if_open(sent + b"x" * 3_000_000)
            assert wire.read_response().status == 400
            assert wire.ends_cleanly()


def test_refusal_comes_behind_the_responses_that_are_due(wire: Wire) -> None:
    """P21: pipelined requests before the bad one are answered first."""
    wire.send_if_open(request("GET /hello HTTP/1.1") * 3 + b"nonsense\r\n\r\n" + TAIL, whatever_comes=True)
    assert [wire.read_response().status for _ in range(4)] == [200, 200, 200, 400]
    assert wire.ends_cleanly()
