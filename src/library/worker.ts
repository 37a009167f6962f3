// The entry of a worker: one job after the other, each a blocking call.
import { parentPort } from "node:worker_threads";

import { explainRefusal } from "../spec/refusal.ts";
import { toPlain } from "./failure.ts";
import { type JobName, jobs } from "./jobs.ts";
import { locateNative } from "./native-place.ts";
import type { Answer, Question } from "./pool.ts";

locateNative();
const port = parentPort!;

port.on("message", ({ name, argument }: Question) => {
  port.postMessage(answer(name, argument));
});

function answer(name: JobName, argument: unknown): Answer {
  try {
    // The pool's types keep name and argument together.
    return { value: (jobs[name] as (given: unknown) => unknown)(argument) };
  } catch (error) {
    return { failure: toPlain(explainRefusal(error)) };
  }
}
