"""For a browser: a page whose script speaks to /ws in all the ways that a page can, and sends back what it saw."""

from __future__ import annotations

from asgi import Receive, Scope, Send, make_app, read_body, respond, say

PAGE = b"""<!doctype html><title>WebSocket</title><script>
const seen = {};
const next = (socket, kind) => new Promise(done => socket.addEventListener(kind, done, {once: true}));
const connect = path => {
  const socket = new WebSocket(`ws://${location.host}${path}`, ["chat", "other"]);
  socket.binaryType = "arraybuffer";
  return socket;
};
const hex = buffer => Array.from(new Uint8Array(buffer), byte => byte.toString(16)).join();
async function echoes(socket, data) {
  socket.send(data);
  const back = (await next(socket, "message")).data;
  return typeof data === "string" ? back === data : hex(back) === hex(data);
}
async function main() {
  const socket = connect("/ws");
  await next(socket, "open");
  seen.protocol = socket.protocol;
  seen.deflate = socket.extensions.startsWith("permessage-deflate");
  seen.texts = [];
  for (const text of ["", "x", "h\\u00e4llo \\u20ac \\u{1d11e}", "long ".repeat(60000)]) seen.texts.push(await echoes(socket, text));
  seen.bytes = await echoes(socket, crypto.getRandomValues(new Uint8Array(65536)).buffer);
  const numbers = [];
  const counted = new Promise(done => socket.onmessage = event => { if (numbers.push(event.data) === 500) done(); });
  for (let number = 0; number < 500; ++number) socket.send(`${number}`);
  await counted;
  seen.in_order = numbers.every((data, index) => data === `${index}`);
  socket.send("close");
  const closed = await next(socket, "close");
  seen.closed = [closed.code, closed.reason, closed.wasClean];
  seen.denied = (await next(connect("/denied"), "close")).code;
  const leaving = connect("/ws");
  await next(leaving, "open");
  leaving.close(3001, "bye");
  const left = await next(leaving, "close");
  seen.left = [left.code, left.wasClean];
}
main().catch(error => { seen.error = `${error}`; }).then(() => fetch("/seen", {method: "POST", body: JSON.stringify(seen)}));
</script>"""


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": PAGE})


async def seen(scope: Scope, receive: Receive, send: Send) -> None:
    say(f"seen {(await read_body(receive)).decode()}")
    await respond(send, b"")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            return await send({"type": "websocket.close", "code": 4000, "reason": "as asked"})
        await send({**message, "type": "websocket.send"})
    say(f"left with {message['code']} {message['reason']}")


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})


app = make_app({"/": page, "/seen": seen, "/ws": echo, "/denied": deny})
