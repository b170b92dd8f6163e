// An echo server on Node's ws: `node ws_server.mjs [--cert FILE --key FILE] [--deflate]`. Prints its port.
import { createServer as createPlain } from "node:http";
import { createServer as createTls } from "node:https";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";

const { values } = parseArgs({
  options: { cert: { type: "string" }, key: { type: "string" }, deflate: { type: "boolean" } },
});
const http = values.cert
  ? createTls({ cert: readFileSync(values.cert), key: readFileSync(values.key) })
  : createPlain();
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: values.deflate ? { threshold: 0 } : false,
});
server.on("connection", (socket) => {
  socket.ping("are you there");
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
http.listen(0, "127.0.0.1", () => console.log(`ready on port ${http.address().port}`));
