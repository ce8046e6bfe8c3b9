// node:http with the benchmark's routes, headers and bodies.   node server.mjs PORT
import { createServer } from "node:http";

const fixed = new Map([
  ["/plain", "Hello, world!"],
  ["/1k", "x".repeat(1024)],
  ["/10k", "x".repeat(10 * 1024)],
  ["/100k", "x".repeat(100 * 1024)],
].map(([path, body]) => [path, Buffer.from(body)]));

function answer(response, body) {
  response.removeHeader("connection"); // node adds "connection" and "keep-alive" otherwise: bytes the others do not send
  response.writeHead(200, { server: "node", "content-type": "text/plain", "content-length": body.length });
  response.end(body);
}

const server = createServer((request, response) => {
  const body = fixed.get(request.url);
  if (body !== undefined) {
    answer(response, body);
  } else if (request.url === "/echo") {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => answer(response, parts.length === 1 ? parts[0] : Buffer.concat(parts)));
  } else if (request.url === "/sleep") {
    setTimeout(() => answer(response, fixed.get("/plain")), 10);
  } else {
    response.writeHead(404).end();
  }
});
server.keepAliveTimeout = 75_000;
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
