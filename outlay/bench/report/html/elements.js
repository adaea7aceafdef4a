// Elements made from text. Nothing here reads HTML, so what a model wrote stays text.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onclick" || name === "ontoggle") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function plain(value, digits = 0) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function signed(value) {
  return (value > 0 ? "+" : value < 0 ? "\u2212" : "") + plain(Math.abs(value), 1);
}

function dollars(value) {
  if (value === null) return "price unknown";
  return "$" + (value === 0 ? "0" : value >= 0.01 ? plain(value, 4) : value.toPrecision(3));
}

function counted(count, word) {
  return `${plain(count)} ${word}${count === 1 ? "" : "s"}`;
}

function definitions(pairs) {
  const list = make("dl", { class: "facts" });
  for (const [term, value] of pairs) list.append(make("div", {}, make("dt", {}, term), make("dd", {}, value)));
  return list;
}
