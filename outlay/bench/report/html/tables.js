// Tables that sort by the `data-value` of their cells, by click or keyboard.

function valueAt(row, column) {
  const value = row.cells[column].dataset.value;
  return value === "" || value === undefined ? null : Number(value);
}

function byColumn(column, ascending) {
  return (a, b) => {
    const [left, right] = [valueAt(a, column), valueAt(b, column)];
    if (left === null || right === null) return (left === null) - (right === null);
    return ascending ? left - right : right - left;
  };
}

function sortBy(table, header, ascending) {
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(byColumn(header.cellIndex, ascending)));
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

function makeSortable(table) {
  for (const header of table.tHead.rows[0].cells) {
    const first = header.cellIndex === 0 ? "ascending" : "descending";
    header.querySelector("button").addEventListener("click", () => {
      const sorted = header.getAttribute("aria-sort");
      sortBy(table, header, sorted === "none" ? first === "ascending" : sorted === "descending");
    });
  }
}
