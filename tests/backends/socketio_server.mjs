// A small chat on Socket.IO as its documentation writes one: a token in the handshake, rooms, an acknowledgement for
// each message, and an echo or none. GET /counts says what it took and what it sent.
//
//     node socketio_server.mjs [--port=N] [--no-echo] [--no-ack] [--redis=PORT] [--recover] [--msgpack]    prints the port that it took
//
// With --redis it is one node of several. It counts what it emits to its own connections then. GET /cut ends every other
// connection without a word, as a bad network does; with --recover they are given what they missed.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

const hasEcho = !process.argv.includes("--no-echo");
const hasAck = !process.argv.includes("--no-ack");
const redisPort = process.argv.find((each) => each.startsWith("--redis="))?.slice(8);
const counts = { connections: 0, joins: 0, recovered: 0, messages: 0, deliveries: 0, replies: 0 };

const http = createServer((request, response) => {
  if (request.url === "/cut") [...io.sockets.sockets.values()].filter((_, at) => at % 2).forEach((each) => each.conn.close());
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(counts));
});
const recovery = process.argv.includes("--recover") ? { connectionStateRecovery: {} } : {};
const parser = process.argv.includes("--msgpack") ? { parser: msgpack } : {};
const io = new Server(http, { pingInterval: 1000, pingTimeout: 2000, ...recovery, ...parser });

if (redisPort) {
  const publisher = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}

io.use((socket, next) => {
  const email = socket.handshake.auth.email;
  if (!email || email.startsWith("banned")) return next(new Error("not allowed"));
  socket.data.email = email;
  next();
});

io.on("connection", (socket) => {
  counts.connections += 1;
  counts.recovered += socket.recovered;
  socket.on("join", (room, done) => {
    socket.join(room);
    counts.joins += 1;
    done?.({ ok: true });
  });
  socket.on("message", (room, text, done) => {
    if (text.includes("refuse me")) return done?.({ error: "not taken" });
    counts.messages += 1;
    const members = io.sockets.adapter.rooms.get(room)?.size ?? 0;
    counts.deliveries += hasEcho ? members : Math.max(0, members - 1);
    (hasEcho ? io.to(room) : socket.to(room)).emit("message", { room, from: socket.data.email, text });
    if (hasAck) done?.({ ok: true });
  });
});

const port = Number(process.argv.find((each) => each.startsWith("--port="))?.slice(7) ?? 0);
http.listen(port, "127.0.0.1", () => console.log(http.address().port));
