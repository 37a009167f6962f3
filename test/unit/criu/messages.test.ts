import t from "tap";

import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  requestType,
} from "../../../src/criu/messages.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** Bytes written with spaces between fields. */
const spaced = (text: string): string => text.replaceAll(" ", "");

t.test("a request has the bytes that protobuf gives it", (t) => {
  t.equal(hex(encodeRequest({ type: requestType.version })), "080a");
  t.equal(hex(encodeRequest({ type: requestType.notify, notify_success: true })), "08061801");
  const features = { mem_track: true };
  t.equal(hex(encodeRequest({ type: requestType.featureCheck, features })), "08092a020801");
  const opts = { images_dir_fd: 20, pid: 300, root: "/r", external: ["a", "b"] };
  t.equal(
    hex(encodeRequest({ type: requestType.dump, opts })),
    // 1: 1, 2: { 1: 20, 2: 300, 13: "/r", 37: "a", 37: "b" }
    spaced("0801 1211 0814 10ac02 6a022f72 aa020161 aa020162"),
  );
  t.end();
});

t.test("fields whose value is false or 0 are sent all the same", (t) => {
  const opts = { manage_cgroups_mode: 0, leave_running: false };
  t.equal(hex(encodeRequest({ type: 1, opts })), spaced("0801 1205 1800 900200"));
  t.end();
});

t.test("nested and repeated messages come back as they were", (t) => {
  const request = {
    type: requestType.restore,
    opts: {
      inherit_fd: [
        { key: "pipe:[1]", fd: 0 },
        { key: "extRootNetNS", fd: 4 },
      ],
      cg_root: [{ ctrl: "", path: "/ä" }],
      empty_ns: 0x4000_0000,
      ps: { address: "::1", port: 27277 },
    },
  };
  t.strictSame(decodeRequest(encodeRequest(request)), request);
  t.end();
});

t.test("responses: negative numbers, and fields that are not known here are passed over", (t) => {
  const response = { type: 6, success: true, notify: { script: "post-restore", pid: 77 } };
  t.strictSame(decodeResponse(encodeResponse(response)), response);
  const failed = { type: 2, success: false, cr_errno: -52, cr_errmsg: "no" };
  t.strictSame(decodeResponse(encodeResponse(failed)), failed);
  // 3: { 1: true } is a dump's response, 11: 5 a status
  const unknown = Buffer.from(spaced("0801 1001 1a020801 5805"), "hex");
  t.strictSame(decodeResponse(unknown), { type: 1, success: true });
  t.end();
});
