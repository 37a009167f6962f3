// npm run budget: accepts what hot commands load now, and tells what has changed.
import { compareBudget, readBudget, writeBudget } from "./imports.ts";
import { traceCommands } from "./traced.ts";

const trace = await traceCommands();
for (const sentence of compareBudget(trace, readBudget())) console.log(sentence);
writeBudget(trace.loaded);
for (const [command, modules] of trace.loaded) console.log(`${command}: ${modules.size} modules`);
