// What of src an input runs, block by block, as V8 counts it.
import { Session } from "node:inspector";

type Ranges = {
  functions: { ranges: { startOffset: number; endOffset: number; count: number }[] }[];
};
type Report = { result: (Ranges & { url: string })[] };

/** Begins counting; the function returned tells which blocks ran since it was last called. */
export function watchCoverage(): () => string[] {
  const session = new Session();
  session.connect();
  const ask = (method: string, parameters?: object): unknown => {
    let answer: unknown;
    session.post(method, parameters, (error, result) => {
      if (error !== null) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  };
  ask("Profiler.enable");
  ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return () => blocksOf(ask("Profiler.takePreciseCoverage") as Report);
}

function blocksOf({ result }: Report): string[] {
  return result.flatMap(({ url, functions }) => {
    const file = /\/src\/(.*)$/.exec(url)?.[1];
    if (file === undefined) return [];
    const ranges = functions.flatMap(({ ranges }) => ranges.filter(({ count }) => count > 0));
    return ranges.map(({ startOffset, endOffset }) => `${file}:${startOffset}-${endOffset}`);
  });
}
