/** What a streamed exec gave; `status` is the protocol's own JSON. */
export type Streamed = { readonly output: string; readonly status: string };

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 };

/**
 * Talks with the streaming server of a CRI runtime as kubectl does: a WebSocket whose messages begin with the number of a
 * channel. Types the input, in a terminal of the given size, when the output has the wanted text.
 */
export function streamExec(
  url: string,
  { size, when, input }: { size: object; when: RegExp; input: string },
): Promise<Streamed> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), ["v4.channel.k8s.io"]);
  socket.binaryType = "arraybuffer";
  const send = (channel: number, text: string) =>
    socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  const streamed = { output: "", status: "" };
  let typed = false;
  return new Promise((resolve, reject) => {
    socket.addEventListener("error", () => reject(new Error(`no stream at ${url}`)));
    socket.addEventListener("close", () => resolve(streamed));
    socket.addEventListener("open", () => send(channels.resize, JSON.stringify(size)));
    socket.addEventListener("message", ({ data }) => {
      const [channel, ...bytes] = Buffer.from(data as ArrayBuffer);
      const text = Buffer.from(bytes).toString();
      if (channel === channels.error) streamed.status += text;
      else streamed.output += text;
      if (typed || !when.test(streamed.output)) return;
      typed = true;
      send(channels.stdin, input);
    });
  });
}
