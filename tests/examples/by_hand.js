// Runs what docs/clients.md shows for Node, on a server with the sample site.
const assert = require("node:assert");
const fs = require("node:fs");
const { createRequire } = require("node:module");

const installed = createRequire(`${process.env.MODULES}/`);
const [, code] = fs.readFileSync(process.env.DOCUMENT, "utf8").match(/```js\n(.*?)```/s);
// The deadline is for sidecars that have a processor when they need one.
const here = code.replace("/run/rolegate/questions.sock", process.env.SOCKET)
  .replace('"proto"', "process.env.PROTOS").replace("Date.now() + 200", "Date.now() + 20000");
const mayDownload = new Function("require", `${here}; return mayDownload;`)(installed);
const project = "5f0000000000000000000001";

async function main() {
  assert.strictEqual(await mayDownload("rosa@demo.example", project, true), true);
  assert.strictEqual(await mayDownload("ivy@demo.example", project, true), false);
  await assert.rejects(mayDownload("rosa@demo.example", project, true, "no token"), { code: 3 });
  console.log("all that is shown works");
  process.exit(0);
}

main();
