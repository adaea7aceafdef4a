// One item: what each condition answered, and what each of its nodes did.

function markOf(record) {
  if (record.failure) return make("span", { class: "mark failed" }, "failed");
  const kind = record.score >= 1 ? "right" : record.score > 0 ? "partly" : "wrong";
  return make("span", { class: `mark ${kind}` }, plain(record.score, record.score % 1 ? 2 : 0));
}

function usageInWords(usage) {
  const { calls = 0, prompt_tokens = 0, output_tokens = 0 } = usage;
  return `${counted(calls, "call")}, ${plain(prompt_tokens)} tokens in, ${plain(output_tokens)} out`;
}

function usageFacts(record) {
  const usage = record.usage ?? {};
  const facts = [
    ["usage", usageInWords(usage)],
    ["dollars", dollars(usage.usd === undefined ? 0 : usage.usd)],
    ["seconds", plain(record.seconds ?? 0, 2)],
  ];
  if (usage.cached_tokens) facts.push(["cached tokens", plain(usage.cached_tokens)]);
  if (usage.reasoning_tokens) facts.push(["reasoning tokens", plain(usage.reasoning_tokens)]);
  if (record.sequential) facts.push(["sequential", usageInWords(record.sequential)]);
  if (record.planning_tokens) facts.push(["planning tokens", plain(record.planning_tokens)]);
  for (const part of ["replayed", "unconfirmed", "judge"]) {
    if (record[part]) facts.push([part, usageInWords(record[part])]);
  }
  for (const [unit, by] of Object.entries(record.overshoot ?? {})) {
    facts.push(["above the budget", `${plain(by)} ${unit.replace("_", " ")}`]);
  }
  return definitions(facts);
}

function written(value) {
  return make("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

function entryOf(entry, whole) {
  const bar = make("span", { class: "bar" });
  bar.style.left = `${(100 * entry.started) / whole}%`;
  bar.style.width = `${Math.max(0.5, (100 * (entry.ended - entry.started)) / whole)}%`;
  const times = `${plain(entry.started, 2)}\u2013${plain(entry.ended, 2)} s`;
  const usage = entry.usage.calls ? usageInWords(entry.usage) : "no call";
  const summary = make(
    "summary",
    {},
    make("span", { class: "node" }, entry.node),
    make("span", { class: "quiet" }, times),
    make("span", { class: "quiet" }, usage),
    make("span", { class: "track", "aria-hidden": "true" }, bar),
  );
  const parts = Object.entries(entry.update).map(([key, value]) => [
    make("p", { class: "key" }, key),
    written(value),
  ]);
  const nothing = make("p", { class: "quiet" }, "It wrote nothing.");
  return make("li", {}, make("details", {}, summary, parts.length ? parts : nothing));
}

function timeline(record) {
  const whole = Math.max(...record.trace.map((entry) => entry.ended), 1e-9);
  const list = make("ol", { class: "timeline" }, record.trace.map((entry) => entryOf(entry, whole)));
  const missing = record.untraced
    ? make("p", { class: "quiet" }, `${counted(record.untraced, "more node")} in records.jsonl.`)
    : null;
  const replayed = record.replayed
    ? make("p", { class: "quiet small" }, "Calls were replayed: the times are not those of a run that makes them.")
    : null;
  return [make("h5", {}, "What each node did"), replayed, list, missing];
}

function bodyOf(record) {
  const body = [];
  const { failure, degraded } = record;
  if (failure) body.push(make("p", { class: "warning" }, `${failure.stage} failed, ${failure.kind}: ${failure.message}`));
  if (degraded) body.push(make("p", { class: "warning" }, `Degraded: ${degraded}`));
  body.push(make("h5", {}, "Answer"));
  body.push(record.text ? make("pre", { class: "answer" }, record.text) : make("p", { class: "quiet" }, "No text."));
  body.push(usageFacts(record));
  if (record.trace.length) body.push(...timeline(record));
  return make("div", { class: "record-body" }, body);
}

function recordOf(record, seeds) {
  const value = record.value === undefined ? "no value" : record.value;
  const reason = record.stop_reason ?? "run failed";
  const details = make("details", { class: "record" });
  details.append(
    make(
      "summary",
      {},
      markOf(record),
      make("span", { class: "budget" }, record.budget, seeds > 1 ? ` \u00b7 seed ${record.seed}` : ""),
      make("span", { class: record.value === undefined ? "value quiet" : "value" }, value),
      make(
        "span",
        { class: "quiet ending" },
        `${plain(record.usage?.output_tokens ?? 0)} tokens \u00b7 ${reason}${record.degraded ? " \u00b7 degraded" : ""}`,
      ),
    ),
  );
  details.addEventListener("toggle", () => details.open && details.append(bodyOf(record)), { once: true });
  return details;
}

function byStrategy(index, records) {
  const place = new Map(index.conditions.map(({ strategy, budget }, c) => [`${strategy}\n${budget}`, c]));
  const order = (record) => place.get(`${record.strategy}\n${record.budget}`) ?? place.size;
  const groups = new Map();
  for (const record of [...records].sort((a, b) => order(a) - order(b) || a.seed - b.seed)) {
    groups.set(record.strategy, [...(groups.get(record.strategy) ?? []), record]);
  }
  return groups;
}

function questionOf(item) {
  const labels = Object.entries(item.labels ?? {}).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const level = item.level === undefined ? [] : [["level", String(item.level)]];
  return [
    make("p", { class: "question" }, item.question),
    item.context ? make("details", { class: "context" }, make("summary", {}, "Context"), written(item.context)) : null,
    definitions([["right answer", item.answers.join("  or  ")], ...level, ...labels]),
  ];
}

function allRecords(index, records) {
  const seeds = new Set(records.map((record) => record.seed)).size;
  const parts = [];
  for (const [strategy, own] of byStrategy(index, records)) {
    parts.push(make("h4", {}, strategy), ...own.map((record) => recordOf(record, seeds)));
  }
  return parts;
}

function onlyScores(index, scores, item) {
  const rows = scores.of(item).map((score, c) => {
    const name = index.conditions[c].name;
    return make("li", {}, make("span", { class: `square ${kindOf(score)}` }), ` ${name}: ${describe(score)}`);
  });
  const where = `What was answered here is not in this page but in records.jsonl, under "item":${JSON.stringify(index.items[item].id)}.`;
  return [make("p", { class: "quiet" }, where), make("ul", { class: "only-scores" }, rows)];
}

async function showItem(index, scores, item) {
  const listed = index.items[item];
  const held = listed.chunk === null ? null : (await unpack(`chunk-${listed.chunk}`))[item];
  const head = [
    make("h3", { id: "item-title", tabindex: "-1" }, `Item ${listed.id}`),
    questionOf(held ? held.item : { question: listed.question, answers: [listed.answer] }),
  ];
  const rest = held ? allRecords(index, held.records) : onlyScores(index, scores, item);
  byId("item").replaceChildren(...head.flat().filter(Boolean), ...rest);
  byId("item-title").focus({ preventScroll: true });
  byId("item").scrollIntoView({ block: "nearest" });
  if (byId("item").getBoundingClientRect().top > window.innerHeight / 2) byId("item").scrollIntoView();
}
