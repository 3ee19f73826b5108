// Parses and renders Adaptive Cards with Microsoft's own library; prints what it finds wrong with each, and its page.
const { createRequire } = require("module");
const needs = createRequire(process.argv[2] + "/package.json");
const { JSDOM } = needs("jsdom");
const page = new JSDOM("");
global.window = page.window;
global.document = page.window.document;
for (const name of ["HTMLElement", "HTMLButtonElement", "HTMLInputElement", "Node", "MutationObserver"]) global[name] = page.window[name];
const cards = needs("adaptivecards/dist/adaptivecards.js");
const markdown = needs("markdown-it")({ linkify: false });

cards.AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdown.render(text);
  result.didProcess = true;
};
const found = (given) => {
  const card = new cards.AdaptiveCard();
  const context = new cards.SerializationContext();
  card.parse(given, context);
  const wrong = [];
  for (let index = 0; index < context.eventCount; index++) wrong.push(context.getEventAt(index).message);
  for (const each of card.validateProperties().validationEvents) wrong.push(each.message);
  const rendered = card.render();
  return {
    wrong,
    text: rendered.textContent,
    links: [...rendered.querySelectorAll("a")].map((each) => each.getAttribute("href")),
    images: rendered.querySelectorAll("img").length,
    bold: [...rendered.querySelectorAll("strong")].map((each) => each.textContent),
    actions: card.getActionCount(),
  };
};
console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0, "utf8")).map(found)));
