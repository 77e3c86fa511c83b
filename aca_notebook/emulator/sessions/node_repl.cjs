// Runs JavaScript that keeps its state: descriptor 3 brings code, descriptor 4 takes what came of it, both end with NUL.
// The evaluation is Node's own REPL: `let` and `const` last, `await` works at the top, `require` is there.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const repl = require("node:repl");
const util = require("node:util");
const vm = require("node:vm");
const { Duplex, PassThrough } = require("node:stream");

const say = (event) => fs.writeSync(4, JSON.stringify(event) + "\0");
const silent = new Duplex({ read() {}, write(_chunk, _encoding, done) { done(); } });
const session = repl.start({
  input: new PassThrough(), output: silent, prompt: "", terminal: false, useGlobal: true, ignoreUndefined: true,
});
// Azure's sessions of NodeLTS answer it (recorded: session_code_interpreter_nodelts_2024-02-02).
globalThis.print = (...values) => console.log(...values);
// A loop is broken by `within`; code that waits is told here. What either has set is kept.
const interrupted = () => {
  const [name, message] = ["Interrupted", "the code was interrupted"];
  return Object.assign(new Error(message), { name, stack: `${name}: ${message}` });
};
process.on("SIGINT", () => {
  if (fail) {
    fail(interrupted());
  }
});
// Calls a function, which a signal breaks off. The REPL's own way (`breakEvalOnSigint`) ends the process where it has no
// terminal: tried with Node.js 20.
const breakable = new vm.Script("globalThis[Symbol.for('aca.inner')]()", { filename: __filename });
function within(inner) {
  globalThis[Symbol.for("aca.inner")] = inner;
  try {
    breakable.runInThisContext({ breakOnSigint: true });
  } catch (error) {
    if (error.code !== "ERR_SCRIPT_EXECUTION_INTERRUPTED") {
      throw error;
    }
    fail(interrupted());
  } finally {
    delete globalThis[Symbol.for("aca.inner")];
  }
}
// Frames that say nothing about the code.
const OURS = [__filename, "node:", "at new Promise (<anonymous>)"];
const failed = (error) => {
  const shown = error instanceof Error ? (error.stack ?? String(error)) : util.inspect(error);
  const [name, value] = error instanceof Error ? [error.name, error.message] : ["Error", shown];
  const lines = shown.split("\n").filter((line) => !/^\s+at /.test(line) || !OURS.some((each) => line.includes(each)));
  say({ event: "error", name, value, traceback: lines });
  return 1;
};
// What code throws reaches the REPL's domain, whether at once or from a timer; then nobody may be waiting.
let fail = null;
const thrown = (error) => {
  if (fail) {
    fail(error);
  } else {
    process.stderr.write(`Uncaught ${util.inspect(error)}\n`);
  }
};
session._domain.removeAllListeners("error");
session._domain.on("error", thrown);
process.on("uncaughtException", thrown);

function run(code) {
  return new Promise((resolve) => {
    fail = (error) => resolve(failed(error));
    within(() => session.eval(`${code}\n`, session.context, "session", (error, value) => {
      if (error) {
        resolve(failed(error instanceof repl.Recoverable ? error.err : error));
        return;
      }
      if (value !== undefined) {
        say({ event: "result", data: { "text/plain": util.inspect(value) }, metadata: {} });
      }
      resolve(0);
    }));
  });
}

async function serve() {
  let rest = Buffer.alloc(0);
  for await (const block of fs.createReadStream(path.join("/proc/self/fd", "3"), { fd: 3, autoClose: false })) {
    rest = Buffer.concat([rest, block]);
    let end;
    while ((end = rest.indexOf(0)) >= 0) {
      const code = rest.subarray(0, end).toString("utf8");
      rest = rest.subarray(end + 1);
      const status = await run(code);
      fail = null;
      say({ event: "ended", status });
    }
  }
  process.exit(0);
}
serve();
