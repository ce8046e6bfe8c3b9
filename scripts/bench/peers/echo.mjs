// A TCP echo on node:net.   Prints {"ready": "tcp:PORT"}
import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (data) => socket.write(data));
  socket.on("error", () => socket.destroy());
});
server.listen({ port: 0, host: "127.0.0.1" }, () => {
  console.log(JSON.stringify({ ready: `tcp:${server.address().port}`, loop: "node" }));
});
