// Boots the lab's kernel and runs test files there.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LabKind } from "./summarize.ts";
import type { FileResult } from "./tap-run.ts";

/** The lab's two kernels by the names they have in what is printed. */
export const labNames: Readonly<Record<LabKind, string>> = { plain: "lab", systemd: "lab-systemd" };

export type LabRun = {
  readonly kind: LabKind;
  readonly files: readonly string[];
  /** Where the results come through, a name of its own for each of several labs at once. */
  readonly results: string;
  /** Further words for the kernel. */
  readonly append?: string;
};

const repository = join(import.meta.dirname, "..");
const inherited = ["ignore", "inherit", "inherit"] as const;

/** Makes the lab's tree; words add what more than the integration tests needs. */
export function makeGuest(words: readonly string[] = []): Promise<number | null> {
  return runProgram("test/lab/mkguest", words);
}

/** Boots the lab once and runs the files there, one after the other. */
export async function runInLab({ kind, files, results, append }: LabRun): Promise<FileResult[]> {
  const started = performance.now();
  const resultsFile = join(repository, results);
  mkdirSync(dirname(resultsFile), { recursive: true });
  rmSync(resultsFile, { force: true });
  const words = [process.execPath, join(repository, "scripts/tap-run.ts"), resultsFile, ...files];
  const status = await runProgram("test/lab/uml", words, labEnv(kind, append));
  const seconds = (performance.now() - started) / 1000;
  const found = existsSync(resultsFile)
    ? (JSON.parse(readFileSync(resultsFile, "utf8")) as FileResult[])
    : [];
  return status === 0 ? found : [...found, troubleWith(status, seconds)];
}

/** What stands for a lab that did not do its work. */
export function troubleWith(status: number | null, seconds = 0): FileResult {
  const text = `the lab ended with status ${status} (124: time is up, 125: it could not start)`;
  return { file: "test/lab", tests: [{ name: "(the lab)", outcome: "failed", text }], seconds };
}

function labEnv(kind: LabKind, append = ""): NodeJS.ProcessEnv {
  const names = ["TSRUN", "TSRUN_LAB_INSIDE", "TSRUN_CYCLES", "TSRUN_TEST_CACHE"];
  return {
    ...process.env,
    TSRUN_LAB_INSIDE: kind,
    LAB_INIT: kind === "systemd" ? "systemd" : "",
    TSRUN_CYCLES: process.env.TSRUN_CYCLES ?? "20",
    LAB_APPEND: process.env.LAB_APPEND ?? append,
    LAB_ENV: names.join(" "),
    LAB_TIMEOUT: process.env.LAB_TIMEOUT ?? (kind === "systemd" ? "1200" : "600"),
  };
}

/** Runs a program of the repository to its end, with our output; gives its exit status. */
function runProgram(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(repository, file), [...args], { env, stdio: [...inherited] });
    child.on("error", reject);
    child.on("close", resolve);
  });
}
