// A shell in a container on a WebSocket, as browsers show it with xterm.js: binary messages are keys and screen, a text
// message such as {"rows":24,"columns":80} is a new size. The container goes with the connection.
//
//     node examples/web-terminal.ts 8080 (as root; needs the package ws)
import { WebSocketServer, type WebSocket } from "ws";
import { Runtime, type TerminalSize } from "tsrun";
import { makeRootfs, sandbox } from "./sandbox.ts";

const runtime = Runtime.open();

/** Gives the other end of a connection a shell of its own. */
export async function serve(socket: WebSocket, rootfs: string): Promise<void> {
  const spec = sandbox(rootfs, ["sh"], { terminal: true });
  await using container = await runtime.create({ spec, terminalSize: { rows: 24, columns: 80 } });
  const screen = container.terminal!;
  screen.on("error", () => {}); // keys for a shell that has ended
  screen.on("data", (chunk: Buffer) => {
    socket.send(chunk);
    if (socket.bufferedAmount < 1 << 20) return;
    screen.pause(); // the browser is slower than the program
    const wait = setInterval(() => {
      if (socket.bufferedAmount > 0 && socket.readyState === socket.OPEN) return;
      clearInterval(wait);
      screen.resume();
    }, 10);
  });
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) screen.write(data);
    else screen.resize(JSON.parse(data.toString()) as TerminalSize);
  });
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await container.start();
  await Promise.race([container.wait(), gone]);
  socket.close();
}

const rootfs = await makeRootfs();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2] ?? 0) });
server.on("connection", (socket) => {
  serve(socket, rootfs.path).catch((error: unknown) => socket.close(1011, String(error)));
});
server.on("listening", () => console.log(JSON.stringify(server.address())));
process.once("SIGTERM", () => {
  server.clients.forEach((client) => client.close());
  server.close(() => void rootfs[Symbol.asyncDispose]());
});
