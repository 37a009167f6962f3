import t from "tap";

import { checkTerminal } from "../../../src/stdio/terminal-use.ts";

const withTerminal = { process: { cwd: "/", terminal: true } };
const without = { process: { cwd: "/" } };
const detached = { detach: true };
const foreground = { detach: false };

t.test("a terminal goes to the console socket when detached, and here when not", (t) => {
  t.doesNotThrow(() => checkTerminal(withTerminal, { consoleSocket: "/s" }, detached));
  t.doesNotThrow(() => checkTerminal(withTerminal, {}, foreground));
  t.doesNotThrow(() => checkTerminal(without, {}, detached));
  t.end();
});

t.test("a detached terminal without a console socket has nowhere to go", (t) => {
  t.throws(() => checkTerminal(withTerminal, {}, detached), {
    message: "cannot allocate tty if runc will detach without setting console socket",
  });
  t.end();
});

t.test("a console socket without a terminal, or in the foreground, has no use", (t) => {
  const message = "cannot use console socket if runc will not detach or allocate tty";
  t.throws(() => checkTerminal(without, { consoleSocket: "/s" }, detached), { message });
  t.throws(() => checkTerminal(withTerminal, { consoleSocket: "/s" }, foreground), { message });
  t.end();
});
