import { closeSync, fstatSync, openSync } from "node:fs";
import t from "tap";

import { addon } from "../addon/support.ts";
import {
  type CriuResponse,
  decodeRequest,
  encodeResponse,
  requestType,
} from "../../../src/criu/messages.ts";
import { askCriu, type Notification } from "../../../src/criu/swrk.ts";

/** A CRIU whose messages lie ready; `heard` is what it was told meanwhile. */
function peer(messages: readonly (CriuResponse & { fds?: readonly number[] })[]) {
  const [ours, theirs] = addon.socketpair();
  for (const { fds = [], ...message } of messages) {
    addon.sendMessage(theirs, encodeResponse(message), fds);
  }
  const heard = () => {
    const requests = [];
    for (
      let message = addon.receiveMessage(theirs, 65536, 0);
      message;
      message = addon.receiveMessage(theirs, 65536, 0)
    ) {
      requests.push(decodeRequest(message.data));
    }
    return requests;
  };
  return { socket: ours, heard, hangUp: () => closeSync(theirs), close: () => closeSync(ours) };
}

const notify = (script: string, pid?: number): CriuResponse => ({
  type: requestType.notify,
  success: true,
  notify: pid === undefined ? { script } : { script, pid },
});
const dumped: CriuResponse = { type: requestType.dump, success: true };
const request = { type: requestType.dump };

t.test("notifications are answered in turn until there is a response", (t) => {
  const criu = peer([notify("pre-dump"), notify("post-restore", 77), dumped]);
  const seen: Notification[] = [];
  t.strictSame(
    askCriu(criu.socket, request, (notification) => void seen.push(notification)),
    dumped,
  );
  t.strictSame(seen, [
    { script: "pre-dump", pid: 0, fds: [] },
    { script: "post-restore", pid: 77, fds: [] },
  ]);
  const answer = { type: requestType.notify, notify_success: true };
  t.strictSame(criu.heard(), [request, answer, answer]);
  criu.close();
  criu.hangUp();
  t.end();
});

t.test("what a notification throws makes CRIU give up, and comes out when it has", (t) => {
  const failed = { ...dumped, success: false };
  const criu = peer([notify("setup-namespaces", 5), notify("network-unlock"), failed]);
  const scripts: string[] = [];
  const act = ({ script }: Notification): void => {
    scripts.push(script);
    if (script === "setup-namespaces") throw new Error("the hook failed");
  };
  t.throws(() => askCriu(criu.socket, request, act), { message: "the hook failed" });
  t.strictSame(scripts, ["setup-namespaces"], "nothing is done for a restore that is given up");
  t.strictSame(
    criu.heard().map(({ notify_success }) => notify_success),
    [undefined, false, true],
  );
  criu.close();
  criu.hangUp();
  t.end();
});

t.test("descriptors that nobody takes are closed, those that are taken stay", (t) => {
  const file = openSync("/dev/null", "r");
  const criu = peer([
    { ...notify("orphan-pts-master"), fds: [file] },
    { ...notify("other"), fds: [file] },
    dumped,
  ]);
  const fds: number[] = [];
  askCriu(criu.socket, request, (notification) => void fds.push(...notification.fds));
  t.equal(fds.length, 2);
  for (const fd of fds) t.throws(() => fstatSync(fd), { code: "EBADF" });
  criu.close();
  criu.hangUp();

  const again = peer([{ ...notify("orphan-pts-master"), fds: [file] }, dumped]);
  let taken = -1;
  askCriu(again.socket, request, (notification) => void (taken = notification.fds.shift()!));
  t.ok(fstatSync(taken).isCharacterDevice());
  closeSync(taken);
  closeSync(file);
  again.close();
  again.hangUp();
  t.end();
});

t.test("a CRIU that ends without an answer gives none", (t) => {
  const criu = peer([notify("pre-dump")]);
  t.equal(askCriu(criu.socket, request, criu.hangUp), null);
  criu.close();
  t.end();
});
