// Reads a flowchart on stdin with Mermaid's own parser; prints its labels, and its edges with theirs.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/node_modules/`);
const { JSDOM } = require("jsdom");
globalThis.window = new JSDOM("<!doctype html>").window;
globalThis.document = globalThis.window.document;
const main = `${process.argv[2]}/node_modules/mermaid/dist/mermaid.core.mjs`;
const { default: mermaid } = await import(pathToFileURL(main));

let text = "";
for await (const chunk of process.stdin) text += chunk;
await mermaid.parse(text); // throws where the text is no diagram
const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);
const nodes = [...diagram.db.getVertices().values()].map((node) => node.text);
const edges = diagram.db.getEdges().map((edge) => [edge.start, edge.end, edge.text]);
process.stdout.write(JSON.stringify({ type: diagram.type, nodes, edges }));
