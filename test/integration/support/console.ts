import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { probe } from "./probe.ts";
import { until } from "./wait.ts";

/** A console socket as engines have it; what comes from the terminal is collected. */
export function receiver({ bundle }: { readonly bundle: string }, name = "console.sock") {
  const path = join(bundle, name);
  const child = spawn(probe(), ["receive", path], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  if (!until(() => existsSync(path))) throw new Error("the receiver does not listen");
  return {
    path,
    /** What came so far, once it has the wanted text or a while has passed. */
    shows: (wanted: RegExp | string) => eventually(() => text, wanted),
    type: (keys: string) => child.stdin.write(keys),
    close: () => child.kill("SIGKILL"),
  };
}

/** A command on a terminal of its own. */
export function onTerminal(rows: number, columns: number, command: readonly string[]) {
  const child = spawn(probe(), ["pty", String(rows), String(columns), ...command], {
    stdio: ["pipe", "pipe", "inherit", "pipe"],
  });
  let text = "";
  child.stdout!.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const end = new Promise<number | null>((resolve) => child.on("close", resolve));
  const control = child.stdio[3] as NodeJS.WritableStream;
  return {
    shows: (wanted: RegExp | string) => eventually(() => text, wanted),
    output: () => text,
    type: (keys: string) => child.stdin!.write(keys),
    resize: (to: string) => control.write(`resize ${to}\n`),
    end,
  };
}

async function eventually(text: () => string, wanted: RegExp | string): Promise<string> {
  for (let i = 0; i < 3000 && text().match(wanted) === null; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return text();
}
