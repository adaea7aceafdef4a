// The list of items: which conditions got each right, filtered by text and by outcome.

const FAILED = 254; // every record of the condition on the item failed
const ABSENT = 255; // no record
const FULL = 250; // a score of 1
const RIGHT = FULL / 2;

class Scores {
  constructor(bytes, items) {
    this.bytes = bytes;
    this.items = items;
  }
  at(condition, item) {
    return this.bytes[condition * this.items + item];
  }
  of(item) {
    const all = [];
    for (let place = item; place < this.bytes.length; place += this.items) all.push(this.bytes[place]);
    return all;
  }
}

const OUTCOMES = {
  all: () => true,
  disagree: (scores) => scores.some((s) => s >= RIGHT && s <= FULL) && scores.some((s) => s < RIGHT),
  right: (scores) => scores.some((s) => s <= FULL) && scores.every((s) => s >= RIGHT && s !== FAILED),
  wrong: (scores) => scores.some((s) => s <= FULL) && scores.every((s) => s < RIGHT || s > FULL),
  failed: (scores) => scores.includes(FAILED),
  traced: (_, item) => item.chunk !== null,
};

function describe(score) {
  if (score === ABSENT) return "not asked";
  if (score === FAILED) return "failed";
  return `score ${plain(score / FULL, 2)}`;
}

function kindOf(score) {
  if (score === ABSENT) return "absent";
  if (score === FAILED) return "failed";
  return score >= FULL ? "right" : score === 0 ? "wrong" : score >= RIGHT ? "mostly" : "partly";
}

function strip(index, scores) {
  const squares = scores.map((score, c) => {
    const title = `${index.conditions[c].name}: ${describe(score)}`;
    return make("span", { class: `square ${kindOf(score)}`, title });
  });
  const right = scores.filter((s) => s >= RIGHT && s <= FULL).length;
  const asked = scores.filter((s) => s !== ABSENT).length;
  const label = `${right} of ${counted(asked, "condition")} right`;
  return make("span", { class: "strip", role: "img", "aria-label": label }, squares);
}

class Items {
  constructor(index, scores, open) {
    Object.assign(this, { index, scores, open, page: 0, chosen: null, pair: null });
    this.size = window.matchMedia("(max-width: 50rem)").matches ? 8 : 25;
    this.lower = index.items.map((item) => `${item.id}\n${item.question}\n${item.answer}`.toLowerCase());
    byId("find").addEventListener("input", () => this.restart());
    byId("outcome").addEventListener("change", () => this.restart(null));
    byId("previous").addEventListener("click", () => this.turn(-1));
    byId("next").addEventListener("click", () => this.turn(1));
    byId("any-pair").addEventListener("click", () => this.restart(null));
    this.restart();
  }

  restart(pair = this.pair) {
    this.pair = pair;
    this.page = 0;
    this.found = this.matching();
    this.show();
  }

  matching() {
    const text = byId("find").value.trim().toLowerCase();
    const fits = OUTCOMES[byId("outcome").value];
    const found = [];
    for (let i = 0; i < this.lower.length; i++) {
      if (this.lower[i].includes(text) && fits(this.scores.of(i), this.index.items[i]) && this.splits(i)) found.push(i);
    }
    return found;
  }

  splits(item) {
    if (!this.pair) return true;
    const [above, below] = this.pair.map((condition) => this.scores.at(condition, item));
    return above <= FULL && below <= FULL && above > below;
  }

  between(above, below) {
    byId("outcome").value = "all";
    byId("find").value = "";
    this.restart([above, below]);
    byId("items").scrollIntoView();
  }

  turn(by) {
    this.page += by;
    this.show();
    byId("list").scrollTop = 0;
  }

  show() {
    const start = this.page * this.size;
    const shown = this.found.slice(start, start + this.size);
    byId("list").replaceChildren(...shown.map((i) => this.row(i)));
    const range = shown.length ? `${plain(start + 1)}\u2013${plain(start + shown.length)} of ` : "";
    byId("found").textContent = range + counted(this.found.length, "item");
    byId("previous").disabled = start === 0;
    byId("next").disabled = start + this.size >= this.found.length;
    byId("pair-filter").hidden = !this.pair;
    if (this.pair) byId("pair-filter-text").textContent = this.pairInWords();
  }

  pairInWords() {
    const [above, below] = this.pair.map((c) => this.index.conditions[c].name);
    return `Only items where ${above} scored more than ${below}. `;
  }

  row(i) {
    const item = this.index.items[i];
    const level = item.level === null ? null : make("span", { class: "quiet" }, `level ${item.level}`);
    return make(
      "li",
      {},
      make(
        "button",
        { type: "button", class: "item", "aria-current": i === this.chosen ? "true" : null, onclick: () => this.choose(i) },
        make("span", { class: "item-head" }, make("b", {}, item.id), level),
        make("span", { class: "item-question" }, item.question),
        make("span", { class: "item-answer" }, make("span", { class: "quiet" }, "answer "), item.answer),
        strip(this.index, this.scores.of(i)),
      ),
    );
  }

  choose(i) {
    this.chosen = i;
    this.show();
    this.open(i);
  }
}
