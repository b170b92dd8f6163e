// k6: one VU per connection; parses the JSON of every delivery and adds its latency to one Trend.
import ws from "k6/ws";
import { Trend } from "k6/metrics";

const delivery = new Trend("delivery", true);
const rooms = Number(__ENV.BENCH_ROOMS);
const text = "x".repeat(Math.max(0, Number(__ENV.BENCH_SIZE) - 13));

export const options = {
  vus: Number(__ENV.BENCH_CLIENTS),
  duration: `${__ENV.BENCH_SECONDS}s`,
  summaryTrendStats: ["count", "p(50)", "p(99)"],
};

export default function () {
  const room = (__VU % rooms) + 1;
  ws.connect(`${__ENV.BENCH_URL}/`, null, (socket) => {
    socket.on("open", () => {
      socket.send(JSON.stringify({ hello: `user-${__VU}` }));
      socket.send(JSON.stringify({ join: room }));
      socket.setInterval(
        () => socket.send(JSON.stringify({ send: `${Date.now()}${text}`, to: room })),
        Number(__ENV.BENCH_INTERVAL_S) * 1000,
      );
    });
    socket.on("message", (data) => {
      const frame = JSON.parse(data);
      if (frame.deliver !== undefined) delivery.add(Date.now() - Number(frame.deliver.slice(0, 13)));
    });
    socket.setTimeout(() => socket.close(), Number(__ENV.BENCH_SECONDS) * 1000);
  });
}
