// Any two conditions on the same items: worked out before, looked up here.

const VERDICTS = {
  better: "a difference beyond the noise",
  worse: "a difference beyond the noise",
  noise: "inside the noise",
  "too few": "too few items to say",
};

function pairOf(pairs, first, second) {
  const found = pairs.find((pair) => pair.first === first && pair.second === second);
  if (found) return found;
  const other = pairs.find((pair) => pair.first === second && pair.second === first);
  if (!other) return null;
  const { difference, low, high, wins, losses } = other;
  return { ...other, difference: -difference, low: -high, high: -low, wins: losses, losses: wins };
}

function shownP(p) {
  return p < 0.001 ? "p < 0.001" : `p = ${Number(p.toPrecision(2))}`;
}

function verdictOf(pair, comparisons) {
  const only = pair.verdict === "noise" && pair.p < 0.05;
  return VERDICTS[pair.verdict] + (only ? ` once adjusted for ${counted(comparisons, "comparison")}` : "");
}

function pairInWords(pair, comparisons, first, second) {
  const than = pair.difference === 0 ? "as accurate as" : pair.difference > 0 ? "above" : "below";
  const by = pair.difference === 0 ? "" : `${plain(Math.abs(pair.difference), 1)} points `;
  return `${first} is ${by}${than} ${second} on the same ${counted(pair.items, "item")}: ${verdictOf(pair, comparisons)}.`;
}

function pairFacts(pair, comparisons) {
  return definitions([
    ["difference, 95% interval", `${signed(pair.difference)} points (${signed(pair.low)} to ${signed(pair.high)})`],
    [`${pair.test} test`, shownP(pair.p)],
    [`adjusted over ${counted(comparisons, "comparison")} (Holm)`, shownP(pair.p_holm)],
    ["first scored more / less", `${plain(pair.wins)} / ${plain(pair.losses)} items`],
  ]);
}

function showPair(index, pairs, filter) {
  const [first, second] = [Number(byId("pair-first").value), Number(byId("pair-second").value)];
  const pair = first === second ? null : pairOf(pairs, first, second);
  const out = byId("pair-result");
  if (!pair) {
    const why = first === second ? "Choose two different conditions." : "These two were not compared.";
    out.replaceChildren(make("p", { class: "quiet" }, why));
    return;
  }
  const names = index.conditions.map(({ name }) => name);
  const show = (above, below) => () => filter(above, below);
  out.replaceChildren(
    make("p", {}, pairInWords(pair, pairs.length, names[first], names[second])),
    pairFacts(pair, pairs.length),
    make(
      "p",
      { class: "actions" },
      make("button", { type: "button", onclick: show(first, second) }, "Items where the first scored more"),
      make("button", { type: "button", onclick: show(second, first) }, "Items where the second scored more"),
    ),
  );
}

function startPairs(index, pairs, filter) {
  for (const id of ["pair-first", "pair-second"]) {
    byId(id).addEventListener("change", () => showPair(index, pairs, filter));
  }
  showPair(index, pairs, filter);
}
