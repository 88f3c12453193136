// Errors that AsyncAPI's own parser finds in a document, one a line; exit code 1 where there are any.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The parser is where npm was told to put it, which need not be beside this file.
const { Parser } = createRequire(`${process.argv[3]}/`)("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const errors = diagnostics.filter((each) => each.severity === 0);
for (const each of errors) console.log(`${each.path.join("/")}: ${each.message}`);
process.exit(errors.length || !document ? 1 : 0);
