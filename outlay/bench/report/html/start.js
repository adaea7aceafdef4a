// What happens when the page opens.

async function start() {
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  const index = await unpack("index");
  const scores = new Scores(await unpackBytes("scores"), index.listed);
  const items = new Items(index, scores, (item) => showItem(index, scores, item));
  if (byId("pair-first")) startPairs(index, await unpack("pairs"), (above, below) => items.between(above, below));
  document.body.dataset.ready = "yes";
}

start().catch((error) => {
  byId("found").textContent = `This browser cannot open the items (${error.message}); they are in records.jsonl.`;
});
