// What was found once stays fixed: the corpus and a few hundred mutations, the same ones each time.
import t from "tap";
import { fuzz } from "../../fuzz/loop.ts";
import { randomFrom } from "../../fuzz/random.ts";
import { targetNames, targets } from "../../fuzz/targets.ts";

for (const name of targetNames) {
  t.test(`${name}: all that is in the corpus passes, and what comes near it`, async (t) => {
    const target = targets[name];
    const runs = target.seeds.length + 600;
    const { executions, accepted, finds } = fuzz(target, {
      until: ({ executions }) => executions >= runs,
      random: randomFrom(1),
    });
    for (const { text, error } of finds) t.fail(`${error.stack}\n${text.slice(0, 2000)}`);
    t.ok(executions >= runs);
    t.ok(accepted > executions / 20, `${accepted} of ${executions} were good`);
    t.ok(accepted < executions, "others were refused");
  });
}
