// Small experiments against the server that sent this page. Everything works without it; it only shows what was said.
"use strict";

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const bytes = (count) => (count < 4096 ? `${count} bytes` : `${(count / 1024).toFixed(1)} KiB`);

function headerTable(response, caption) {
  const table = element("table");
  table.append(element("caption", caption));
  const body = element("tbody");
  for (const [name, value] of [...response.headers].sort()) {
    const row = element("tr");
    const head = element("th", name);
    head.scope = "row";
    row.append(head, element("td", value, "bytes"));
    body.append(row);
  }
  table.append(body);
  return table;
}

function hexOf(buffer) {
  const shown = new Uint8Array(buffer.slice(0, 64));
  const hex = [...shown].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return buffer.byteLength > shown.length ? `${hex} …` : hex;
}

async function show(target, path, options, withBody) {
  const output = document.getElementById(target);
  output.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(path, { cache: "no-store", ...options });
    const body = await response.arrayBuffer();
    const line = element("p");
    line.append(element("span", `${response.status} ${response.statusText}`.trim(), "status"));
    line.append(` with a body of ${bytes(body.byteLength)}`);
    const asked = new URL(path, location.href).pathname;
    const parts = [line, headerTable(response, `${options.method ?? "GET"} ${asked}`)];
    if (withBody && body.byteLength > 0) parts.push(element("p", hexOf(body), "bytes"));
    output.replaceChildren(...parts);
  } catch (error) {
    output.replaceChildren(element("p", `No answer: ${error.message}`));
  }
  output.removeAttribute("aria-busy");
}

function showThisPage() {
  const output = document.getElementById("this-page");
  if (!output) return;
  show("this-page", location.pathname, { method: "HEAD" }, false);
  addEventListener("load", () => {
    const [visit] = performance.getEntriesByType("navigation");
    const cost = document.getElementById("this-page-cost");
    if (!visit || !cost || !visit.encodedBodySize) return;
    const wait = (visit.responseStart - visit.requestStart).toFixed(1);
    cost.textContent =
      `This page is ${bytes(visit.decodedBodySize)} long and came as ${bytes(visit.encodedBodySize)}; ` +
      `its first byte was here ${wait} ms after it was asked for.`;
  });
}

const EXPERIMENTS = {
  whole: () => ["GET", {}],
  head: () => ["HEAD", {}],
  options: () => ["OPTIONS", {}],
  range: () => ["GET", { Range: "bytes=0-15" }],
  suffix: () => ["GET", { Range: "bytes=-16" }],
  several: () => ["GET", { Range: "bytes=0-3,16-19" }],
  beyond: () => ["GET", { Range: "bytes=999999999-" }],
  unchanged: async (path) => {
    const before = await fetch(path, { method: "HEAD", cache: "no-store" });
    return ["GET", { "If-None-Match": before.headers.get("etag") ?? "*" }];
  },
  since: async (path) => {
    const before = await fetch(path, { method: "HEAD", cache: "no-store" });
    return ["GET", { "If-Modified-Since": before.headers.get("last-modified") ?? new Date().toUTCString() }];
  },
  refused: () => ["GET", { "If-Match": '"another version"' }],
};

for (const button of document.querySelectorAll("button[data-ask]")) {
  button.addEventListener("click", async () => {
    const path = button.dataset.path;
    const [method, headers] = await EXPERIMENTS[button.dataset.ask](path);
    await show("answer", path, { method, headers }, true);
  });
}

const slice = document.getElementById("slice");
if (slice) {
  slice.addEventListener("submit", (event) => {
    event.preventDefault();
    const range = `bytes=${slice.elements.first.value}-${slice.elements.last.value}`;
    show("slice-answer", slice.dataset.path, { headers: { Range: range } }, true);
  });
}

// The whole part of the page that needs a script stays hidden until the script is there.
for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
showThisPage();
